# SPDX-License-Identifier: Apache-2.0
"""Every function that may write, of every contract that is deployed, is in a scenario.

What scenarios call is in what was measured, by address and selector of what was sent; what
contracts called of each other is in the profiles, from the traces. Nothing here reads a chain.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cortensor.gas.kept_profiles import Profiles
from cortensor.gas.measured import Measurement
from cortensor.gas.reading import read_json

ABIS = Path("src/cortensor/chain/abi")
MEASURED = read_json(Path("gas/scenarios.json"), Measurement)
PROFILES = read_json(Path("gas/profile.json"), Profiles)
CONTRACTS = sorted(MEASURED.code_bytes)
SENT = {row.call for row in MEASURED.scenarios.values() if row.call}
INSIDE = {call for kept in PROFILES.scenarios.values() for call in kept.calls}

INSIDE_ONLY = {
    "NodeReward.overthrow": "RewardDispute's, which a proof makes call it",
    "ReceiptAnchor.anchor_for": "of who an anchorer allowed; SessionPayment anchors as it settles",
    "RewardFund.draw": "NodeReward's, when an epoch opens",
    "SessionPayment.credit": "SettlementDispute's: what a bond pays of a refund",
    "SessionPayment.hold": "SettlementDispute's, when a demand freezes what is pending",
    "SessionPayment.refund": "SettlementDispute's, which a proof makes call it",
    "SessionPayment.unhold": "SettlementDispute's, when what was frozen is let go",
    "StakePool.slash_bond": "SettlementDispute's, which a proof makes call it",
    "StakeQuota.draw": "SessionPayment's, which settles stake with it",
    "StakeQuota.restore": "SessionPayment's, when a stake session is refunded",
}
"""Refused to whoever sends a transaction: why, and who calls it."""


def written(contract: str) -> set[str]:
    """Return the signatures of a contract's functions that are no views."""
    entries: list[dict[str, Any]] = json.loads((ABIS / f"{contract}.json").read_text())
    return {
        f"{contract}.{each['name']}({','.join(map(kind, each['inputs']))})"
        for each in entries
        if each["type"] == "function" and each["stateMutability"] not in {"view", "pure"}
    }


def kind(value: dict[str, Any]) -> str:
    """Return a value's type as a signature has it: a struct as its fields."""
    if not value["type"].startswith("tuple"):
        return str(value["type"])
    fields = ",".join(map(kind, value["components"]))
    return f"({fields}){value['type'].removeprefix('tuple')}"


def plain(signature: str) -> str:
    """Return contract and function without the arguments."""
    return signature.partition("(")[0]


def test_the_contracts_are_those_that_have_a_packaged_abi() -> None:
    """But for the double that stands for COR on local chains, and the table of errors."""
    packaged = {path.stem for path in ABIS.glob("*.json")}
    assert packaged - {"errors", "MockCOR"} == set(CONTRACTS)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_function_that_may_write_is_in_a_scenario(contract: str) -> None:
    missing = {each for each in written(contract) - SENT if plain(each) not in INSIDE_ONLY}
    assert missing == set(), "add a scenario to scripts/_gas, then make gas"


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_contract_has_its_deployment_measured(contract: str) -> None:
    assert f"deploy.{contract}" in MEASURED.scenarios


def test_scenarios_call_what_there_is() -> None:
    known = set().union(*map(written, CONTRACTS))
    views = {row.call for row in MEASURED.scenarios.values() if row.execution_gas is not None}
    assert SENT - views <= known


@pytest.mark.parametrize("function", sorted(INSIDE_ONLY))
def test_what_only_contracts_may_call_is_called_by_one_and_sent_by_nobody(function: str) -> None:
    signatures = set().union(*map(written, CONTRACTS))
    assert function in {plain(each) for each in signatures}
    assert function not in {plain(each) for each in SENT}
    assert function in INSIDE
