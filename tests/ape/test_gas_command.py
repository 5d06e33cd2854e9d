# SPDX-License-Identifier: Apache-2.0
"""`ape run gas`: the committed numbers are what is measured now, and a difference is seen."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace

import pytest

from cortensor.errors import VerificationFailed
from scripts._deploy.arguments import CONTRACTS, REGISTRIES, REWARDS, VALIDATOR
from scripts._gas import fees, page, results
from scripts._gas.phase2 import check_like
from scripts._gas.used import Posted, Used
from tests.ape.running import ape_run


@pytest.mark.anvil
@pytest.mark.slow
@pytest.mark.timeout(420)
def test_committed_numbers_are_exact():
    done = ape_run("gas", "--check", timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every number as committed" in done.stdout
    assert re.search(r"^\d+ scenarios in \d+ s$", done.stdout, flags=re.MULTILINE)


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


def test_gas_for_bytes_is_rounded_for_each_transaction():
    """986,426 wei a unit at a base fee of 2e8: 302 units are 1.49 gas, which is charged as 1."""
    sepolia = fees.snapshots()["arbitrum-sepolia"]
    one = Used(50_000, 21_000, (Posted(302),))
    data = [fees.lines_of(used, sepolia)["data_wei"] for used in (one, one + one, one.share(3))]
    assert data == [200_000_000, 400_000_000, 66_666_667]
    assert ((one + one).units, one.share(3).units, one.share(3).gas) == (604, 101, 16_667)
    testnet = fees.snapshots()["cor-testnet1a"]
    whole, third = (fees.lines_of(each, testnet)["batch_share_wei"] for each in (one, one.share(3)))
    assert third == -(-whole // 3)


def test_a_task_that_takes_other_gas_to_execute_is_refused():
    one = Used(50_000, 21_000, (Posted(302),))
    check_like(one, replace(one, gas=50_012, intrinsic=21_012))
    with pytest.raises(VerificationFailed, match="its third task takes 50,001 gas"):
        check_like(one, replace(one, gas=50_001))


def test_page_holds_every_scenario():
    document = results.load(results.SCENARIOS_PATH)
    text = page.page(document)
    assert page.PAGE_PATH.read_text() == text
    for name, entry in document["scenarios"].items():
        assert f"| `{name}` | {entry['gas_used']:,} |" in text


def test_every_deployable_that_has_gas_to_measure_fits_on_chain():
    sizes = results.load(results.SCENARIOS_PATH)["code_bytes"]
    assert list(sizes) == [*CONTRACTS, "WrappedCOR", *REGISTRIES, VALIDATOR, *REWARDS]
    assert max(sizes.values()) <= 24_576


@pytest.mark.parametrize(
    ("scenario", "ceiling"),
    [
        ("session.open.first", 98_000),
        ("session.open.key", 121_000),
        ("session.topup.steady", 48_000),
        ("settle.escrow.100", 7_200),
        ("settle.voucher.100", 14_500),
        ("epoch.post.steady", 75_000),
        ("epoch.challenge.formula", 400_000),
        ("reward.pay.128", 10_800),
        ("reward.pay.1.d17", 85_000),
        ("quota.draw.100", 7_200),
        ("quota.overage.100", 10_000),
        ("session.close.request", 33_000),
        ("session.close.withdraw", 48_000),
        ("stake.steady", 49_000),
        ("unstake.withdraw", 47_000),
        ("dispute.charge", 350_000),
        ("session.life.1000", 107_000),
        ("settle.escrow.1.first", 115_000),
        ("receipt.anchor.batch.largest", 54_000),
        ("anchor.is_anchored.10.inside", 9_000),
        ("agent.attest.steady", 200_000),
        ("agent.respond.steady", 120_000),
        ("agent.register", 160_000),
        ("agent.feedback", 80_000),
        ("agent.validation.pair", 175_000),
    ],
)
def test_ceilings_hold(scenario, ceiling):
    """Per item where a transaction spreads over several, in all where it does not."""
    document = results.load(results.SCENARIOS_PATH)
    assert document["scenarios"][scenario]["gas_per_item"] <= ceiling
    assert document["header"]["hardfork"] == "cancun"


def test_a_batch_of_receipts_is_one_root_however_many_they_are():
    document = results.load(results.SCENARIOS_PATH)
    assert document["scenarios"]["receipt.anchor.batch"]["gas_used"] <= 54_000
    assert document["scenarios"]["receipt.anchor.event"]["gas_used"] <= 31_000


def test_the_anchors_page_has_the_numbers():
    scenarios = results.load(results.SCENARIOS_PATH)["scenarios"]
    stored, told = (scenarios[f"receipt.anchor.{kind}"]["gas_used"] for kind in ("batch", "event"))
    text = (page.PAGE_PATH.parent / "receipt-anchor.md").read_text()
    assert f"| gas | {stored:,} | {told:,} |" in text


def test_a_life_is_the_sum_of_what_it_is_made_of():
    scenarios = results.load(results.SCENARIOS_PATH)["scenarios"]
    shared = ["settle.escrow.100", "pending.release", "pot.pay", "pot.pay", "pot.pay"]
    expected = scenarios["session.open.first"]["gas_used"] + sum(
        -(-scenarios[name]["gas_used"] // 100) for name in shared
    )
    assert scenarios["session.life.1000"]["gas_used"] == expected


def test_the_registries_page_tells_the_gas_beside_the_references():
    scenarios = results.load(results.SCENARIOS_PATH)["scenarios"]
    rows = {row["scenario"]: row for row in json.loads(page.PEERS_PATH.read_text())["rows"]}

    def percent_less(*names: str) -> float:
        here = sum(scenarios[name]["gas_used"] for name in names)
        there = sum(rows[name]["peers"][0]["gas"] for name in names)
        return 100 - 100 * here / there

    text = (page.PAGE_PATH.parent / "erc8004.md").read_text()
    first = percent_less("agent.feedback.first")
    pair = percent_less("agent.validation.request", "agent.validation.response")
    uri = -percent_less("agent.uri.set")
    assert f"a first feedback takes {first:.0f}% less" in text
    assert f"response {pair:.0f}% less" in text
    assert f"takes {uri:.1f}% more" in text
    dearer = [
        name for name, row in rows.items() if name.startswith("agent.") and percent_less(name) < 0
    ]
    assert dearer == ["agent.uri.set"]
