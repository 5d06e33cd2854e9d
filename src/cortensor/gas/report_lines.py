# SPDX-License-Identifier: Apache-2.0
"""The report's section of source lines: the dearest of the dearest scenario of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cortensor.gas.kept_profiles import DEPLOYMENT

if TYPE_CHECKING:
    from cortensor.gas.kept_profiles import KeptLine, Profiles

CARDS = 10


class LineBar(NamedTuple):
    """A line, and the thousandths of its scenario's gas that it takes by itself."""

    line: KeptLine
    permille: int


class Card(NamedTuple):
    """A scenario's dearest lines."""

    scenario: str
    gas: int
    bars: list[LineBar]


def cards(profiles: Profiles) -> list[Card]:
    """Return the dearest scenarios, one of each kind: of a batch only the largest, say."""
    found: dict[str, Card] = {}
    for name, kept in profiles.by_gas():
        kind = ".".join(name.split(".")[:2])
        if name.startswith(DEPLOYMENT) or kind in found or len(found) == CARDS:
            continue
        bars = [LineBar(line, line.gas * 1000 // kept.gas_used) for line in kept.lines]
        found[kind] = Card(name, kept.gas_used, bars)
    return list(found.values())
