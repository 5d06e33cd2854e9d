# SPDX-License-Identifier: Apache-2.0
"""The report's section of events: how many, their bytes, their gas."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cortensor.gas.kept_profiles import Profiles


class EventRow(NamedTuple):
    """Events of one kind in a scenario; `permille` of its gas."""

    scenario: str
    event: str
    times: int
    data_bytes: int
    gas: int
    permille: int


def event_rows(profiles: Profiles) -> list[EventRow]:
    """Return a row a kind of event and scenario, the dearest first, deployments last."""
    return [
        EventRow(
            name, event, told.count, told.data_bytes, told.gas, told.gas * 1000 // kept.gas_used
        )
        for name, kept in profiles.by_gas()
        for event, told in sorted(kept.events.items(), key=lambda each: -each[1].gas)
    ]
