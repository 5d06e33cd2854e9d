# SPDX-License-Identifier: Apache-2.0
"""No reason to revert, no event and no function of the contracts goes without a test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from vyper.compiler.output import build_abi_output

from tests.contracts.protocol import CONTRACTS, deployer_of

HERE = Path(__file__).parent
FOLDERS = {
    "SessionPaymentTable": "table",
    "SessionPayment": "payment",
    "ReceiptAnchor": "anchor",
    "StakePool": "pool",
    "StakeQuota": "quota",
    "SettlementDispute": "dispute",
    "WrappedCOR": "wrapped",
    "AgentValidator": "agent",
    "NodeReputation": "reputation",
    "RewardFund": "fund",
    "NodeReward": "reward",
    "RewardDispute": "reward",
    "RewardTable": "reward",
    "erc8004/IdentityRegistry": "erc8004",
    "erc8004/ReputationRegistry": "erc8004",
    "erc8004/ValidationRegistry": "erc8004",
}
# Where a contract says in an event why it passed something over, and how often it can.
SKIPPING = {"SessionPayment.vy": 7, "StakeQuota.vy": 5, "modules/quota_overage.vy": 4}
SKIP_REASONS = re.compile(r'(?:return|reason=|_skip\(item,) ?"([a-z][a-z ]+)"')
REVERT_REASON = re.compile(r'"([a-z]+: [^"]+)"')


def sources() -> list[Path]:
    """Return the contracts and their libraries, without mocks."""
    return [path for path in CONTRACTS.rglob("*.vy") if "mocks" not in path.parts]


def text_of_tests(folder: Path = HERE) -> str:
    """Return all tests below a folder but this file, as one text."""
    paths = [path for path in folder.rglob("test_*.py") if path != Path(__file__)]
    return "\n".join(path.read_text() for path in paths)


def abi_of(contract: str) -> list[dict]:
    """Return a contract's ABI."""
    return build_abi_output(deployer_of(contract).compiler_data)


def reasons() -> set[str]:
    """Return every reason to revert that a contract, module or library gives."""
    return {found for path in sources() for found in REVERT_REASON.findall(path.read_text())}


def expected() -> set[str]:
    """Return every reason that a test expects, of those whose prefix some source has."""
    prefixes = {reason.split(":")[0] for reason in reasons()}
    found = REVERT_REASON.findall(text_of_tests())
    return {reason for reason in found if reason.split(":")[0] in prefixes}


def test_every_reason_is_expected_by_a_test():
    assert len(reasons()) > 200
    assert reasons() - expected() == set()


def test_no_test_expects_a_reason_that_is_gone():
    assert expected() - reasons() == set()


@pytest.mark.parametrize(("name", "count"), SKIPPING.items())
def test_every_skip_reason_is_expected_by_a_test(name, count):
    found = set(SKIP_REASONS.findall((CONTRACTS / name).read_text()))
    assert len(found) == count
    text = text_of_tests()
    assert [reason for reason in found if f'"{reason}"' not in text] == []


@pytest.mark.parametrize(("contract", "folder"), FOLDERS.items())
def test_every_event_is_asserted(contract, folder):
    names = {entry["name"] for entry in abi_of(contract) if entry["type"] == "event"}
    text = text_of_tests(HERE / "unit" / folder) + text_of_tests(HERE / "unit" / "ownership")
    assert {name for name in names if f'"{name}"' not in text} == set()


@pytest.mark.parametrize(("contract", "folder"), FOLDERS.items())
def test_every_function_is_called(contract, folder):
    names = {entry["name"] for entry in abi_of(contract) if entry["type"] == "function"}
    text = text_of_tests(HERE / "unit" / folder) + text_of_tests(HERE / "unit" / "ownership")
    text += text_of_tests(HERE / "mirror")
    called = set(re.findall(r"\.(\w+)\(", text)) | set(re.findall(r'"(\w+)"', text))
    assert names - called == set()
