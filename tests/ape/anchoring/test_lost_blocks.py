# SPDX-License-Identifier: Apache-2.0
"""A re-organisation takes a settled batch back, on Anvil: it is noticed, told, and sent again."""

from __future__ import annotations

import time

import pytest
import requests

from cortensor.router.wiring import build_settler
from cortensor.store.open_work import open_work
from tests.ape.running import rpc
from tests.ape.watch.world import ESCROW, running

pytestmark = [pytest.mark.anvil, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with running(tmp_path_factory.mktemp("lost")) as made:
        made.money.move_to(int(time.time()) + 60)
        yield made


def follow(world):
    with world.store() as store:
        settler = build_settler(world.config, store, world.router.url)
        return [(each.before, each.now) for each in settler.follow()]


def anchor_of(world, receipt_id: str) -> dict[str, object]:
    shown = requests.get(f"{world.router.url}/api/v4/receipt/{receipt_id}", timeout=30)
    assert shown.status_code == 200, shown.text
    return shown.json()["anchor"]


def anchored(world) -> list[str]:
    """The roots that were ever anchored in the canonical chain, in order."""
    logs = world.money.anchor.events.BatchAnchored().get_logs(from_block=0)
    return ["0x" + bytes(log["args"]["root"]).hex() for log in logs]


def transactions(world) -> list[str]:
    with world.store() as store:
        found = store.database.rows("SELECT tx_hash FROM transactions ORDER BY rowid")
    return [row["tx_hash"] for row in found]


def sent_errands(world) -> list[bool]:
    """Of the settler's other transactions, whether each is known to be in the chain."""
    with world.store() as store:
        rows = store.database.rows("SELECT block_number FROM errands ORDER BY rowid")
    return [row["block_number"] is not None for row in rows]


def test_a_batch_whose_block_is_gone_is_sent_again_with_the_same_bytes(world):
    session = world.open(ESCROW)
    world.ask(session)
    world.ask(session)
    # The deployment authorised it already; here the settler has to, a block before the batch.
    money = world.money
    money.send(money.settler, money.anchor.functions.authorise(money.payment.address, False))
    assert world.settle() == {"escrow": 2}
    with world.store() as store:
        receipt = store.database.rows("SELECT receipt_id FROM receipts")[0]["receipt_id"]
    before, sent = anchor_of(world, receipt), transactions(world)
    assert (before["state"], before["finality"]) == ("confirmed", "soft")
    assert follow(world) == []
    assert sent_errands(world) == [True]

    rpc(world.url, "anvil_reorg", 2, [])  # the authorisation of the anchor goes with it
    assert anchored(world) == []
    assert sent_errands(world) == [True]
    assert follow(world) == [("soft", None)]
    assert sent_errands(world) == [False]
    after = anchor_of(world, receipt)
    assert (after["state"], after["finality"], after["block"]) == ("sent", None, None)
    assert (after["tx_hash"], after["root"]) == (None, before["root"])
    (waits,) = open_work(world.config.database_address).batches
    assert (waits.root, waits.state) == (before["root"], "waits")

    assert world.settle() == {"escrow": 2}
    assert anchored(world) == [before["root"]]
    assert transactions(world) == sent
    assert sent_errands(world) == [True]
    again = anchor_of(world, receipt)
    assert (again["state"], again["finality"]) == ("confirmed", "soft")
    assert again["tx_hash"] == before["tx_hash"]
    assert world.money.facts(session.number)["settled"] == sum(session.charges)

    assert open_work(world.config.database_address).not_final[0].finality == "soft"
    rpc(world.url, "anvil_mine", hex(40))
    assert follow(world) == [("soft", "safe")]
    rpc(world.url, "anvil_mine", hex(40))
    assert follow(world) == [("safe", "hard")]
    assert anchor_of(world, receipt)["finality"] == "hard"
    assert open_work(world.config.database_address).not_final == []
    assert follow(world) == []


def test_batches_that_lost_their_blocks_keep_their_order(world):
    session = world.open(ESCROW)
    before = anchored(world)
    for _ in range(3):
        world.ask(session)
        world.settle()
    roots, sent = anchored(world), transactions(world)
    assert len(roots) == len(before) + 3
    rpc(world.url, "anvil_reorg", 3, [])
    assert anchored(world) == before
    assert world.settle() == {"escrow": 1}  # of the last; each is one receipt
    assert anchored(world) == roots
    assert transactions(world) == sent
    assert world.money.facts(session.number)["settled"] == sum(session.charges)
