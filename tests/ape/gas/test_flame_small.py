# SPDX-License-Identifier: Apache-2.0
"""Gas by source line of small contracts on a real Anvil: a line is charged what it does."""

from __future__ import annotations

import json
import re
from collections import Counter

import msgspec
import pytest
from click.testing import CliRunner
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.output import build_abi_output, build_layout_output
from vyper.compiler.phases import CompilerData
from web3 import Web3

from cortensor.chain.tracer import read_traced
from cortensor.cli import main
from cortensor.gas.flame import DEPOSIT, Source, code_addresses, flame, hottest
from cortensor.gas.folded import folded
from cortensor.gas.trace import read_steps
from scripts._anvil import ROOT, run_anvil
from scripts._deploy.compiler import Artifact
from scripts._gas.mapping import map_lines
from tests.ape.gas.small import CALLER, KEEPER

pytestmark = pytest.mark.anvil

STACK = re.compile(r"^(?P<stack>[^ ;][^;]*(?:;[^;]+)*) (?P<count>[1-9][0-9]*)$")


class Chain:
    """A node with the small contracts, their line maps and records."""

    def __init__(self, url, folder):
        self.url = url
        self.folder = folder
        self.web3 = Web3(Web3.HTTPProvider(url))
        self.account = self.web3.eth.accounts[0]
        self.sources = {}
        self.created = {}
        self.keeper = self.deploy("Keeper", KEEPER)
        self.caller = self.deploy("Caller", CALLER)

    def deploy(self, name, source):
        (self.folder / f"{name}.vy").write_text(source)
        bundle = FilesystemInputBundle([self.folder])
        data = CompilerData(bundle.load_file(f"{name}.vy"), bundle)
        code = data.bytecode, data.bytecode_runtime
        artifact = Artifact(name, name, data.integrity_sum, [], *code, 0, {})
        lines = map_lines(artifact, data)
        abi = build_abi_output(data)
        factory = self.web3.eth.contract(abi=abi, bytecode=data.bytecode)
        sent = factory.constructor().transact({"from": self.account})
        receipt = self.web3.eth.wait_for_transaction_receipt(sent)
        address = receipt["contractAddress"]
        self.sources[address.lower()] = Source(name, lines)
        self.created[name] = sent.to_0x_hex()
        for kind in ("lines", "layouts", "records"):
            (self.folder / kind).mkdir(exist_ok=True)
        record = {"contract": name, "address": address, "chain_id": self.web3.eth.chain_id}
        (self.folder / "records" / f"{name}.json").write_text(json.dumps(record))
        (self.folder / "lines" / f"{name}.json").write_bytes(msgspec.json.encode(lines))
        layout = json.dumps(build_layout_output(data))
        (self.folder / "layouts" / f"{name}.json").write_text(layout)
        return self.web3.eth.contract(address, abi=abi)

    def send(self, call, **more):
        sent = call.transact({"from": self.account, "gas": 1_000_000, **more})
        self.web3.eth.wait_for_transaction_receipt(sent)
        return sent.to_0x_hex()

    def draw(self, tx_hash):
        """Return a transaction's graph and the gas of its execution by its steps."""
        traced = read_traced(self.web3, tx_hash)
        transaction, receipt = traced.transaction, traced.receipt
        is_creation = transaction.to is None
        steps = read_steps(traced.trace, is_creation=is_creation, is_failed=receipt.is_failed)
        outermost = transaction.to or transaction.created
        codes = code_addresses(traced.trace, steps, outermost)
        return flame(traced.trace, steps, codes, self.sources), sum(steps.costs)


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    with run_anvil(options=["--steps-tracing"]) as node:
        yield Chain(node.url, folder)


def own(root):
    """Return source text -> gas of its own, wherever it was called from."""
    return {hot.text: hot.gas for hot in hottest(root, 1_000)}


def test_each_access_is_on_the_line_that_makes_it(chain):
    root, _ = chain.draw(chain.send(chain.keeper.functions.again()))
    gas = own(root)
    # A first read, warm reads, and the write of a slot that was 0: nothing else is as dear.
    assert 2_100 <= gas["first: uint256 = self.total"] < 2_200
    assert 100 <= gas["second: uint256 = self.total"] < 200
    assert 20_000 <= gas["self.total = first + second + third + 1"] < 20_400
    assert 100 <= gas["return self.total"] < 200


def test_a_write_of_each_kind_of_variable_is_on_its_line(chain):
    root, _ = chain.draw(chain.send(chain.keeper.functions.fill(7, "abc")))
    gas = own(root)
    assert 22_100 <= gas["self.fixed[1] = number"] < 22_400
    assert 44_200 <= gas["self.queue.append(number)"] < 44_800
    assert 22_100 <= gas["self.allowed[msg.sender][number] = True"] < 22_600
    assert 44_200 <= gas["self.pairs[5] = Pair(left=number, right=number + 1)"] < 44_800
    # Three words of text, and a topic with two words of data.
    note = next(text for text in gas if text.startswith("self.notes[text] ="))
    assert 66_300 <= gas[note] < 67_500
    assert gas["log Told(number=number, text=text)"] >= 375 * 3 + 8 * 64


@pytest.mark.parametrize("kind", ["again", "fill", "clear", "swallow", "copy", "give", "created"])
def test_what_is_drawn_is_what_execution_took(chain, kind):
    keeper, caller = chain.keeper, chain.caller.functions
    calls = {
        "again": (keeper.functions.again(), {}),
        "fill": (keeper.functions.fill(9, "xyz"), {}),
        "clear": (keeper.functions.clear(9), {}),
        "swallow": (caller.swallow(keeper.address, 3), {}),
        "copy": (caller.copy(keeper.address), {}),
        "give": (caller.give(chain.account), {"value": 1}),
    }
    if kind == "created":
        tx_hash = chain.created["Keeper"]
    else:
        call, more = calls[kind]
        chain.send(keeper.functions.fill(9, "xyz"))
        tx_hash = chain.send(call, **more)
    root, taken = chain.draw(tx_hash)
    assert root.total == taken
    assert read_back(folded(root)).total() == taken


