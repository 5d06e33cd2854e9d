# SPDX-License-Identifier: Apache-2.0
"""`ape run gas`: the committed numbers are what is measured now, and a difference is seen."""

from __future__ import annotations

import copy

import pytest

from scripts._gas import page, results
from tests.ape.running import ape_run


@pytest.mark.anvil
@pytest.mark.slow
def test_committed_numbers_are_exact():
    done = ape_run("gas", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every number as committed" in done.stdout


def test_one_unit_of_drift_is_a_difference():
    committed = results.load(results.SCENARIOS_PATH)
    measured = copy.deepcopy(committed)
    assert results.compare(committed, measured) == []
    measured["scenarios"]["session.topup.steady"]["gas_used"] += 1
    measured["scenarios"]["new.one"] = {"gas_used": 1, "items": 1}
    del measured["scenarios"]["settle.resend"]
    measured["header"]["evm"] = "prague"
    drifts = {drift.name: drift for drift in results.compare(committed, measured)}
    assert drifts["session.topup.steady"].delta == "+1"
    assert drifts["new.one"].committed is None
    assert drifts["settle.resend"].measured is None
    assert drifts["header.evm"].measured == "prague"


def test_page_holds_every_scenario():
    document = results.load(results.SCENARIOS_PATH)
    text = page.page(document)
    assert page.PAGE_PATH.read_text() == text
    for name, entry in document["scenarios"].items():
        assert f"| `{name}` | {entry['gas_used']:,} |" in text


@pytest.mark.parametrize(
    ("scenario", "ceiling"),
    [
        ("session.open.first", 98_000),
        ("settle.escrow.1.first", 115_000),
        ("settle.escrow.100", 7_200 * 100),
        ("session.close.request", 33_000),
        ("session.close.withdraw", 48_000),
        ("receipt.anchor.batch", 54_000),
    ],
)
def test_ceilings_hold(scenario, ceiling):
    document = results.load(results.SCENARIOS_PATH)
    assert document["scenarios"][scenario]["gas_used"] <= ceiling
    assert document["header"]["hardfork"] == "cancun"
