# SPDX-License-Identifier: Apache-2.0
"""Which calls bring the levels of many nodes up to a final epoch's for the least gas."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ONE_GAS = 60_740
"""Of `sync`: `node.sync` of gas/scenarios.json."""
RUN_LEAF_GAS = 11_736
"""Of a leaf more in `sync_run`: a ninetieth of what `node.sync.100` takes above `node.sync.10`."""
RUN_GAS = 56_399
"""Of `sync_run` beside its leaves: what is left of `node.sync.10`."""


class Part(NamedTuple):
    """Leaves side by side that one call syncs: a single one by `sync`, more by `sync_run`."""

    first: int
    size: int


class _Plan(NamedTuple):
    gas: int
    parts: list[Part]


def cheapest(
    behind: Sequence[int], count: int, height: int, may_run: Callable[[Part], bool]
) -> list[Part]:
    """Return the calls that sync all leaves that are behind, in order.

    Args:
        behind: the leaves, rising.
        count: leaves of the tree.
        height: of the longest run.
        may_run: whether `sync_run` takes those leaves.
    """
    parts: list[Part] = []
    for number, inside in groupby(behind, lambda place: place >> height):
        parts += _plan([*inside], number << height, height, count, may_run).parts
    return parts


def _plan(
    behind: Sequence[int], start: int, height: int, count: int, may_run: Callable[[Part], bool]
) -> _Plan:
    """Take a run whole or its halves apart, whichever is cheaper."""
    if not behind:
        return _Plan(0, [])
    if not height:
        return _Plan(ONE_GAS, [Part(start, 1)])
    middle = start + (1 << height - 1)
    halves = [
        _plan([place for place in behind if place < middle], start, height - 1, count, may_run),
        _plan([place for place in behind if place >= middle], middle, height - 1, count, may_run),
    ]
    apart = _Plan(sum(each.gas for each in halves), [*halves[0].parts, *halves[1].parts])
    whole = Part(start, min(1 << height, count - start))
    gas = RUN_GAS + RUN_LEAF_GAS * whole.size
    return _Plan(gas, [whole]) if gas < apart.gas and may_run(whole) else apart
