# SPDX-License-Identifier: Apache-2.0
"""`ape run gas --network`: receipts on chains that charge as Arbitrum, and on their forks.

Here a tour of a few scenarios of every contract; the whole run is the command.
"""

from __future__ import annotations

import json

import ape
import pytest
from ape_ethereum.provider import EthereumNodeProvider
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from cortensor.chain.rpc import connect
from cortensor.cli import main
from cortensor.errors import InvalidInput, Unavailable
from cortensor.gas.mix import mix_text
from cortensor.pricing import RateCard
from scripts import gas
from scripts._anvil import ROOT, run_anvil
from scripts._gas import profiles, results
from scripts._gas.flames import Flames
from scripts._gas.mix.weights import load_weights
from scripts._gas.network.command import errors_of, gas_of, measure, percent
from scripts._gas.network.comparing import beside_ppm, state_of
from scripts._gas.network.mixing import mix_on
from scripts._gas.network.node import FRONTS, Where, reached, started, where
from scripts._gas.network.profiling import profile_on, show
from scripts._gas.tour import STOPS, run_tour
from tests.ape.anvil.fronts import BASE_FEE, L3, PAYER, SEPOLIA, STRANGER
from tests.ape.running import changed, rpc

pytestmark = [pytest.mark.anvil, pytest.mark.timeout(300)]

CARD = RateCard.load(ROOT / "config" / "rate-card.toml")
PRICE = 1_000_000_000  # so that bytes are a third of a fee and more
DEAR = ["--price-per-unit", str(PRICE)]
COMMITTED = gas_of(results.load(results.SCENARIOS_PATH))
SCENARIOS = results.load(results.SCENARIOS_PATH)["scenarios"]
CONTRACTS = results.load(results.SCENARIOS_PATH)["code_bytes"].keys()
WITHIN_PPM = 20_000


def quiet(_name):
    pass


def measured(url):
    return measure(connect(url), CARD, COMMITTED, quiet, run_tour)


def check(found, url):
    """Each receipt is plain gas and the formula; our estimate is near, the node's is not."""
    names = [each.name for each in found]
    called = {SCENARIOS[name].get("call", name.removeprefix("deploy.")) for name in names}
    assert {each.partition(".")[0] for each in called} >= CONTRACTS
    assert names == [name for _, stop in STOPS for name in stop]
    for each in found:
        assert (each.name, each.open, each.told) == (each.name, 0, each.poster)
        assert each.poster > 0
        assert abs(each.error_ppm) <= WITHIN_PPM
        assert each.nitro_poster_ppm > 100_000
    assert any(each.plain != each.committed for each in found)  # signatures are of this chain
    assert any(each.plain == each.committed for each in found)
    ours, nodes, part = errors_of(found).values()
    assert ours[0] < nodes[0]
    assert part[0] > 200_000
    assert state_of(connect(url), 1).price_per_unit == PRICE


@pytest.fixture(scope="module")
def sepolia():
    with started("arbitrum-sepolia", DEAR) as url:
        yield url


def test_receipts_close_on_sepolia_and_the_estimate_is_the_commands(sepolia):
    found = measured(sepolia)
    check(found, sepolia)
    # What is compared is what `cortensor gas estimate` says of the signed bytes.
    block = rpc(sepolia, "eth_getBlockByNumber", "latest", True)
    while not block["transactions"]:
        block = rpc(sepolia, "eth_getBlockByHash", block["parentHash"], True)
    (sent,) = block["transactions"]
    raw = rpc(sepolia, "debug_getRawTransaction", sent["hash"])
    receipt = rpc(sepolia, "eth_getTransactionReceipt", sent["hash"])
    used, data = (int(receipt[name], 16) for name in ("gasUsed", "gasUsedForL1"))
    words = ["--network", "arbitrum-sepolia", "--rpc", sepolia, "--l2-gas", str(used - data)]
    done = CliRunner().invoke(main, ["gas", "estimate", raw, *words, "--json"])
    assert done.exit_code == 0, done.output
    assert f'"gas": {used},' in done.output


