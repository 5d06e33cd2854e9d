# SPDX-License-Identifier: Apache-2.0
"""Every table of `ape run gas` fits a terminal of 80 columns, with the committed numbers in it."""

from __future__ import annotations

import copy
import json

import pytest

from scripts import gas
from scripts._gas import profiles, results
from scripts._gas.network import command, profiling
from scripts._gas.network.comparing import Compared

SCENARIOS = results.load(results.SCENARIOS_PATH)
COLUMNS = 80


@pytest.fixture
def shown(monkeypatch, capsys):
    """What was printed since, once it is known to fit."""
    monkeypatch.setenv("COLUMNS", str(COLUMNS))

    def read():
        text = capsys.readouterr().out
        assert text
        assert [line for line in text.splitlines() if len(line) > COLUMNS] == []
        assert "…" not in text
        return text

    return read


def test_scenarios(shown):
    gas._show(SCENARIOS)
    text = shown()
    for entry in SCENARIOS["scenarios"].values():
        assert f" {entry['gas_used']:,} " in text


def test_what_drifted(shown):
    moved = copy.deepcopy(SCENARIOS)
    for entry in moved["scenarios"].values():
        entry["poster_units"] = entry.get("poster_units", 0) + 16
    moved["header"]["metric"] = "another"
    drifts = results.compare(SCENARIOS, moved)
    assert len(drifts) > len(SCENARIOS["scenarios"])
    gas._show_drifts(drifts, len(SCENARIOS["scenarios"]), as_json=False)
    shown()


def compared(name, entry):
    """A scenario on a network on which bytes are dear."""
    used, units = entry["gas_used"], entry.get("poster_units", 0)
    numbers = {"committed": used, "plain": used, "used": used + units, "poster": units}
    return Compared(name, base_fee=1, told=units, estimate=1, nitro=1, nitro_poster=1, **numbers)


def test_what_was_compared_on_a_network(shown, monkeypatch):
    found = [compared(*each) for each in SCENARIOS["scenarios"].items()]
    monkeypatch.setattr(command.click, "echo", lambda _line: None)
    command._show(found, "somewhere", has_arbos=True)
    text = shown()
    assert all(f" {each.used:,}" in text for each in found)


def test_profiles_on_a_network(shown):
    profiling.show(json.loads(profiles.PROFILE_PATH.read_text())["scenarios"])
    shown()
