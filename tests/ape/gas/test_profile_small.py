# SPDX-License-Identifier: Apache-2.0
"""Profiles of small contracts on a real Anvil: reads, writes, refunds, failures, both tracers."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from web3 import Web3

from cortensor.chain import tracer
from cortensor.chain.tracer import read_traced
from cortensor.cli import main
from cortensor.gas.known import Known
from cortensor.gas.layout import variables
from cortensor.gas.profile import profile
from scripts._anvil import ROOT, run_anvil
from tests.ape.gas.small import BORN, CALLER, KEEPER, compiled

pytestmark = pytest.mark.anvil


class Created(NamedTuple):
    """A contract, and the transaction that made it."""

    address: str
    tx_hash: str


class Chain:
    """A node with the small contracts."""

    def __init__(self, url):
        self.url = url
        self.web3 = Web3(Web3.HTTPProvider(url))
        self.account = self.web3.eth.accounts[0]
        self.known = {}
        self.keeper = self.deploy("Keeper", KEEPER)
        self.caller = self.deploy("Caller", CALLER)

    def deploy(self, name, source):
        made = compiled(source)
        factory = self.web3.eth.contract(abi=made["abi"], bytecode=made["bytecode"])
        sent = factory.constructor().transact({"from": self.account})
        address = self.web3.eth.wait_for_transaction_receipt(sent)["contractAddress"]
        self.known[address.lower()] = Known(name, variables(made["layout"]), made["abi"])
        return self.web3.eth.contract(address, abi=made["abi"])

    def create(self, source):
        """Create a contract that has no name."""
        made = compiled(source)
        sent = self.web3.eth.send_transaction({"from": self.account, "data": made["bytecode"]})
        receipt = self.web3.eth.wait_for_transaction_receipt(sent)
        return Created(receipt["contractAddress"], sent.to_0x_hex())

    def send(self, call, **more):
        """Send; return the transaction's hash."""
        sent = call.transact({"from": self.account, "gas": 1_000_000, **more})
        self.web3.eth.wait_for_transaction_receipt(sent)
        return sent.to_0x_hex()

    def profile(self, tx_hash):
        return profile(read_traced(self.web3, tx_hash), self.known, 1)


@pytest.fixture(scope="module")
def chain():
    with run_anvil(options=["--steps-tracing"]) as node:
        yield Chain(node.url)


def heat(found):
    return {each.name: each for each in found.heat}


def test_a_slot_read_again_without_a_write_between_is_redundant(chain):
    total = heat(chain.profile(chain.send(chain.keeper.functions.again())))["Keeper.total"]
    # Three reads, a write, one more read: the last one could not be kept from before the write.
    assert (total.cold_reads, total.warm_reads, total.redundant_reads) == (1, 3, 2)
    assert (total.sets, total.gas) == (1, 2_100 + 3 * 100 + 20_000)


def test_every_kind_of_variable_is_named(chain):
    me = chain.account.lower()
    found = heat(chain.profile(chain.send(chain.keeper.functions.fill(7, "abc"))))
    assert found["Keeper.fixed"].slots == ["fixed[1]"]
    assert found["Keeper.queue"].slots == ["queue.length", "queue[0]"]
    assert found["Keeper.allowed"].slots == [f"allowed[{me}][7]"]
    assert found["Keeper.pairs"].slots == ["pairs[5]", "pairs[5]+1"]
    key = "0x" + Web3.keccak(text="abc").hex().removeprefix("0x")
    name = f"notes[{key}]"
    assert found["Keeper.notes"].slots == [f"{name}.length", f"{name}.data[0]", f"{name}.data[1]"]
    assert found["Keeper.notes"].sets == 3


def test_clears_and_rewrites_give_back_what_the_receipt_says(chain):
    keeper = chain.keeper.functions
    chain.send(keeper.fill(7, "abc"))
    found = chain.profile(chain.send(keeper.clear(7)))
    pairs = heat(found)["Keeper.pairs"]
    # 7 to 0; back to 7 for 100 gas, which takes one refund and gives another; to 0 again.
    assert (pairs.clears, pairs.rewrites, pairs.refund) == (2, 1, 4_800 - 4_800 + 2_800 + 4_800)
    assert heat(found)["Keeper.fixed"].clears == 1
    assert found.closure.refund > 0


def test_what_a_failed_call_touched_is_cold_again(chain):
    chain.send(chain.keeper.functions.fill(7, "abc"))
    found = chain.profile(chain.send(chain.caller.functions.swallow(chain.keeper.address, 3)))
    assert not found.is_failed
    total = heat(found)["Keeper.total"]
    # Written in the call that reverted, then read: cold both times.
    assert (total.cold_writes, total.cold_reads) == (1, 1)
    assert found.closure.refund == 0


def test_a_creation_and_a_delegate_call(chain):
    found = chain.profile(chain.send(chain.caller.functions.copy(chain.keeper.address)))
    growth = next(each for each in found.classes if each.name == "storage_growth")
    proxy_bytes = 45
    # `made` and the copy's total, and its code.
    assert growth.execution == 2 * 20_000 + 200 * proxy_bytes
    # The copy's storage is its own: in no record, so without a name.
    assert [note.code for note in found.notes] == ["unknown_address"]


def test_coins_for_an_account_that_never_was(chain):
    stranger = Web3.to_checksum_address("0x" + "a7" * 20)
    give = chain.caller.functions.give(stranger)
    found = chain.profile(chain.send(give, value=5))
    growth = next(each for each in found.classes if each.name == "storage_growth")
    assert growth.execution == 25_000