def read_back(text):
    """Read folded stacks as others do: semicolons between frames, a count at the end."""
    found = Counter()
    for line in text.splitlines():
        told = STACK.match(line)
        assert told, line
        found[tuple(told["stack"].split(";"))] += int(told["count"])
    assert len(found) == len(text.splitlines())
    return found


def test_a_call_is_drawn_in_the_line_that_makes_it(chain):
    tx_hash = chain.send(chain.caller.functions.swallow(chain.keeper.address, 3))
    stacks = read_back(folded(chain.draw(tx_hash)[0]))
    text = CALLER.splitlines()
    line = 1 + next(i for i, each in enumerate(text) if "extcall Keeper(keeper).again()" in each)
    calling = ("Caller", "swallow", f"Caller.vy:{line}", "Keeper", "again")
    inside = [stack for stack in stacks if stack[: len(calling)] == calling]
    assert len(inside) > 3
    # The calls that fail are in the lines of raw_call, and `refuse` never in the one of `again`.
    refused = {stack[:3] for stack in stacks if "refuse" in stack}
    assert len(refused) >= 1
    assert calling[:3] not in refused


def test_a_proxy_runs_the_code_of_another(chain):
    root, _ = chain.draw(chain.send(chain.caller.functions.copy(chain.keeper.address)))
    stacks = read_back(folded(root))
    # The copy is in no record: a box of its own, with the keeper's function inside.
    through = next(stack for stack in stacks if "again" in stack)
    assert [each for each in through if each.startswith("0x")] != []
    assert through[through.index("again") - 1] == "Keeper"


def test_code_that_is_left_on_chain_is_a_box_of_its_own(chain):
    root, _ = chain.draw(chain.created["Keeper"])
    size = len(chain.web3.eth.get_code(chain.keeper.address))
    created = root.inside["contract", "Keeper", ""]
    assert created.inside["function", DEPOSIT, ""].gas == 200 * size


def run(chain, tx_hash, *words):
    folder = chain.folder
    places = ["--deployments", folder / "records", "--layouts", folder / "layouts"]
    places += [] if "--lines" in words else ["--lines", folder / "lines"]
    named = ["--allow-unknown", *map(str, places)]
    command = ["gas", "profile", tx_hash, "--rpc", chain.url, *named, *words]
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(ROOT)
        return CliRunner().invoke(main, command)


def test_the_command_writes_both_forms(chain, tmp_path):
    tx_hash = chain.send(chain.keeper.functions.again())
    page, stacks = tmp_path / "out.html", tmp_path / "out.folded"
    done = run(chain, tx_hash, "--json", "--flame", str(page), "--flame", str(stacks))
    assert done.exit_code == 0, done.output
    *wrote, printed = done.output.split("\n", 2)
    assert wrote == [f"wrote {page}", f"wrote {stacks}"]
    told = json.loads(printed)
    assert read_back(stacks.read_text()).total() == told["closure"]["execution"]
    text = page.read_text("utf-8")
    assert f"{told['closure']['intrinsic']:,}" in text
    assert "self.total = first + second + third + 1" in text


def test_each_thing_that_is_missing_is_one_line(chain, tmp_path):
    tx_hash = chain.send(chain.keeper.functions.again())
    out = str(tmp_path / "out.html")

    def refused(*words, of=tx_hash):
        done = run(chain, of, *words)
        assert (done.exit_code, done.output.count("\n")) == (2, 1), done.output
        assert not (tmp_path / "out.html").exists()
        return done.output

    assert "must end in .html or .folded" in refused("--flame", "out.svg")
    assert "cannot write" in refused("--flame", str(tmp_path / "none" / "out.html"))
    empty = tmp_path / "lines"
    empty.mkdir()
    assert "[missing_line_map]" in refused("--flame", out, "--lines", str(empty))
    (empty / "Keeper.json").write_text("{}")
    assert "is no line map" in refused("--flame", out, "--lines", str(empty))
    (empty / "Keeper.json").write_bytes((chain.folder / "lines" / "Caller.json").read_bytes())
    assert "[wrong_line_map]" in refused("--flame", out, "--lines", str(empty))
    plain = chain.web3.eth.send_transaction({"from": chain.account, "to": chain.account})
    chain.web3.eth.wait_for_transaction_receipt(plain)
    assert "[no_execution]" in refused("--flame", out, of=plain.to_0x_hex())
    record = chain.folder / "records" / "Keeper.json"
    kept = record.read_text()
    record.unlink()
    try:
        assert "give --deployments" in refused("--flame", out)
    finally:
        record.write_text(kept)


def test_a_contract_without_a_map_is_one_box_with_a_note(chain, tmp_path):
    tx_hash = chain.send(chain.caller.functions.swallow(chain.keeper.address, 3))
    lines = tmp_path / "lines"
    lines.mkdir()
    (lines / "Caller.json").write_bytes((chain.folder / "lines" / "Caller.json").read_bytes())
    out = tmp_path / "out.folded"
    done = run(chain, tx_hash, "--flame", str(out), "--lines", str(lines))
    assert done.exit_code == 0, done.output
    assert "no line map of Keeper" in done.output
    assert "[missing_line_map]" in done.output
    assert {stack[3:] for stack in read_back(out.read_text()) if len(stack) > 3} == {("Keeper",)}
