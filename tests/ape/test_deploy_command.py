# SPDX-License-Identifier: Apache-2.0
"""`ape run deploy` and `ape run verify` on a chain of one's own, as a user types them."""

from __future__ import annotations

import json
import signal
import subprocess
import time

import pytest

from scripts._anvil import run_anvil
from scripts._deploy.records import check_record
from tests.ape.running import (
    APE,
    ROOT,
    ape_run,
    ape_start,
    block_number,
    environment,
    error_of,
    rpc,
)

pytestmark = [pytest.mark.anvil, pytest.mark.slow]

CONTRACTS = [
    "MockCOR",
    "SessionPaymentTable",
    "ReceiptAnchor",
    "StakePool",
    "StakeQuota",
    "SessionPayment",
    "SettlementDispute",
    "NodeReputation",
    "RewardFund",
    "RewardTable",
    "NodeReward",
    "RewardDispute",
    "IdentityRegistry",
    "ReputationRegistry",
    "ValidationRegistry",
    "AgentValidator",
]
# Bind five times, set_dispute, register, three pots, COR, approve, open the bond, authorise.
CALLS = 14
SETTLER_CALLS = 3  # approve, open the bond, authorise


def local(url):
    return ("--network", f"ethereum:local:{url}")


@pytest.fixture(scope="module")
def node():
    with run_anvil() as anvil:
        yield anvil.url


@pytest.fixture(scope="module")
def deployed(node, tmp_path_factory):
    """A dry run, then a deployment, then what both said."""
    folder = tmp_path_factory.mktemp("records") / "local"
    dry = ape_run("deploy", *local(node), "--deployments", folder, "--dry-run", "--json")
    before = block_number(node), folder.exists()
    done = ape_run("deploy", *local(node), "--deployments", folder, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    return {"folder": folder, "dry": dry, "before": before, "result": json.loads(done.stdout)}


def test_dry_run_shows_the_plan_and_does_nothing(deployed):
    plan = json.loads(deployed["dry"].stdout)
    assert deployed["before"] == (0, False)
    assert [item["contract"] for item in plan["contracts"]] == CONTRACTS
    assert {item["action"] for item in plan["contracts"]} == {"deploy"}
    assert len(plan["calls"]) == CALLS
    assert plan["manual"] == plan["notes"] == []


def test_deploys_where_the_plan_said(deployed):
    plan = json.loads(deployed["dry"].stdout)
    expected = {item["contract"]: item["address"] for item in plan["contracts"]}
    assert deployed["result"]["contracts"] == expected
    assert len(deployed["result"]["sent"]) == len(CONTRACTS) + CALLS


def test_writes_a_valid_record_a_contract(deployed, node):
    assert sorted(p.stem for p in deployed["folder"].glob("*.json")) == sorted(CONTRACTS)
    for name in CONTRACTS:
        record = json.loads((deployed["folder"] / f"{name}.json").read_text())
        check_record(record, name)
        receipt = rpc(node, "eth_getTransactionReceipt", record["tx_hash"])
        assert receipt["contractAddress"].lower() == record["address"].lower()
    record = json.loads((deployed["folder"] / "SessionPayment.json").read_text())
    arguments = record["constructor_args"]
    assert arguments["table"] == deployed["result"]["contracts"]["SessionPaymentTable"]
    assert arguments["bucket_seconds"] == "300"
    assert record["roles"]["settler_1"] != record["roles"]["owner"]


def test_second_run_sends_nothing_and_needs_no_consent(deployed, node):
    before = block_number(node)
    files = {p.name: p.read_bytes() for p in deployed["folder"].glob("*.json")}
    again = ape_run("deploy", *local(node), "--deployments", deployed["folder"])
    assert again.returncode == 0, again.stderr
    assert "nothing to send" in again.stdout
    assert block_number(node) == before
    assert {p.name: p.read_bytes() for p in deployed["folder"].glob("*.json")} == files


def test_verify_finds_one_changed_bit(deployed, node):
    address = deployed["result"]["contracts"]["SessionPayment"]
    code = bytearray.fromhex(rpc(node, "eth_getCode", address, "latest")[2:])
    code[-1] ^= 1  # the last bit of the last immutable, QUOTA
    rpc(node, "anvil_setCode", address, "0x" + code.hex())
    # The sources are compiled anew where a rehearsal is verified (test_deploy_networks).
    line = ("verify", *local(node), "--deployments", deployed["folder"], "--cached", "--json")
    done = ape_run(*line)
    assert done.returncode == 1
    checks = json.loads(done.stdout)["checks"]
    assert {check["contract"] for check in checks} == set(CONTRACTS)
    failed = {
        (check["contract"], check["name"]): check["detail"]
        for check in checks
        if check["status"] == "failed"
    }
    assert "immutables" in failed["SessionPayment", "code"]
    assert set(failed) == {
        ("SessionPayment", "code"),
        ("SessionPayment", "code hash"),
        # Its constructor asks SessionPayment for that address.
        ("SettlementDispute", "code"),
    }


def test_killed_half_way_and_resumed__every_transaction_once(tmp_path):
    folder = tmp_path / "records"
    # A block a second, so that the run is in the middle of something whenever it is killed.
    with run_anvil(options=["--block-time", "1"]) as anvil:
        arguments = ("deploy", *local(anvil.url), "--deployments", folder, "--yes")
        process = ape_start(*arguments)
        deadline = time.monotonic() + 60
        while not (folder / "MockCOR.json").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (folder / "SessionPayment.json").exists()
        first = (folder / "MockCOR.json").read_bytes()

        resumed = ape_run(*arguments)
        assert resumed.returncode == 0, resumed.stderr
        assert (folder / "MockCOR.json").read_bytes() == first
        assert sorted(p.stem for p in folder.glob("*.json")) == sorted(CONTRACTS)
        nonces = [
            int(rpc(anvil.url, "eth_getTransactionCount", account, "latest"), 16)
            for account in rpc(anvil.url, "eth_accounts")[:2]
        ]
    assert nonces == [len(CONTRACTS) + CALLS - SETTLER_CALLS, SETTLER_CALLS]


def test_without_a_terminal_it_does_not_ask(tmp_path):
    with run_anvil() as anvil:
        done = ape_run("deploy", *local(anvil.url), "--deployments", tmp_path / "records")
        assert "no terminal to ask on: add --yes" in error_of(done)
        assert block_number(anvil.url) == 0
    assert not list((tmp_path / "records").glob("*.json"))


def test_bad_configuration_is_one_line(tmp_path, node):
    text = (ROOT / "config" / "local.toml").read_text()
    config = tmp_path / "bad.toml"
    config.write_text(text.replace("bucket_seconds = 300", "bucket_seconds = 0"))
    done = ape_run("deploy", *local(node), "--config", config, "--dry-run")
    assert error_of(done).startswith(f"Error: {config}: payment.bucket_seconds: ")


def test_listing_scripts_runs_none():
    before = {path: path.stat().st_mtime_ns for path in (ROOT / "gas").iterdir()}
    done = subprocess.run(
        [APE, "run", "--help"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    for name in ("deploy", "verify", "gas"):
        assert f"  {name} " in done.stdout
    assert "_deploy" not in done.stdout
    assert {path: path.stat().st_mtime_ns for path in (ROOT / "gas").iterdir()} == before
