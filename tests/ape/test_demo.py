# SPDX-License-Identifier: Apache-2.0
"""`make demo` as a user types it, with the real model, and a kill -9 in the middle of it.

The fifth job, in which the router is killed, is paid by a voucher session: its signatures are sent
to the next router again.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from scripts._demo.frauds import OVERCHARGE_WEI
from scripts._demo.sessions import BUCKET, QUOTA_POOL_WEI, STAKE_WEI
from scripts._deploy import load_config
from tests.ape.running import APE, ROOT, ape_run, environment

SETTLE_GAS_LIMITS = {"escrow": 115_000, "voucher": 105_000, "stake": 120_000}
OPEN_GAS_LIMIT = 98_000
CHALLENGE_GAS_LIMIT = 350_000
SHOW_GAS_LIMIT = 130_000
MARK = "CORTENSOR_TEST_DEMO"
MICRO_WEI = 10**12
DAY_SECONDS = 86_400
MIDNIGHT_SECONDS = 120


def demo(folder, kill_after):
    # A run across midnight is as good, but it has two days' quota and one settlement more.
    left = DAY_SECONDS - time.time() % DAY_SECONDS
    if left < MIDNIGHT_SECONDS:
        time.sleep(left)
    done = subprocess.run(
        [APE, "run", "demo", "--out", folder, "--json", "--kill-router-after", str(kill_after)],
        cwd=ROOT,
        env=environment({MARK: str(folder)}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=420,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One demo in which the router is killed with SIGKILL while the fifth job runs."""
    folder = tmp_path_factory.mktemp("demo")
    result = demo(folder, kill_after=4)
    return folder, result


