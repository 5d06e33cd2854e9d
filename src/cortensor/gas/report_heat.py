# SPDX-License-Identifier: Apache-2.0
"""The report's section of storage: accesses by variable, in every scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cortensor.gas.kept_profiles import Profiles

COLUMNS = {
    "slots": "slots",
    "cold_reads": "cold",
    "warm_reads": "warm",
    "redundant_reads": "again",
    "sets": "0→x",
    "resets": "x→y",
    "clears": "x→0",
    "rewrites": "dirty",
    "same": "same",
}
"""What is kept of a variable -> its heading, as `cortensor gas profile` has it."""


class HeatRow(NamedTuple):
    """A variable in a scenario: gas, thousandths of the scenario's, a count a column."""

    scenario: str
    variable: str
    gas: int
    permille: int
    counts: list[int]


def heat_rows(profiles: Profiles) -> list[HeatRow]:
    """Return a row a variable and scenario, the dearest first, deployments last."""
    found = [
        HeatRow(
            name,
            variable,
            told["gas"],
            told["gas"] * 1000 // kept.gas_used,
            [told.get(column, 0) for column in COLUMNS],
        )
        for name, kept in profiles.by_gas()
        for variable, told in kept.storage.items()
    ]
    is_late = {name: place for place, (name, _) in enumerate(profiles.by_gas())}
    return sorted(found, key=lambda row: (-row.permille, is_late[row.scenario]))