def test_execution_is_asked_of_the_node(sepolia):
    gas = 60_000
    sent = PAYER.sign_transaction(
        {
            "chainId": SEPOLIA,
            "nonce": int(rpc(sepolia, "eth_getTransactionCount", PAYER.address, "latest"), 16),
            "gas": gas,
            "gasPrice": 10**10,
            "to": STRANGER,
            "value": 5,
            "data": b"\1" * 10,
        }
    )
    raw = "0x" + bytes(sent.raw_transaction).hex()
    words = ["--network", "arbitrum-sepolia", "--rpc", sepolia, "--ask-gas"]
    done = CliRunner().invoke(main, ["gas", "estimate", raw, *words, "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    rpc(sepolia, "eth_sendRawTransaction", raw)
    receipt = rpc(sepolia, "eth_getTransactionReceipt", "0x" + bytes(sent.hash).hex())
    used, data = (int(receipt[name], 16) for name in ("gasUsed", "gasUsedForL1"))
    execution, for_bytes = told["lines"]
    assert execution["gas"] == used - data == 21_000 + 16 * 10
    assert for_bytes["gas"] == data
    assert (told["is_bound"], told["execution_from"]) == (True, "node")
    shown = CliRunner().invoke(main, ["gas", "estimate", raw, *words])
    assert "what the node wants for it now, an upper bound" in shown.output


def test_receipts_close_on_a_fork_of_the_l3():
    with started("cor-l3", DEAR) as upstream, started("cor-l3", ["--fork", upstream]) as url:
        assert int(rpc(url, "eth_chainId"), 16) == L3
        check(measured(url), url)


def unmapped(_name):
    """No line map: each would take the compiler seconds."""


def valid(text):
    schema = json.loads((ROOT / "gas" / "schema.json").read_text())
    assert [error.message for error in Draft202012Validator(schema).iter_errors(text)] == []


def test_a_mix_is_run_at_what_the_network_charges(sepolia, tmp_path):
    graph = Flames(unmapped)
    found = mix_on(connect(sepolia), CARD, "here", load_weights(), 5, 2, quiet, graph)
    kinds = found.mix.transactions
    assert (found.checked, found.wrong) == (sum(each.count for each in kinds.values()), [])
    assert found.checked == graph.count > 5
    # What sessions bear is what the receipts say, to the unit; and was paid at the base fee.
    borne = found.mix.sessions
    for name in ("execution_gas", "poster_gas"):
        assert sum(getattr(each, name) for each in borne) == sum(
            getattr(each, name) for each in kinds.values()
        )
    for each in kinds.values():
        fee = each.fees["arbitrum-sepolia"]
        assert int(fee.execution_wei) == each.execution_gas * BASE_FEE
        assert int(fee.data_wei) == each.poster_gas * BASE_FEE > 0
    valid(json.loads(mix_text(found.mix)))
    closure = graph.closure
    assert closure.used == sum(each.execution_gas + each.poster_gas for each in kinds.values())
    assert closure.poster == sum(each.poster_gas for each in kinds.values())
    page, stacks = tmp_path / "all.html", tmp_path / "all.folded"
    graph.write([page, stacks], "A mix", "of two sessions")
    assert sum(int(line.rpartition(" ")[2]) for line in stacks.read_text().splitlines()) == (
        closure.execution
    )
    assert f"{graph.count:,} transactions: of two sessions" in page.read_text()
    assert f"{closure.used:,}" in page.read_text()


def test_profiles_close_with_what_bytes_take(sepolia, capsys):
    graph = Flames(unmapped)
    found, document = profile_on(
        connect(sepolia), CARD, "here", quiet, graph, most=14, line_map=unmapped
    )
    for name, brief in found.items():
        poster = brief["classes"]["single_dim"]
        assert poster > 0
        assert sum(brief["classes"].values()) - brief["refund"] == brief["gas_used"], name
    drawn = [name for name in found if not name.startswith("deploy.")]
    assert graph.count == len(drawn) == 4
    assert graph.closure.used == sum(found[name]["gas_used"] for name in drawn)
    assert graph.root.total == graph.closure.execution
    valid(json.loads(profiles.dump(document)))
    show(found)
    assert f"{found['router.register']['gas_used']:,}" in capsys.readouterr().out


def test_a_choice_of_network_is_apes():
    assert where("arbitrum:sepolia-fork") == Where(
        "arbitrum:sepolia-fork", None, "http://127.0.0.1:18547", SEPOLIA
    )
    assert where("cor:testnet1a-fork:foundry").chain_id == L3
    assert where("cor:testnet1a").url == "http://127.0.0.1:18548"
    assert where("ethereum:local:http://127.0.0.1:9").chain_id is None
    assert set(FRONTS) == {SEPOLIA, L3}


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ("foo:bar", "No ecosystem named 'foo'"),
        ("arbitrum:nowhere", "No network in 'arbitrum' named 'nowhere'"),
        ("arbitrum:sepolia:nobody", "No provider named 'nobody' in network 'sepolia'"),
        ("arbitrum:mainnet-fork", "is of chain 42161, which has no front"),
        ("arbitrum:mainnet", "is of chain 42161, which has no front"),
        ("arbitrum:local", "names no node"),
    ],
)
def test_a_network_that_is_none_of_ours_is_refused_at_once(choice, reason, monkeypatch):
    def ask(*_):
        raise AssertionError("Ape looks for a public node")

    monkeypatch.setattr(EthereumNodeProvider, "_get_random_rpc", ask)
    with pytest.raises(InvalidInput) as refused:
        where(choice)
    assert refused.value.code == "unknown_network"
    assert refused.value.reason.startswith(reason)
    assert "; there are arbitrum:sepolia and cor:testnet1a, either with -fork" in str(refused.value)
    assert run(choice) == f"Error: {refused.value}"


