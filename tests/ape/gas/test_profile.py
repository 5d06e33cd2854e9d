# SPDX-License-Identifier: Apache-2.0
"""Profiles of what the contracts do, on a real Anvil: closed to the unit, every slot named."""

from __future__ import annotations

import itertools
import json
import re

import pytest
from click.testing import CliRunner

from cortensor.chain.rpc import load_abi
from cortensor.chain.tracer import read_traced
from cortensor.cli import main
from cortensor.gas.flame import hottest
from cortensor.gas.known import load_known
from cortensor.gas.profile import profile
from cortensor.pricing import RateCard
from scripts._anvil import ROOT
from scripts._gas.bench import BOND_WEI, CHAIN_ID, STAKE, run_bench
from scripts._gas.disputes import run_disputes
from scripts._gas.line_maps import line_map_of
from scripts._gas.opening import run_opening
from scripts._gas.profiles import graph_of, profiled
from scripts._gas.staking import DRAW_WEI, POOL_WEI, STAKE_WEI, _user, run_stake

pytestmark = pytest.mark.anvil

CHARGE_WEI = 10**17
MAPPED = ("SessionPayment", "MockCOR", "ReceiptAnchor")
EXAMPLE = "session.topup.steady"
KINDS = (
    "deploy.StakePool",
    "session.open.permit",
    "session.open.steady",
    "session.topup.steady",
    "settle.1",
    "settle.10",
    "session.close.request",
    "anchor",
    "stake.open",
    "unstake.withdraw",
    "quota.draw",
    "dispute.charge",
    "refused",
    "out of gas",
)


def run(*words):
    return CliRunner().invoke(main, ["gas", "profile", *words])


def moves(bench, briefs):
    """Do one of each kind; yield its name, and its hash while the chain still has it."""
    for name, created in bench.deployed.items():
        yield f"deploy.{name}", created.tx_hash
    actors = bench.actors
    bench.add_router(actors.settler)
    bond = bench.pool.functions.open_bond(1, actors.treasury, BOND_WEI)
    bench.send(bond, actors.settler)
    for scenario in profiled(run_opening(bench), bench, briefs):
        yield scenario.name, scenario.used.tx_hash
    sessions = [bench.open(actors.payer)[0] for _ in range(10)]
    for number, count in enumerate((1, 10), start=1):
        used = bench.settle(dict.fromkeys(sessions[:count], number * CHARGE_WEI))
        yield f"settle.{count}", used.tx_hash
    used = bench.send(bench.payment.functions.request_close(sessions[0]), actors.payer)
    yield "session.close.request", used.tx_hash
    used = bench.send(bench.anchor.functions.anchor(bench.word(), 1_000, ""), actors.anchorer)
    yield "anchor", used.tx_hash
    for scenario in run_stake(bench):
        yield scenario.name, scenario.used.tx_hash
    yield "quota.draw", _draw(bench)
    for scenario in itertools.islice(run_disputes(bench), 1):
        yield scenario.name, scenario.used.tx_hash
    yield "refused", _failing(bench, 10**6)
    yield "out of gas", _failing(bench, 30_000)


def _draw(bench):
    sender, quota = bench.actors.payer, bench.quota.functions
    bench.send(quota.fund_pool(POOL_WEI), sender)
    account = _user(bench, 0)
    session, _ = bench.open(account, funding=STAKE, salt=bytes(32), amount=0)
    bench.send(quota.enrol(account, 1, 0, False), sender)
    bench.send(quota.stake(session, STAKE_WEI), sender)
    bench.next_day()
    return bench.settle_stake({session: DRAW_WEI}).tx_hash


