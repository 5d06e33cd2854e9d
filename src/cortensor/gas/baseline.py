# SPDX-License-Identifier: Apache-2.0
"""Measured scenarios against a baseline: what moved, and whether that is within a budget."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from cortensor.gas.measured import Measurement

BPS = 10_000
WHAT_MATTERS = ("metric", "compiler", "evm", "optimizer", "hardfork", "token")
"""Header lines that must be equal: numbers under other ones mean something else."""


class Change(NamedTuple):
    """A scenario before and after, in gas; None where it is new or gone."""

    name: str
    before: int | None
    after: int | None

    @property
    def bps(self) -> int | None:
        """The change in basis points, rounded up: a unit more is never nothing."""
        if self.before is None or self.after is None:
            return None
        return -(-(self.after - self.before) * BPS // self.before)


class Diff(NamedTuple):
    """Every change, by size; `total_bps` over the scenarios that both have.

    Attributes:
        changes: of gas.
        units: of the units that the signed transaction is charged for on Arbitrum.
        before: gas of all that both have.
        after: the same, now.
    """

    changes: list[Change]
    units: list[Change]
    before: int
    after: int

    @property
    def total_bps(self) -> int:
        """The change of the sum in basis points, rounded up."""
        return -(-(self.after - self.before) * BPS // self.before) if self.before else 0

    @property
    def new(self) -> list[int]:
        """Gas of each scenario that was not there before."""
        return [each.after or 0 for each in self.changes if each.before is None]

    @property
    def gone(self) -> list[int]:
        """What each scenario that is not there now used."""
        return [each.before or 0 for each in self.changes if each.after is None]

    def over(self, scenario_bps: int, total_bps: int, *, may_be_gone: bool = False) -> list[str]:
        """Return what is over a budget, one sentence each.

        Args:
            scenario_bps: what one scenario may grow, in gas and in units.
            total_bps: what the sum may grow.
            may_be_gone: whether scenarios may be missing now; else nobody would see them grow.
        """
        found = [
            f"{each.name} grew by {percent(each.bps)}, more than {percent(scenario_bps)}"
            for each in self.changes
            if each.bps is not None and each.bps > scenario_bps
        ]
        found += [
            f"{each.name}: poster units grew by {percent(each.bps)}, "
            f"more than {percent(scenario_bps)}"
            for each in self.units
            if each.bps is not None and each.bps > scenario_bps
        ]
        if not may_be_gone:
            found += [f"{each.name} is gone" for each in self.changes if each.after is None]
        if self.total_bps > total_bps:
            found.append(
                f"all together grew by {percent(self.total_bps)}, more than {percent(total_bps)}"
            )
        return found


def percent(bps: int) -> str:
    """Return basis points as percent: 125 is "1.25 %"."""
    sign = "-" if bps < 0 else ""
    return f"{sign}{abs(bps) // 100}.{abs(bps) % 100:02d} %"


def diff(before: Measurement, after: Measurement) -> Diff:
    """Return what moved between two measurements.

    Raises:
        InvalidInput: they were not measured alike (`other_measure`).
    """
    for name in WHAT_MATTERS:
        old, new = before.header.get(name), after.header.get(name)
        if old != new:
            raise InvalidInput(
                f"was {json.dumps(old)} and is {json.dumps(new)}: measure both alike",
                field=f"header.{name}",
                code="other_measure",
            )
    old_gas, new_gas = _gas(before), _gas(after)
    both = old_gas.keys() & new_gas.keys()
    return Diff(
        _changes(old_gas, new_gas),
        _changes(_units(before), _units(after)),
        sum(old_gas[name] for name in both),
        sum(new_gas[name] for name in both),
    )


def _gas(document: Measurement) -> dict[str, int]:
    return {name: each.gas_used for name, each in document.scenarios.items()}


def _units(document: Measurement) -> dict[str, int]:
    return {
        name: each.poster_units
        for name, each in document.scenarios.items()
        if each.poster_units is not None
    }


def _changes(old: dict[str, int], new: dict[str, int]) -> list[Change]:
    changes = [
        Change(name, old.get(name), new.get(name))
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]
    return sorted(changes, key=lambda each: -abs(each.bps or 0))
