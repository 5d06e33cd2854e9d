# SPDX-License-Identifier: Apache-2.0
"""Measured gas as one page that opens from disk: no request, light and dark, sortable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.errors import InvalidInput
from cortensor.gas.html import render_html
from cortensor.gas.measured import SPREAD, WHOLE, Measurement
from cortensor.gas.report_calldata import calldata_rows
from cortensor.gas.report_classes import SHOWN, stacks
from cortensor.gas.report_costs import cost_tables, priced
from cortensor.gas.report_events import event_rows
from cortensor.gas.report_heat import COLUMNS, heat_rows
from cortensor.gas.report_lines import cards
from cortensor.gas.report_mix import mix_view

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cortensor.gas.kept_profiles import Profiles
    from cortensor.gas.mix import Mix

FLOOR = "floor"


class Peer(Struct, frozen=True):
    """What another system takes for an operation."""

    name: str
    gas: int
    note: str = ""


class Floor(Struct, frozen=True):
    """What an operation takes at least, by arithmetic."""

    gas: int
    note: str


class Operation(Struct, frozen=True):
    """An operation that other systems have too, and our scenario of it."""

    scenario: str
    what: str
    peers: list[Peer]
    floor: Floor | None = None


class Peers(Struct, frozen=True):
    """gas/peers.json."""

    header: dict[str, str]
    rows: list[Operation]


class Bar(Struct, frozen=True):
    """A bar of a chart: `permille` of the longest."""

    name: str
    gas: int
    permille: int
    is_ours: bool = False
    note: str = ""
    is_floor: bool = False


class Chart(Struct, frozen=True):
    """Bars that are compared with each other, ours first."""

    title: str
    scenario: str
    bars: list[Bar]


def charts_of(measured: Measurement, peers: Peers) -> list[Chart]:
    """Return a chart an operation that other systems have too.

    Raises:
        InvalidInput: an operation is compared with a scenario that was not measured.
    """
    return [_chart(each, measured) for each in peers.rows]


def _chart(operation: Operation, measured: Measurement) -> Chart:
    row = measured.scenarios.get(operation.scenario)
    if row is None:
        raise InvalidInput(f"no scenario {operation.scenario}", field="peers")
    ours = row.gas_per_item if operation.scenario.startswith(SPREAD) else row.gas_used
    found = [("here", ours, "", True)]
    found += [(peer.name, peer.gas, peer.note, False) for peer in operation.peers]
    if operation.floor is None:
        return Chart(operation.what, operation.scenario, bars_of(found))
    found.append((FLOOR, operation.floor.gas, operation.floor.note, False))
    return Chart(operation.what, operation.scenario, bars_of(found))


def bars_of(found: Iterable[tuple[str, int, str, bool]]) -> list[Bar]:
    """Return bars by name, gas, note and whether it is ours; the longest has 1,000."""
    rows = list(found)
    most = max(gas for _, gas, _, _ in rows)
    return [
        Bar(name, gas, gas * 1000 // most, ours, note, name == FLOOR)
        for name, gas, note, ours in rows
    ]


def session_chart(measured: Measurement, phase2: Measurement) -> Chart:
    """Return what a session of 100 tasks takes, as Phase #2 did it and here."""
    theirs = phase2.scenarios[WHOLE].gas_used

    def ours(name: str, how: str) -> tuple[str, int, str, bool]:
        gas = measured.scenarios[name].gas_used
        return how, gas, f"{theirs // gas:,} times less", True

    rows = [
        ours(WHOLE, "here"),
        ours(f"{WHOLE}.alone", "here, alone"),
        ("Phase #2", theirs, "every step a transaction", False),
    ]
    return Chart(
        "A session with 100 tasks, 3 miners, 1 validator",
        WHOLE,
        bars_of(rows),
    )


def page(
    measured: Measurement, phase2: Measurement, peers: Peers, profiles: Profiles, mix: Mix
) -> str:
    """Return the page.

    Raises:
        InvalidInput: as `charts_of` and `cost_tables`.
    """
    return render_html(
        "report.html.j2",
        header=measured.header,
        networks=sorted({name for row in measured.scenarios.values() for name in row.fees}),
        scenarios=measured.scenarios,
        session=session_chart(measured, phase2),
        charts=charts_of(measured, peers),
        peers=peers.header,
        sizes=measured.code_bytes,
        class_names=SHOWN,
        stacks=stacks(profiles),
        cards=cards(profiles),
        heat_columns=COLUMNS,
        heat=heat_rows(profiles),
        events=event_rows(profiles),
        calldata=calldata_rows(profiles, measured),
        costs=cost_tables(measured),
        prices_sentence=priced(measured).sentence,
        mix=mix_view(mix),
    )
