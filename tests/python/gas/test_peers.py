# SPDX-License-Identifier: Apache-2.0
"""gas/peers.json: other systems' gas is what was recorded of them, where the record is at hand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cortensor.gas.measured import Measurement
from cortensor.gas.reading import read_json
from cortensor.gas.report import Peers

FACTS = Path(__file__).parents[3].parent / "shared" / "facts" / "gas-peers.json"
ROWS = read_json(Path("gas/peers.json"), Peers).rows
REFERENCE = "ERC-8004 reference"
"""Measured with our scenarios of the registries; floors there are added up in test_floors.py."""
RECORDED = [row for row in ROWS if not row.scenario.startswith("agent.")]


def test_rows_are_of_our_scenarios_and_the_cheapest_peer_is_first() -> None:
    ours = read_json(Path("gas/scenarios.json"), Measurement).scenarios
    for row in ROWS:
        assert row.scenario in ours
        told = [peer.gas for peer in row.peers]
        assert told == sorted(told)
    for row in ROWS:
        is_of_registries = row.scenario.startswith("agent.")
        assert is_of_registries == ({peer.name for peer in row.peers} == {REFERENCE})


def numbers(entry: Any) -> Iterator[int]:
    """Every number of a recorded entry, those that its notes give parts of a sum by too."""
    if isinstance(entry, dict):
        for part in entry.values():
            yield from numbers(part)
    elif isinstance(entry, list):
        for part in entry:
            yield from numbers(part)
    elif isinstance(entry, str):
        yield from (int(text.replace(",", "")) for text in re.findall(r"\d[\d,]*\d", entry))
    elif isinstance(entry, int):
        yield entry


def systems(entry: Any) -> Iterator[dict[str, Any]]:
    """Every recorded system of an operation."""
    if isinstance(entry, dict):
        if "name" in entry:
            yield entry
        for part in entry.values():
            yield from systems(part)
    elif isinstance(entry, list):
        for part in entry:
            yield from systems(part)


@pytest.mark.skipif(not FACTS.is_file(), reason=f"the record is not there: {FACTS.name}")
@pytest.mark.parametrize("row", RECORDED, ids=[row.scenario for row in RECORDED])
def test_a_row_is_as_recorded(row: Any) -> None:
    operations = json.loads(FACTS.read_text())["ops"]
    recorded = [
        (system["name"], number)
        for operation in operations.values()
        for system in systems(operation)
        for number in numbers(system)
    ]
    for peer in row.peers:
        name = peer.name.removesuffix(" timestamp").removesuffix(" attest")
        assert any(each.startswith(name) and gas == peer.gas for each, gas in recorded), peer
    floors = {
        number
        for operation in operations.values()
        for field in ("floor_gas", "floor_note")
        for number in numbers(operation.get(field))
    }
    assert row.floor is None or row.floor.gas in floors
