# SPDX-License-Identifier: Apache-2.0
"""Who was registered all through an epoch, from the register's events alone.

The same answer as the contract's `was_active`, without a call a node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cortensor.chain.node_register import NodeEvent


class _Stay(NamedTuple):
    operator: str
    began: int


def active_pairs(
    events: Iterable[NodeEvent], time_of: Callable[[int], int], start: int, end: int
) -> list[tuple[str, str]]:
    """Return the (operator, node) pairs that were registered all through a time, sorted.

    Registered by `start`, and neither retired nor disqualified before `end`.

    Args:
        events: of every block up to the epoch's last one, oldest first.
        time_of: block -> unix seconds.
        start: the epoch's first second.
        end: the next one's.
    """
    staying: dict[str, _Stay] = {}
    barred: set[str] = set()
    for event in events:
        moment = time_of(event.block)
        if moment >= end:
            break
        if event.name == "NodeRegistered":
            staying[event.node] = _Stay(event.operator, moment)
        elif event.name == "NodeRetired":
            staying.pop(event.node, None)
        else:
            barred.add(event.node)
    return sorted(
        (stay.operator, node)
        for node, stay in staying.items()
        if stay.began <= start and node not in barred
    )
