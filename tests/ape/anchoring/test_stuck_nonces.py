# SPDX-License-Identifier: Apache-2.0
"""Other transactions of the settler's key, on Anvil: dropped, replacing ours, or paying more."""

from __future__ import annotations

import time

import msgspec
import pytest

from cortensor.errors import Unavailable
from cortensor.router.wiring import build_settler
from tests.ape.running import rpc
from tests.ape.watch.world import ESCROW, running

pytestmark = [pytest.mark.anvil, pytest.mark.timeout(600)]

GWEI = 10**9
TRANSFER_GAS = 21_000


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with running(tmp_path_factory.mktemp("stuck")) as made:
        made.money.move_to(int(time.time()) + 60)
        session = made.open(ESCROW)
        made.ask(session)
        made.settle()  # the anchor is authorised from here on
        yield made


@pytest.fixture
def mines_nothing(world):
    rpc(world.url, "evm_setAutomine", False)
    yield
    rpc(world.url, "evm_setAutomine", True)


def goes_on(world) -> None:
    """Mine what is pending, and everything from now on."""
    rpc(world.url, "evm_setAutomine", True)
    rpc(world.url, "evm_mine")


def foreign(world, nonce: int, tip: int = GWEI) -> str:
    """Send a transaction of the settler's key that is not the settler's, and return its hash."""
    settler = world.money.settler
    signed = settler.sign_transaction(
        {
            "type": 2,
            "chainId": world.money.web3.eth.chain_id,
            "nonce": nonce,
            "to": settler.address,
            "value": 0,
            "gas": TRANSFER_GAS,
            "maxFeePerGas": 6 * GWEI + tip,
            "maxPriorityFeePerGas": tip,
        }
    )
    return "0x" + bytes(world.money.web3.eth.send_raw_transaction(signed.raw_transaction)).hex()


def settle(world, timeout_s: int = 2) -> list[str]:
    """Settle what waits, and return the roots."""
    short = msgspec.structs.replace(world.config.settlement, transaction_timeout_s=timeout_s)
    config = msgspec.structs.replace(world.config, settlement=short)
    with world.store() as store:
        done = build_settler(config, store, world.router.url).settle_all()
    return [batch.root for batch in done]


def nonces(world) -> list[int]:
    """The nonces that were signed for the last batch, newest first."""
    with world.store() as store:
        (row,) = store.database.rows("SELECT root FROM batches ORDER BY number DESC LIMIT 1")
        return [each.nonce for each in store.outbox.transactions(row["root"])]


def check(world, session) -> None:
    """Each batch is anchored once, all is settled, and the next batch passes."""
    world.ask(session)
    assert len(settle(world, timeout_s=60)) == 1
    logs = world.money.anchor.events.BatchAnchored().get_logs(from_block=0)
    roots = [bytes(log["args"]["root"]) for log in logs]
    assert len(set(roots)) == len(roots)
    with world.store() as store:
        batches = store.database.rows("SELECT root FROM batches ORDER BY number")
    assert ["0x" + root.hex() for root in roots] == [row["root"] for row in batches]
    assert world.money.facts(session.number)["settled"] == sum(session.charges)


@pytest.mark.usefixtures("mines_nothing")
def test_a_gap_below_ours_is_filled(world):
    rpc(world.url, "evm_setAutomine", True)
    session = world.open(ESCROW)
    world.ask(session)
    rpc(world.url, "evm_setAutomine", False)
    first = world.money.sent_by(world.money.settler)
    dropped = foreign(world, first)
    with pytest.raises(Unavailable, match="not mined"):
        settle(world)
    assert nonces(world) == [first + 1]
    rpc(world.url, "anvil_dropTransaction", dropped)
    goes_on(world)
    assert world.money.sent_by(world.money.settler) == first  # ours waits for what is gone
    assert len(settle(world, timeout_s=60)) == 1
    assert nonces(world) == [first, first + 1]
    check(world, session)


@pytest.mark.usefixtures("mines_nothing")
def test_ours_that_was_replaced_is_signed_anew(world):
    rpc(world.url, "evm_setAutomine", True)
    session = world.open(ESCROW)
    world.ask(session)
    rpc(world.url, "evm_setAutomine", False)
    nonce = world.money.sent_by(world.money.settler)
    with pytest.raises(Unavailable, match="not mined"):
        settle(world)
    foreign(world, nonce, tip=40 * GWEI)
    goes_on(world)
    assert world.money.sent_by(world.money.settler) == nonce + 1
    assert len(settle(world, timeout_s=60)) == 1
    assert nonces(world) == [nonce + 1, nonce]
    check(world, session)


@pytest.mark.usefixtures("mines_nothing")
def test_ours_outbids_what_took_its_place_in_the_pool(world):
    rpc(world.url, "evm_setAutomine", True)
    session = world.open(ESCROW)
    world.ask(session)
    rpc(world.url, "evm_setAutomine", False)
    nonce = world.money.sent_by(world.money.settler)
    with pytest.raises(Unavailable, match="not mined"):
        settle(world)
    (ours,) = world.money.waiting(world.money.settler)
    rpc(world.url, "anvil_dropTransaction", ours)
    foreign(world, nonce, tip=2 * GWEI)
    with pytest.raises(Unavailable, match="moved during each attempt"):
        settle(world)
    with pytest.raises(Unavailable, match="not mined"):  # twice as dear with each attempt
        settle(world)
    goes_on(world)
    assert len(settle(world, timeout_s=60)) == 1
    assert set(nonces(world)) == {nonce}
    assert len(nonces(world)) > 1
    check(world, session)
