# SPDX-License-Identifier: Apache-2.0
"""`cortensor watch` as a command: exit codes, its output, and how a service ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cortensor.cli import main
from tests.python.watch.making import STRANGER_KEY, chain, receipt, rooted
from tests.python.watch.watched_chain import PAYMENT, WatchedChain

RECORDS = (
    "SessionPayment",
    "SessionPaymentTable",
    "ReceiptAnchor",
    "StakePool",
    "StakeQuota",
    "SettlementDispute",
)


@pytest.fixture
def node() -> Iterator[WatchedChain]:
    fake = WatchedChain()
    yield fake
    fake.close()


def run(node: WatchedChain, folder: Path, *extra: str, key: str | None = None) -> Result:
    line = ["watch", "--rpc", node.url, "--state", str(folder / "w.db"), "--once", *extra]
    if not {"--session-payment", "--deployments"} & set(extra):
        line += ["--session-payment", PAYMENT]
    return CliRunner(env={"CORTENSOR_WATCH_KEY": key}).invoke(main, line)


def hide(node: WatchedChain, block: int = 3) -> None:
    """Settle a batch that nobody can fetch."""
    made = rooted(chain([receipt(1)]))
    node.anchor(made[0].root, 1, "http://127.0.0.1:1/x", block)
    node.settle(made[0].root, block, **{f"s{made[0].session}": made[0].cumulative})


def test_exit_codes(node: WatchedChain, tmp_path: Path) -> None:
    assert run(node, tmp_path).exit_code == 0
    hide(node, 8)
    node.head = 20
    found = run(node, tmp_path, "--patience", "0")
    assert found.exit_code == 1
    assert "FOUND no_total" in found.output
    assert "no_key" in found.output
    node.down = True
    failed = run(node, tmp_path)
    assert failed.exit_code == 2
    assert "chain" in failed.output


def test_json(node: WatchedChain, tmp_path: Path) -> None:
    hide(node)
    shown = json.loads(run(node, tmp_path, "--json").stdout)
    assert {finding["kind"] for finding in shown["findings"]} == {"unavailable", "no_total"}
    # The default keeps away from private addresses.
    assert "private" in next(f["detail"] for f in shown["findings"] if f["kind"] == "unavailable")


def test_spot_checks_are_set_by_share_and_budget(node: WatchedChain, tmp_path: Path) -> None:
    asked = run(node, tmp_path, "--spot-check-bps", "10", "--spot-check-budget", "50")
    assert asked.exit_code == 0, asked.output
    assert run(node, tmp_path, "--spot-check-bps", "10001").exit_code == 2


def test_records_say_where_to_begin(node: WatchedChain, tmp_path: Path) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    for number, name in enumerate(RECORDS):
        address = PAYMENT if name == "SessionPayment" else "0x" + f"{number + 1:02x}" * 20
        record = {"contract": name, "address": address, "chain_id": 31337, "block_number": 4}
        (folder / f"{name}.json").write_text(json.dumps(record))
    hide(node, 3)
    result = run(node, tmp_path, "--deployments", str(folder))
    assert result.exit_code == 0, result.output


def test_bad_input_is_named(node: WatchedChain, tmp_path: Path) -> None:
    for extra, text in (
        (("--session-payment", "0x12"), "no address"),
        (("--deployments", str(tmp_path), "--session-payment", PAYMENT), "give either"),
        (("--cor-per-coin", "many"), "cor-per-coin"),
        (("--spot-check-budget", "many"), "spot-check-budget"),
        (("--receipts", str(tmp_path / "none")), "no folder"),
        (("--answer-for-ledger", str(tmp_path / "none.db")), "no file"),
    ):
        result = run(node, tmp_path, *extra)
        assert (result.exit_code, text in result.output) == (2, True), result.output
    result = run(node, tmp_path, key="0x1234")
    assert result.exit_code == 2
    assert "private key" in result.output
    assert "1234" not in result.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_ends_cleanly(node: WatchedChain, tmp_path: Path, number: int) -> None:
    hide(node)
    command = [
        sys.executable,
        "-m",
        "cortensor",
        "watch",
        "--rpc",
        node.url,
        "--session-payment",
        PAYMENT,
        "--state",
        str(tmp_path / "w.db"),
        "--poll",
        "1",
        "--json",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env={"CORTENSOR_WATCH_KEY": STRANGER_KEY}
    ) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        assert len(first["findings"]) == 2
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode == 0


def test_a_killed_service_goes_on_where_it_stopped(node: WatchedChain, tmp_path: Path) -> None:
    hide(node)
    command = [sys.executable, "-m", "cortensor", "watch", "--rpc", node.url, "--poll", "1"]
    command += ["--session-payment", PAYMENT, "--state", str(tmp_path / "w.db"), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
        process.wait(60)
    result = run(node, tmp_path, "--json")
    assert len(json.loads(result.stdout)["findings"]) == 2
