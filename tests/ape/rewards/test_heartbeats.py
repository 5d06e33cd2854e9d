# SPDX-License-Identifier: Apache-2.0
"""An epoch without paid work: of three nodes one is there, one is silent, one is disqualified."""

from __future__ import annotations

import csv
import json
from urllib.request import urlopen

import pytest
from click.testing import CliRunner

from cortensor.chain.node_register import NodeFacts
from cortensor.cli import main
from cortensor.router.adapters.chain_nodes import ChainNodes
from scripts._anvil import run_anvil
from scripts._demo import sessions
from scripts._demo.operating import SIGNER_KEY
from scripts._rewards.network import Network, hex_key
from scripts._rewards.pipeline import settle
from scripts._rewards.working import Backend, Beats, beats_of, running_router, wait_for_beats
from tests.python.router.fake_model import FakeModel, Script

THERE, SILENT, OUT = range(3)
MODELS = {THERE: "light-a", SILENT: "light-b"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    folder = tmp_path_factory.mktemp("heartbeats")
    with run_anvil() as anvil:
        network = Network(anvil.url, folder / "deployments", min_tasks=1)
        network.settle_in(3)
        disqualify(network, network.cast.nodes[OUT].address)
        network.end_epoch()
        yield folder, network


def disqualify(network, node):
    """Accuse a node, let the appeal window pass, and act on it."""
    chain, functions = network.chain, network.register.functions
    chain.send(chain.people.deployer, functions.accuse(node, b"\1" * 32))
    chain.pass_time(functions.APPEAL_SECONDS().call() + 1)
    chain.send(chain.people.deployer, functions.disqualify(node))


def test_the_register_is_read_in_one_request_by_any_endpoint(stage):
    _, network = stage
    nodes = [node.address.lower() for node in network.cast.nodes]
    url, register = network.chain.rpc_url, network.register.address
    other = url.replace("127.0.0.1", "localhost")
    assert other != url
    good = NodeFacts(True, False, False, True, 0)
    expected = [good, good, NodeFacts(True, False, True, False, 0), NodeFacts(*[False] * 4, 0)]
    stranger = "0x" + "99" * 20
    for place in (url, [url, other]):
        assert ChainNodes(place, register, None).facts([*nodes, stranger]) == expected


def test_uptime_comes_from_heartbeats_that_moved_no_money(stage):
    folder, network = stage
    model = FakeModel()
    model.default = Script("blue")
    model.scripts[MODELS[SILENT]] = Script(status=500)
    own = sessions.open_escrow(network.chain, 1)
    try:
        with running_router(
            folder, network, Backend(model.url), Beats(own.session_id, 1)
        ) as router:
            wait_for_beats(router, beats_of(router), 2)
            with urlopen(f"{router.url}/api/v4/sessions", timeout=30) as answer:
                states = {int(each["id"]): each for each in json.load(answer)["sessions"]}
            assert beats_of(router).keys() == {str(THERE), str(SILENT)}
            settle(folder / "router.toml", {SIGNER_KEY: hex_key(network.chain.people.settler)})
            assert network.chain.payment.events.BatchSettled().get_logs(from_block=0) == []
            epoch = network.end_epoch()
            computed = compute(network, epoch, folder / "epochs")
    finally:
        model.close()
    assert [states[place]["node"]["status"] for place in range(3)] == [
        "registered",
        "registered",
        "disqualified",
    ]
    assert (states[THERE]["node"]["source"], states[THERE]["node"]["level"]) == ("chain", 0)
    assert [states[place]["healthy"] for place in (THERE, OUT)] == [True, False]
    nodes = [node.address.lower() for node in network.cast.nodes]
    assert computed.keys() == {nodes[THERE], nodes[SILENT]}
    assert computed[nodes[THERE]]["uptime_bps"] == "10000"
    assert computed[nodes[SILENT]]["uptime_bps"] == "0"


def compute(network, epoch, out):
    """The metrics of an epoch by node, as `cortensor rewards compute` writes them."""
    place = ("--rpc", network.chain.rpc_url, "--deployments", str(network.chain.records))
    arguments = ["rewards", "compute", str(epoch), "--out", str(out), "--estimate"]
    done = CliRunner().invoke(main, [*arguments, *place, "--allow-private"])
    assert done.exit_code == 0, done.output
    with (out / str(epoch) / "metrics.csv").open(encoding="utf-8") as file:
        return {row["node"]: row for row in csv.DictReader(file)}