def _failing(bench, gas):
    """Open a session that cannot be: by who has not allowed its COR to be taken."""
    filled = {"from": bench.actors.guardian, "gas": gas, "gasPrice": 0, "chainId": CHAIN_ID}
    built = bench.payment.functions.open(bench.request()).build_transaction({**filled, "value": 0})
    words = {name: built[name] for name in ("from", "to", "data")}
    sent = bench.web3.provider.make_request(
        "eth_sendTransaction", [{**words, "gas": hex(gas), "gasPrice": "0x0"}]
    )["result"]
    assert bench.web3.eth.wait_for_transaction_receipt(sent)["status"] == 0
    return sent


@pytest.fixture(scope="module")
def bench():
    with run_bench(RateCard.load(ROOT / "config" / "rate-card.toml")) as started:
        yield started


@pytest.fixture(scope="module")
def deployments(bench, tmp_path_factory):
    """A folder of records of the bench's contracts."""
    folder = tmp_path_factory.mktemp("deployments")
    for name, address in bench.addresses.items():
        record = {"contract": name, "address": address, "chain_id": CHAIN_ID}
        (folder / f"{name}.json").write_text(json.dumps(record))
    return folder


@pytest.fixture(scope="module")
def shown():
    """What the command printed of the page's example, while the chain had that transaction."""
    return []


@pytest.fixture(scope="module")
def briefs():
    """What gas/profile.json keeps of the ways to open a session."""
    return {}


@pytest.fixture(scope="module")
def graphs():
    """Every kind's gas by source line."""
    return {}


def line_map(name):
    """Return the line map of some contracts: each takes the compiler seconds."""
    return line_map_of(name) if name in MAPPED else None


@pytest.fixture(scope="module")
def profiles(bench, deployments, shown, briefs, graphs):
    """Every kind's profile, with what the receipt says."""
    known = load_known(deployments, ROOT / "layouts", CHAIN_ID, load_abi)
    found = {}
    for name, tx_hash in moves(bench, briefs):
        used = bench.web3.eth.get_transaction_receipt(tx_hash)["gasUsed"]
        traced = read_traced(bench.web3, tx_hash)
        found[name] = profile(traced, known, 1), used
        graphs[name] = graph_of(traced, known, line_map)
        if name == EXAMPLE:
            words = ["--rpc", bench.web3.provider.endpoint_uri, "--deployments", str(deployments)]
            with pytest.MonkeyPatch.context() as patched:
                patched.chdir(ROOT)
                patched.setenv("COLUMNS", "80")
                shown.append(run(tx_hash, *words))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_its_parts_are_what_the_receipt_says(profiles, kind):
    found, used = profiles[kind]
    closure = found.closure
    assert closure.used == used
    assert sum(each.intrinsic for each in found.classes) == closure.intrinsic
    assert sum(each.execution for each in found.classes) == closure.execution
    assert sum(each.gas for each in found.opcodes) == closure.execution
    assert all(each.intrinsic >= 0 <= each.execution for each in found.classes)


def test_all_kinds_close_and_every_slot_has_a_name(profiles):
    assert len(profiles) > 30
    for name, (found, used) in profiles.items():
        assert found.closure.used == used, name
        assert [each.name for each in found.heat if each.variable is None] == [], name
        assert [note.code for note in found.notes if note.code != "not_signed"] == [], name


def test_gas_by_source_line_is_all_of_execution(profiles, graphs):
    for name, (found, _) in profiles.items():
        assert graphs[name].total == found.closure.execution, name


@pytest.mark.parametrize(
    ("kind", "variable"),
    [
        ("session.topup.steady", "sessions._hot"),
        ("settle.10", "sessions._hot"),
        ("anchor", "_batches"),
    ],
)
def test_what_writing_a_variable_takes_is_on_the_line_that_writes_it(
    profiles, graphs, kind, variable
):
    found, _ = profiles[kind]
    contract = found.contract
    heat = _heat(found, f"{contract}.{variable}")
    lines = [hot for hot in hottest(graphs[kind], 1_000) if hot.contract == contract]
    write = re.compile(rf"(self|\w+)\.{variable.split('.')[-1]}\[[^=]*\] [-+|]?= ")
    writing = sum(hot.gas for hot in lines if write.match(hot.text))
    written = heat.sets * 20_000 + heat.resets * 2_900 + heat.cold_writes * 2_100
    # Beside the write only the line's own arithmetic: some 100 gas a slot.
    assert written <= writing < written + 400 * len(heat.slots)


