# SPDX-License-Identifier: Apache-2.0
"""gas/profile.json: of the scenarios as they are, closed, with a name for every slot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PROFILES: dict[str, Any] = json.loads(Path("gas/profile.json").read_text())["scenarios"]
SCENARIOS: dict[str, Any] = json.loads(Path("gas/scenarios.json").read_text())["scenarios"]
NO_TRANSACTION = (
    "session.life.",
    "session.100x3x1",
    "agent.validation.pair",
    "anchor.is_anchored.10.inside",
)


def test_every_scenario_that_is_a_transaction_has_a_profile() -> None:
    sent = {name for name in SCENARIOS if not name.startswith(NO_TRANSACTION)}
    assert set(PROFILES) == sent


def test_profiles_are_of_the_gas_that_is_committed() -> None:
    for name, kept in PROFILES.items():
        assert kept["gas_used"] == SCENARIOS[name]["gas_used"], f"{name}: make gas ARGS=--profile"
        assert sum(kept["classes"].values()) - kept["refund"] == kept["gas_used"], name


def test_every_slot_has_a_name() -> None:
    """But those of a token that only tests deploy, of which no layout is kept."""
    slots = [(name, each) for name, kept in PROFILES.items() for each in kept["storage"]]
    unnamed = [pair for pair in slots if "0x" in pair[1]]
    assert [pair for pair in unnamed if not pair[1].startswith("MockBlockingToken.")] == []
