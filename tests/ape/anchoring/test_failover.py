# SPDX-License-Identifier: Apache-2.0
"""Several endpoints before one Anvil: one dies, comes back, lags, or is another chain's."""

from __future__ import annotations

import contextlib
import time

import msgspec
import pytest
from click.testing import CliRunner

from cortensor.chain import failover
from cortensor.chain.rpc import connect
from cortensor.cli import main
from cortensor.errors import Conflict, Unavailable
from cortensor.router.wiring import build_settler
from scripts._anvil import run_anvil
from tests.ape.anchoring.port import Port
from tests.ape.running import rpc
from tests.ape.watch.world import ESCROW, running

pytestmark = [pytest.mark.anvil, pytest.mark.timeout(600)]

AWAY = "http://127.0.0.1:1"


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


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with running(tmp_path_factory.mktemp("failover")) as made:
        made.money.move_to(int(time.time()) + 60)
        made.session = made.open(ESCROW)
        made.ask(made.session)
        made.settle()
        yield made


def test_settlement_survives_an_endpoint_that_dies_over_it(world):
    session = world.session
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
    assert len(logs) == 4
    assert rpc(world.url, "eth_getTransactionCount", world.money.settler.address, "latest")


def test_a_settler_does_nothing_on_another_chain(world):
    world.ask(world.session)
    world.settle()
    with run_anvil(chain_id=5) as one, run_anvil(chain_id=5) as other, world.store() as store:
        before = store.anchored.not_final()
        for rpc_url in (one.url, [one.url, other.url]):
            config = msgspec.structs.replace(world.config, rpc_url=rpc_url)
            settler = build_settler(config, store, world.router.url)
            for work in (settler.settle_all, settler.follow, settler.release):
                with pytest.raises(Conflict) as refused:
                    work()
                assert refused.value.code == "wrong_chain"
        assert store.anchored.not_final() == before != []
        assert rpc(one.url, "eth_blockNumber") == "0x0"


def commands(world) -> dict[str, list[str]]:
    """Every command that asks a chain, without its endpoints."""
    place = ["--deployments", str(world.money.records)]
    with world.store() as store:
        (row, *_) = store.database.rows("SELECT receipt_id FROM receipts")
    receipt = f"{world.router.url}/api/v4/receipt/{row['receipt_id']}"
    anchor = ["--anchor", world.money.anchor.address, "--anchorer", world.money.settler.address]
    mirror = ["--mirror", str(world.folder / "mirror")]
    pinned = ["--session-payment", world.money.payment.address]
    state = ["--state", str(world.folder / "watch.db"), "--allow-private", "--once"]
    return {
        "verify": ["receipt", "verify", receipt, "--grant", world.grant(world.session), *pinned],
        "quota": ["quota", world.session.payer.address, *place],
        "demand": ["demand", world.session.name, "--dry-run", *place],
        "watch": ["watch", *state, *place],
        "log": ["log", "audit", f"{world.router.url}/tlog", *anchor, *mirror],
    }


def run(line: list[str], *endpoints: str):
    asked = [part for endpoint in endpoints for part in ("--rpc", endpoint)]
    return CliRunner().invoke(main, [*line, *asked])


def test_commands_pass_over_endpoints_that_are_away_or_of_another_chain(world):
    with run_anvil(chain_id=5) as stranger:
        for name, line in commands(world).items():
            # The log's chain is that of the first endpoint to answer.
            others = [] if name == "log" else [stranger.url]
            done = run(line, AWAY, *others, world.url)
            assert done.exit_code == 0, (name, done.output)
            assert run(line, AWAY, "http://127.0.0.1:2").exit_code in (2, 4), name


def test_commands_say_that_all_endpoints_are_of_another_chain(world):
    lines = commands(world)
    del lines["log"]  # which names no chain
    with run_anvil(chain_id=5) as one, run_anvil(chain_id=5) as other:
        verified = run(lines.pop("verify"), one.url, other.url)
        assert (verified.exit_code, "endpoints are on chain 5" in verified.output) == (1, True)
        for name, line in lines.items():
            refused = run(line, one.url, other.url)
            assert refused.exit_code == 2, name
            assert "2 endpoints are on chain 5, not 31337 [wrong_chain]" in refused.output, name