@pytest.mark.model
@pytest.mark.anvil
@pytest.mark.timeout(480)
class TestDemo:
    def test_every_receipt_is_verified_by_a_process_with_bundle_and_rpc_only(self, run):
        _, result = run
        assert len(result["jobs"]) >= 12
        for job in result["jobs"]:
            assert job["verified"], job
            left = [c["name"] for c in job["checks"] if c["status"] != "proven"]
            # A verdict is its replica's own label: there is no grouping of answers to recompute.
            # And a block becomes final only when the chain has grown beyond it.
            left = [name for name in left if name != "finality"]
            assert left == (["grouping"] if job["kind"] == "claim" else []), job["name"]

    def test_a_killed_router_loses_no_receipt_and_charges_nobody_twice(self, run):
        folder, result = run
        assert result["router_killed"]
        log = (folder / "router.log").read_text()
        assert "released 1 reservations of routers that were killed" in log
        names = [job["receipt_id"] for job in result["jobs"]]
        assert len(set(names)) == len(names)
        database = sqlite3.connect(folder / "router.db")
        stored = dict(database.execute("SELECT receipt_id, charge FROM receipts").fetchall())
        database.close()
        # One receipt a job, not one more for the job that was cut short and sent again.
        assert {key: int(charge) for key, charge in stored.items()} == {
            job["receipt_id"]: int(job["charge_wei"]) for job in result["jobs"]
        }

    def test_jobs_are_paid_in_all_three_ways(self, run):
        folder, result = run
        rows = {row["funding"]: row for row in result["fundings"]}
        assert list(rows) == ["escrow", "voucher", "stake"]
        for funding, row in rows.items():
            own = [job for job in result["jobs"] if job["funding"] == funding]
            assert row["jobs"] == len(own) >= 4
            assert int(row["charged_wei"]) == sum(int(job["charge_wei"]) for job in own)
        database = sqlite3.connect(folder / "router.db")
        stored = database.execute(
            "SELECT session, funding, spent, cumulative FROM payment_sessions"
        )
        # The router knows the sessions as what they are, and everything was settled.
        assert sorted(stored.fetchall()) == sorted(
            (row["session_id"], number, row["charged_wei"], row["charged_wei"])
            for number, row in enumerate(result["fundings"])
        )
        database.close()

    def test_the_voucher_sessions_key_signed_each_request_and_each_total(self, run):
        folder, result = run
        rows = {row["funding"]: row for row in result["fundings"]}
        voucher = rows.pop("voucher")
        assert voucher["session_key"] not in (None, voucher["payer"])
        assert voucher["signed_requests"] == voucher["signed_totals"] == voucher["jobs"]
        for row in rows.values():
            assert (row["session_key"], row["signed_requests"], row["signed_totals"]) == (
                None,
                0,
                0,
            )
        database = sqlite3.connect(folder / "router.db")
        query = "SELECT COUNT(*) FROM receipts WHERE session = ? AND authorization IS NOT NULL"
        (authorised,) = database.execute(query, (voucher["session_id"],)).fetchone()
        (highest,) = database.execute(
            "SELECT vouchered FROM payment_sessions WHERE session = ?", (voucher["session_id"],)
        ).fetchone()
        database.close()
        assert authorised == voucher["jobs"]
        assert highest == voucher["charged_wei"]

    def test_stake_pays_by_its_quota_first_and_then_by_deduction(self, run):
        _, result = run
        pool, stake = [s for s in result["accounting"]["sources"] if s["funding"] == "stake"]
        rate = load_config(ROOT / "config" / "local.toml").quota.rates_ppm[BUCKET]
        allowance = STAKE_WEI * rate // 10**6
        charged = int(result["fundings"][2]["charged_wei"])
        drawn = -(-charged // MICRO_WEI) * MICRO_WEI
        assert int(pool["paid_wei"]) == allowance
        assert int(stake["paid_wei"]) == drawn - allowance > 0
        assert int(pool["back_wei"]) == QUOTA_POOL_WEI - allowance
        assert int(stake["back_wei"]) == STAKE_WEI - (drawn - allowance)

    def test_every_wei_is_accounted_for(self, run):
        _, result = run
        accounting = result["accounting"]
        charged = sum(int(job["charge_wei"]) for job in result["jobs"])
        refunded, rounding = int(accounting["refunded_wei"]), int(accounting["rounding_wei"])
        assert int(accounting["charged_wei"]) == charged
        assert 0 <= rounding < MICRO_WEI
        # What was settled never falls: the second bill is in it, and was refunded.
        assert int(accounting["settled_wei"]) == charged + rounding + refunded
        assert sum(map(int, accounting["pots_wei"].values())) == charged + rounding
        for source in accounting["sources"]:
            assert int(source["put_in_wei"]) == int(source["paid_wei"]) + int(source["back_wei"])
        assert accounting["left_over_wei"] == "0"
        assert accounting["exact"]

    def test_the_bond_is_accounted_for(self, run):
        _, result = run
        accounting = result["accounting"]
        config = load_config(ROOT / "config" / "local.toml")
        penalty = int(config.dispute.penalty_wei)
        assert int(accounting["bond_wei"]) == int(config.routers[0].bond_wei)
        assert int(accounting["penalty_wei"]) == penalty
        assert int(accounting["burnt_wei"]) == int(accounting["reward_wei"]) == penalty // 2
        assert int(accounting["bond_returned_wei"]) == int(accounting["bond_wei"]) - penalty

    def test_the_frauds_are_caught_for_the_right_reason(self, run):
        _, result = run
        tampered, overcharged = result["attacks"]
        assert "id" in tampered["failed_checks"]
        # Signed and anchored by the router's own key: nothing but the arithmetic gives it away.
        assert overcharged["failed_checks"] == ["bill"]
        assert "charged" in overcharged["said"]

    def test_the_second_bill_is_proven_on_chain_and_refunded_to_the_wei(self, run):
        _, result = run
        tampered, overcharged = result["attacks"]
        # A bundle that was changed on its way cost nobody anything.
        assert tampered["proofs"] == []
        dear, twice = overcharged["proofs"]
        assert (dear["kind"], twice["kind"]) == ("charge", "duplicate")
        assert int(dear["refunded"]) == int(dear["excess"]) == OVERCHARGE_WEI
        # The whole second bill is wrong; what the first proof gave back is not given twice.
        billed = int(result["jobs"][0]["charge_wei"]) + OVERCHARGE_WEI
        assert int(twice["excess"]) == billed
        assert int(dear["refunded"]) + int(twice["refunded"]) == billed
        assert int(dear["penalty"]) > 0
        assert int(twice["penalty"]) == 0
        gas = {item["name"]: item["gas_used"] for item in result["gas"]}
        assert gas["challenge_charge"] == dear["gas_used"] < CHALLENGE_GAS_LIMIT
        # The bond pays no refund, since what the bill took is shown to be pending.
        assert 0 < gas["show_pending"] < SHOW_GAS_LIMIT

    def test_gas_stays_under_its_ceilings(self, run):
        _, result = run
        assert result["settlement"]["count"] == len(result["jobs"])
        assert result["settlement"]["transactions"] == len(SETTLE_GAS_LIMITS)
        for row in result["fundings"]:
            assert row["gas_used"] < SETTLE_GAS_LIMITS[row["funding"]]
        gas = {item["name"]: item["gas_used"] for item in result["gas"]}
        assert gas["open"] < OPEN_GAS_LIMIT

    def test_answers_are_the_models_own(self, run):
        _, result = run
        outputs = [r["output"] for job in result["jobs"] for r in job["replicas"]]
        assert len(outputs) == result["backend"]["replicas_run"]
        assert "SmolLM2" in result["backend"]["model"]
        # Sessions differ by prompt, seed and temperature: some replicas must disagree.
        assert any(len(job["votes"]) > 1 for job in result["jobs"])

    def test_the_page_needs_nothing_from_outside(self, run):
        folder, result = run
        page = (folder / "report.html").read_text()
        for forbidden in ("<script", "src=", "@import", "url("):
            assert forbidden not in page
        for job in result["jobs"]:
            assert job["receipt_urn"] in page
        for row in result["fundings"]:
            assert row["how"] in page
            (settled_by,) = row["transactions"]
            assert settled_by in page

    def test_no_process_is_left(self, run):
        folder, _ = run
        # Children inherit the mark, whatever they are called.
        assert marked(folder) == []


@pytest.mark.model
@pytest.mark.anvil
@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_demo_leaves_no_process_behind(tmp_path, how):
    running = subprocess.Popen(
        [APE, "run", "demo", "--out", str(tmp_path / "out")],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    log = tmp_path / "out" / "router.log"
    await_that(lambda: log.exists() and "server process" in log.read_text(), 60)
    children = descendants(running.pid)
    assert len(children) >= 3  # Anvil, the router, its model
    os.kill(running.pid, how)
    running.wait(30)
    await_that(lambda: not [pid for pid in children if is_alive(pid)], 20)


@pytest.fixture(scope="module")
def model_server():
    """A real OpenAI-compatible server: llama.cpp's own, with the packaged model."""
    program = (
        "import sys, xllamacpp\n"
        "from cortensor.router.adapters.embedded import find_model\n"
        "params = xllamacpp.CommonParams()\n"
        "params.model.path = str(find_model(None))\n"
        "params.n_parallel, params.n_ctx, params.warmup, params.verbosity = 3, 6144, False, 0\n"
        "server = xllamacpp.Server(params)\n"
        "print('at', server.listening_address, flush=True)\n"
        "sys.stdin.read()\n"
    )
    server = subprocess.Popen(
        [str(Path(APE).parent / "python"), "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield next(line.split()[1] for line in server.stdout if line.startswith("at "))
    finally:
        server.kill()
        server.wait()
        server.stdin.close()
        server.stdout.close()


@pytest.mark.model
@pytest.mark.anvil
@pytest.mark.timeout(120)
def test_jobs_of_ones_own_on_a_server_of_ones_own(model_server, tmp_path):
    jobs = {
        "jobs": [
            {
                "name": "colour",
                "kind": "rewrite",
                "endpoint": "delegate",
                "request": {"objective": "Name a colour.", "max_tokens": 8},
            },
            {
                "name": "strict",
                "kind": "rewrite",
                "endpoint": "delegate",
                "request": {
                    "objective": "Write a sentence about the sea.",
                    "max_tokens": 24,
                    "consensus": {
                        "replicas": 3,
                        "equivalence": "exact",
                        "disagreement_policy": "fail_hard",
                    },
                },
            },
        ]
    }
    (tmp_path / "jobs.json").write_text(json.dumps(jobs))
    backend = ("--backend", model_server, "--model", "SmolLM2")
    done = ape_run("demo", "--out", tmp_path / "out", "--jobs", tmp_path / "jobs.json", *backend)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 receipts anchored and settled in 2 transactions" in done.stdout
    assert "every wei is accounted for" in done.stdout
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    # Two jobs leave nothing for stake to pay: all of it goes back.
    assert [row["jobs"] for row in result["fundings"]] == [1, 1, 0]
    assert [source["paid_wei"] for source in result["accounting"]["sources"][2:]] == ["0", "0"]
    # A run that fails hard is work that was done: charged, with a receipt that says so.
    strict = result["jobs"][1]
    assert strict["outcome"] == "NO_CONSENSUS"
    assert int(strict["charge_wei"]) > 0
    assert strict["verified"]


@pytest.mark.parametrize("text", ["", "{}", '{"jobs": []}', '{"jobs": [{"name": "x"}]}'])
def test_a_bad_file_of_jobs_is_one_line_and_starts_nothing(tmp_path, text):
    (tmp_path / "jobs.json").write_text(text)
    done = ape_run("demo", "--out", tmp_path / "out", "--jobs", tmp_path / "jobs.json")
    assert done.returncode == 1
    assert "--jobs: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_of_something_else_is_never_emptied(tmp_path):
    (tmp_path / "precious").write_text("x")
    done = ape_run("demo", "--out", tmp_path)
    assert done.returncode == 2
    assert "not from an earlier demo" in done.stderr
    assert (tmp_path / "precious").read_text() == "x"


def test_backend_and_model_go_together(tmp_path):
    done = ape_run("demo", "--out", tmp_path / "out", "--backend", "http://127.0.0.1:9")
    assert done.returncode == 2
    assert "--backend and --model go together" in done.stderr


def await_that(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "took too long"
        time.sleep(0.1)


def marked(folder):
    """Process ids whose environment carries a demo's mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            variables = (path / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # it ended meanwhile
        if f"{MARK}={folder}".encode() in variables:
            found.append(int(path.name))
    return found


def descendants(pid):
    direct = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        direct += [int(child) for child in path.read_text().split()]
    return [*direct, *(grand for child in direct for grand in descendants(child))]


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