def test_a_plain_transfer_has_no_steps(chain):
    stranger = Web3.to_checksum_address("0x" + "b8" * 20)
    sent = chain.web3.eth.send_transaction({"from": chain.account, "to": stranger})
    chain.web3.eth.wait_for_transaction_receipt(sent)
    found = chain.profile(sent.to_0x_hex())
    assert (found.closure.execution, found.closure.used) == (0, 21_000)


def test_a_listed_slot_is_warm(chain):
    listed = [{"address": chain.keeper.address, "storageKeys": [f"0x{0:064x}"]}]
    call = chain.keeper.functions.again()
    found = chain.profile(chain.send(call, accessList=listed, type=1, gasPrice=10**10))
    assert heat(found)["Keeper.total"].cold_reads == 0
    reads = next(each for each in found.classes if each.name == "storage_access_read")
    assert reads.intrinsic == 2_400 + 1_900


@pytest.mark.parametrize("what", ["fill", "clear", "swallow", "copy", "give"])
def test_struct_logs_say_the_same(chain, monkeypatch, what):
    keeper, caller = chain.keeper, chain.caller.functions
    call, more = {
        "fill": (keeper.functions.fill(9, "xyz"), {}),
        "clear": (keeper.functions.clear(9), {}),
        "swallow": (caller.swallow(keeper.address, 3), {}),
        "copy": (caller.copy(keeper.address), {}),
        "give": (caller.give(chain.account), {"value": 1}),
    }[what]
    tx_hash = chain.send(call, **more)
    by_tracer = read_traced(chain.web3, tx_hash)
    ask = tracer._Node.try_to_ask

    def refuse(self, method, *parameters):
        if "function" in str(parameters[1:]):
            return {"error": {"message": "tracers of others are not allowed"}}
        return ask(self, method, *parameters)

    monkeypatch.setattr(tracer._Node, "try_to_ask", refuse)
    by_logs = read_traced(chain.web3, tx_hash)
    assert by_logs.trace.ops == by_tracer.trace.ops
    assert by_logs.trace.pcs == by_tracer.trace.pcs
    assert profile(by_logs, chain.known, 1) == profile(by_tracer, chain.known, 1)


def run(*words):
    return CliRunner().invoke(main, ["gas", "profile", *words])


@pytest.fixture
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "140")


def one_line(done, words):
    assert (done.exit_code, done.output.count("\n")) == (2, 1), done.output
    assert words in done.output


def test_wrong_node_hash_and_records(chain, at_the_root, tmp_path):
    tx_hash = chain.send(chain.keeper.functions.again())
    one_line(run(tx_hash, "--rpc", "http://127.0.0.1:9"), "[chain_unavailable]")
    one_line(run("0x" + "12" * 32, "--rpc", chain.url), "[unknown_transaction]")
    one_line(run("0x12", "--rpc", chain.url), "tx_hash: must be 0x and 64")
    words = [tx_hash, "--rpc", chain.url, "--deployments", str(tmp_path)]
    one_line(run(*words), "no deployment records in")
    record = {"contract": "Keeper", "address": chain.keeper.address, "chain_id": 1}
    (tmp_path / "Keeper.json").write_text(json.dumps(record))
    one_line(run(*words), "[wrong_chain]")
    (tmp_path / "Keeper.json").write_text(json.dumps({**record, "chain_id": 31337}))
    (tmp_path / "layouts").mkdir()
    (tmp_path / "layouts" / "Keeper.json").write_text("{}")
    one_line(run(*words, "--layouts", str(tmp_path / "layouts")), "[missing_layout]")


def test_what_has_no_name_is_one_error_unless_that_is_allowed(chain, at_the_root, tmp_path):
    tx_hash = chain.send(chain.keeper.functions.again())
    record = {"contract": "Keeper", "address": chain.keeper.address, "chain_id": 31337}
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "Keeper.json").write_text(json.dumps(record))
    words = ["--rpc", chain.url, "--deployments", str(tmp_path / "records")]

    def refused(of, text, *more):
        one_line(run(of, *words, *more), text)
        done = run(of, *words, *more, "--allow-unknown")
        assert done.exit_code == 0, done.output
        reason, _, code = text.rpartition("; --allow-unknown shows the rest ")
        assert reason.partition(" (and")[0] in " ".join(done.output.split())
        assert code in done.output

    # No ABI of that name is packaged, so its functions have no names either.
    rest = "; --allow-unknown shows the rest"
    told = "no known function has selector 0x"
    done = run(tx_hash, *words)
    one_line(done, "[unknown_selector]")
    assert done.output.startswith(f"error: deployments: {told}")
    assert f"(and 1 more){rest}" in done.output
    # A creation calls no function: only its slots have no name.
    made = chain.create(BORN)
    missing = tmp_path / "records" / "Born.json"
    missing.write_text(json.dumps({**record, "contract": "Born", "address": made.address}))
    refused(made.tx_hash, f"no layout of Born: its slots have no names{rest} [missing_layout]")
    missing.unlink()
    lost = f"{made.address.lower()} is in no deployment record: its slots have no names"
    refused(made.tx_hash, f"{lost}{rest} [unknown_address]")


def test_a_node_that_keeps_no_steps(chain, monkeypatch):
    tx_hash = chain.send(chain.keeper.functions.again())
    ask = tracer._Node.try_to_ask

    def forget(self, method, *parameters):
        answer = ask(self, method, *parameters)
        if "function" in str(parameters[1:]):
            answer["result"] = {name: [] for name in answer["result"]}
        return answer

    monkeypatch.setattr(tracer._Node, "try_to_ask", forget)
    done = run(tx_hash, "--rpc", chain.url, "--allow-unknown")
    one_line(done, "[truncated_trace]")