def test_a_key_in_a_choice_is_not_told():
    told = run("arbitrum:sepolia:http://127.0.0.1:9/KEY")
    assert "nobody answers at http://127.0.0.1:9 (connection refused)" in told
    assert "KEY" not in told


def test_a_fork_is_started_behind_a_front(sepolia):
    changed_config = {"node": {"arbitrum": {"sepolia": {"uri": sepolia}}}}
    with ape.project.temp_config(**changed_config):
        place = where("arbitrum:sepolia-fork:foundry")
    assert place.upstream == sepolia
    with reached(place) as web3:
        assert web3.eth.chain_id == SEPOLIA
        assert state_of(web3, web3.eth.block_number).price_per_unit == PRICE


def run(choice):
    done = CliRunner().invoke(gas.cli, ["--network", choice])
    lines = [line for line in done.output.splitlines() if not line.startswith("measuring")]
    assert (done.exit_code, len(lines)) == (1, 1), done.output
    return lines[0]


def test_what_cannot_be_measured_on_is_said(sepolia):
    with run_anvil(chain_id=5) as stranger:
        told = run(f"arbitrum:sepolia:{stranger.url}")
        assert f"{stranger.url} is of chain 5; " in told
    with run_anvil(chain_id=SEPOLIA, options=["--fork-url", sepolia]) as plain:
        assert "receipts have no gasUsedForL1" in run(f"arbitrum:sepolia:{plain.url}")

    def refuse(call, answer):
        is_anvils = isinstance(call, dict) and call["method"].startswith("anvil_")
        error = {"code": -32601, "message": "the method does not exist"}
        return {"jsonrpc": "2.0", "id": call["id"], "error": error} if is_anvils else answer

    with changed(sepolia, refuse) as real:
        told = run(f"arbitrum:sepolia:{real}")
        assert "is no Anvil" in told
        assert "--network arbitrum:sepolia-fork" in told


def test_an_upstream_that_is_away_is_the_fronts_own_error():
    place = Where("arbitrum:sepolia-fork", None, "http://127.0.0.1:9", SEPOLIA)
    with pytest.raises(Unavailable, match="the forked node"), reached(place):
        pass


@pytest.mark.parametrize(
    "words",
    [
        ["--network", "arbitrum:sepolia-fork", "--check"],
        ["--network", "arbitrum:sepolia-fork", "--mix", "--check"],
        ["--network", "arbitrum:sepolia-fork", "--flame", "all.html"],
        ["--mix", "--profile"],
        ["--tour"],
        ["--tour", "--mix", "--network", "arbitrum:sepolia-fork"],
        ["--seed", "2"],
        ["--sessions", "0", "--mix"],
    ],
)
def test_what_does_not_go_together_is_refused(words):
    assert CliRunner().invoke(gas.cli, words).exit_code == 2


def test_errors_are_rounded_away_from_zero():
    assert (beside_ppm(101, 100), beside_ppm(99, 100), beside_ppm(100, 100)) == (10_000, -10_000, 0)
    assert beside_ppm(3_000_001, 3_000_000) == 1
    assert (percent(12_345), percent(-1), percent(1_000_000)) == (
        "1.2345 %",
        "-0.0001 %",
        "100.0000 %",
    )
