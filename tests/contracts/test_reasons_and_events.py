# SPDX-License-Identifier: Apache-2.0
"""No reason to revert, no event and no function of the contracts goes without a test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from vyper.compiler.output import build_abi_output

from tests.contracts.protocol import CONTRACTS, deployer_of

HERE = Path(__file__).parent
FOLDERS = {"SessionPaymentTable": "table", "SessionPayment": "payment", "ReceiptAnchor": "anchor"}
SKIP_REASONS = re.compile(r'return "([a-z][a-z ]+)"')
REASON = re.compile(r'"((?:payment|table|card|job|anchor): [^"]+)"')


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


def test_every_reason_is_expected_by_a_test():
    reasons = {reason for path in sources() for reason in REASON.findall(path.read_text())}
    assert len(reasons) > 70
    expected = set(REASON.findall(text_of_tests()))
    assert reasons - expected == set()


def test_no_test_expects_a_reason_that_is_gone():
    reasons = {reason for path in sources() for reason in REASON.findall(path.read_text())}
    expected = REASON.findall(text_of_tests())
    assert set(expected) - reasons == set()


def test_every_skip_reason_is_expected_by_a_test():
    reasons = set(SKIP_REASONS.findall((CONTRACTS / "SessionPayment.vy").read_text()))
    assert len(reasons) == 5
    text = text_of_tests(HERE / "unit")
    assert [reason for reason in reasons if f'"{reason}"' not in text] == []


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
