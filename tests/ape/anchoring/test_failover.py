# SPDX-License-Identifier: Apache-2.0
"""Several endpoints before one Anvil: one dies, comes back, lags, or is another chain's."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

import msgspec
import pytest

from cortensor.chain import failover
from cortensor.chain.rpc import connect
from cortensor.errors import Unavailable
from cortensor.router.wiring import build_settler
from scripts._anvil import run_anvil
from tests.ape.running import rpc
from tests.ape.watch.world import ESCROW, running

pytestmark = [pytest.mark.anvil, pytest.mark.timeout(600)]


class Port:
    """A way to a node that can be shut, and may show an old block as the latest.

    Attributes:
        asked: methods that came through.
        dies_after: methods after which it is shut by itself, before it answers.
        behind_s: how old the latest block is made to look.
    """

    def __init__(self, node: str) -> None:
        self.asked: list[str] = []
        self.dies_after: str | None = None
        self.behind_s = 0
        self.is_open = True
        port = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                call = json.loads(body)
                if not port.is_open:
                    self.close_connection = True
                    return
                port.asked.append(call["method"])
                with urlopen(Request(node, body, {"content-type": "application/json"})) as answer:
                    data = json.load(answer)
                if call["method"] == port.dies_after:
                    port.is_open = False  # the node has it, and whoever asked does not know
                    self.close_connection = True
                    return
                if call["method"] == "eth_getBlockByNumber" and call["params"][0] == "latest":
                    block = data["result"]
                    block["timestamp"] = hex(int(block["timestamp"], 16) - port.behind_s)
                raw = json.dumps(data).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_arguments: object):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextlib.contextmanager
def two_ports(node: str):
    ports = Port(node), Port(node)
    try:
        yield ports
    finally:
        for port in ports:
            port.close()


@pytest.fixture(scope="module")
def anvil():
    with run_anvil() as node:
        yield node


def test_a_dead_endpoint_is_left_and_come_back_to(anvil, monkeypatch):
    with two_ports(anvil.url) as (one, other):
        web3 = connect([one.url, other.url])
        assert web3.eth.chain_id == 31337
        assert other.asked == ["eth_chainId", "eth_getBlockByNumber"]  # looked at, and no more
        one.is_open = False
        assert web3.eth.block_number >= 0
        assert "eth_blockNumber" in other.asked
        one.is_open = True
        before = list(one.asked)
        assert web3.eth.gas_price > 0
        assert one.asked == before  # not before its time
        monkeypatch.setattr(failover, "CHECK_S", 0)
        assert web3.eth.block_number >= 0
        assert one.asked[-1] == "eth_blockNumber"


def test_an_endpoint_that_lags_is_left_out(anvil, monkeypatch):
    monkeypatch.setattr(failover, "CHECK_S", 0)
    with two_ports(anvil.url) as (one, other):
        web3 = connect([one.url, other.url])
        one.behind_s = failover.MAX_LAG_S + 1
        assert web3.eth.block_number >= 0
        assert other.asked[-1] == "eth_blockNumber"
        one.behind_s = failover.MAX_LAG_S - 1
        assert web3.eth.block_number >= 0
        assert one.asked[-1] == "eth_blockNumber"


def test_another_chain_is_never_asked(anvil, caplog):
    with run_anvil(chain_id=5) as stranger, two_ports(anvil.url) as (one, _other):
        web3 = connect([stranger.url, one.url], chain_id=31337)
        assert web3.eth.chain_id == 31337
        assert "is on chain 5, not 31337" in caplog.text
        one.is_open = False
        with pytest.raises(Unavailable, match="none of 2 endpoints"):
            connect([stranger.url, one.url], chain_id=31337).eth.chain_id  # noqa: B018


def test_settlement_survives_an_endpoint_that_dies_over_it(tmp_path_factory):
    with running(tmp_path_factory.mktemp("failover")) as world:
        world.money.move_to(int(time.time()) + 60)
        session = world.open(ESCROW)
        for method in ("eth_sendRawTransaction", "eth_estimateGas", "eth_getTransactionReceipt"):
            world.ask(session)
            with two_ports(world.url) as (one, other), world.store() as store:
                one.dies_after = method
                config = msgspec.structs.replace(world.config, rpc_url=[one.url, other.url])
                done = build_settler(config, store, world.router.url).settle_all()
                assert [batch.receipts for batch in done] == [1]
                assert not one.is_open
        assert world.money.facts(session.number)["settled"] == sum(session.charges)
        logs = world.money.anchor.events.BatchAnchored().get_logs(from_block=0)
        assert len(logs) == 3
        assert rpc(world.url, "eth_getTransactionCount", world.money.settler.address, "latest")