def test_the_kept_profiles_are_those(profiles, briefs):
    kept = json.loads((ROOT / "gas" / "profile.json").read_text())["scenarios"]
    assert len(briefs) > 8
    assert {name: kept[name] for name in briefs} == briefs


def test_storage_is_told_by_variable(profiles):
    found, _ = profiles["session.topup.steady"]
    heat = {each.name: each for each in found.heat}
    hot = heat["SessionPayment.sessions._hot"]
    assert (hot.cold_reads, hot.resets, hot.sets, len(hot.slots)) == (1, 1, 0, 1)
    assert hot.gas == 2_100 + 2_900
    assert hot.slots[0].startswith("sessions._hot[0x")
    # Both balances move; an infinite allowance is only read.
    balances = heat["MockCOR.erc20.balanceOf"]
    assert (balances.cold_reads, balances.resets, len(balances.slots)) == (2, 2, 2)
    assert heat["MockCOR.erc20.allowance"].gas == 2_100
    ten, one = (profiles[f"settle.{count}"][0] for count in (10, 1))
    assert len(_heat(ten, "SessionPayment.sessions._hot").slots) == 10
    assert len(_heat(one, "SessionPayment.sessions._hot").slots) == 1


def test_events_and_arguments_are_told(profiles):
    found, _ = profiles["settle.10"]
    names = {event.name: event for event in found.events}
    assert {name: event.contract for name, event in names.items()} == {
        "BatchSettled": "SessionPayment",
        "BatchAnchored": "ReceiptAnchor",
    }
    classes = {each.name: each.execution for each in found.classes}
    topics = sum(event.topics for event in found.events)
    data = sum(event.data_bytes for event in found.events)
    assert classes["history_growth"] == 256 * topics + 8 * data
    arguments = {each.name: each for each in found.calldata.arguments}
    assert arguments["batch.items"].bytes == 32 * 12  # where, how many, and ten
    assert arguments["batch.items"].units > arguments["batch.router_id"].units


def test_what_a_failed_transaction_took_is_told(profiles):
    refused, _ = profiles["refused"]
    assert refused.is_failed
    assert refused.closure.refund == 0
    empty, used = profiles["out of gas"]
    assert (used, empty.is_failed) == (30_000, True)


def _heat(found, name):
    return next(each for each in found.heat if each.name == name)


@pytest.fixture
def options(bench, profiles, deployments, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "140")
    return ["--rpc", bench.web3.provider.endpoint_uri, "--deployments", str(deployments)]


def test_the_command_shows_all_of_it(bench, options):
    done = run(bench.deployed["StakePool"].tx_hash, *options)
    assert done.exit_code == 0, done.output
    assert "StakePool (no call)" in done.output
    assert " = 2,662,027" in done.output  # as in gas/scenarios.json
    assert "StakePool.treasury" in done.output
    assert "L2 execution" in done.output


def test_the_page_shows_what_the_command_prints(profiles, shown):
    page = (ROOT / "docs" / "gas.md").read_text()
    example = page.split("```text\n")[1].split("```")[0]
    assert shown[0].exit_code == 0, shown[0].output
    assert lines(example) == lines(shown[0].output)


def lines(text):
    """Return words a line, without the spaces that fill a table."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_the_command_prints_json(options, profiles):
    found, used = profiles["quota.draw"]
    done = run(found.tx_hash, *options, "--network", "cor-testnet1a", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["closure"]["gas_used"] == used
    assert told["calldata"]["function"].startswith("settle_stake(")
    assert told["fees"]["network"] == "cor-testnet1a"
    assert told["fees"]["lines"][0]["gas"] == used
    assert [note["code"] for note in told["notes"]] == ["not_signed"]
