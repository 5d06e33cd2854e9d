# SPDX-License-Identifier: Apache-2.0
"""The report's section of gas by class: a stacked bar a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cortensor.gas import kinds

if TYPE_CHECKING:
    from cortensor.gas.kept_profiles import Profiles

SHOWN = {
    kinds.COMPUTATION: "computation",
    kinds.STORAGE_READ: "cold reads",
    kinds.STORAGE_WRITE: "changes",
    kinds.STORAGE_GROWTH: "new state",
    kinds.HISTORY_GROWTH: "events",
    kinds.L2_CALLDATA: "calldata",
}
"""Class -> its heading. Poster gas is Arbitrum's own, and scenarios run on Anvil."""


class Piece(NamedTuple):
    """A class in a bar: its gas, and the thousandths of the bar that it takes."""

    kind: str
    label: str
    gas: int
    permille: int


class Stack(NamedTuple):
    """A scenario's bar. Its pieces are before the refund, `gas` after."""

    scenario: str
    gas: int
    refund: int
    pieces: list[Piece]


def stacks(profiles: Profiles) -> list[Stack]:
    """Return a bar a scenario."""
    found = []
    for name, kept in profiles.by_gas():
        taken = sum(kept.classes.values())
        pieces = [
            Piece(kind, label, gas, gas * 1000 // taken)
            for kind, label in SHOWN.items()
            for gas in [kept.classes.get(kind, 0)]
        ]
        found.append(Stack(name, kept.gas_used, kept.refund, pieces))
    return found
