# SPDX-License-Identifier: Apache-2.0
"""Several endpoints before one Anvil: one dies, comes back, lags, or is another chain's."""

from __future__ import annotations

import contextlib
import time

import msgspec
import pytest

from cortensor.chain import failover
from cortensor.chain.rpc import connect
from cortensor.errors import Unavailable
from cortensor.router.wiring import build_settler
from scripts._anvil import run_anvil
from tests.ape.anchoring.port import Port
from tests.ape.running import rpc
from tests.ape.watch.world import ESCROW, running

pytestmark = [pytest.mark.anvil, pytest.mark.timeout(600)]


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
