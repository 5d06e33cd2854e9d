# SPDX-License-Identifier: Apache-2.0
"""The report's section of calldata: bytes, what they take, which argument they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cortensor.gas import kinds

if TYPE_CHECKING:
    from cortensor.gas.kept_profiles import Profiles
    from cortensor.gas.measured import Measurement

DEAREST = 4


class ArgumentPart(NamedTuple):
    """An argument's bytes, their thousandths of the calldata, and the units that it adds."""

    name: str
    bytes: int
    permille: int
    units: int


class CalldataRow(NamedTuple):
    """A scenario's calldata. `units` is what a chain above Ethereum charges for."""

    scenario: str
    bytes: int
    zeros: int
    gas: int
    units: int
    arguments: list[ArgumentPart]

    @property
    def dearest(self) -> list[ArgumentPart]:
        """The arguments that add most units, the dearest first."""
        adding = [each for each in self.arguments if each.units > 0]
        return sorted(adding, key=lambda each: -each.units)[:DEAREST]


def calldata_rows(profiles: Profiles, measured: Measurement) -> list[CalldataRow]:
    """Return a row a scenario that calls, the most units first."""
    found = []
    for name, kept in profiles.scenarios.items():
        zeros, others = kept.calldata_bytes
        whole = zeros + others
        row = measured.scenarios.get(name)
        if not kept.arguments:
            continue
        parts = [
            ArgumentPart(argument, size, size * 1000 // whole, units)
            for argument, (size, units) in kept.arguments.items()
        ]
        units = 0 if row is None else row.poster_units or 0
        taken = kept.classes.get(kinds.L2_CALLDATA, 0)
        found.append(CalldataRow(name, whole, zeros, taken, units, parts))
    return sorted(found, key=lambda row: (-row.units, row.scenario))
