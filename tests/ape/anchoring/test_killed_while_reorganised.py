# SPDX-License-Identifier: Apache-2.0
"""The router is killed with SIGKILL, and loses the blocks of its batches while it is dead."""

from __future__ import annotations

import time

import pytest

from cortensor.chain.verify import ChainView
from cortensor.receipts import Bundle, verify_bundle
from cortensor.store.open_work import open_work
from scripts._demo.processes import Router
from tests.ape.anchoring.port import Port
from tests.ape.anchoring.routers import router_file
from tests.ape.running import rpc
from tests.ape.watch.commands import await_that
from tests.ape.watch.world import ESCROW, deployed
from tests.python.router.harness import Caller

pytestmark = [pytest.mark.anvil, pytest.mark.timeout(600)]

BATCH = 2
"""Receipts that the router settles together, as soon as they are there."""
SETTLES = ("[settlement]", "enabled = true", f"max_items = {BATCH}", "poll_s = 1", "follow_s = 1")


class Killable(Caller):
    """`cortensor router`, which settles by itself, as a process that reaches its node by a port."""

    def __init__(self, world, port: Port) -> None:
        file = router_file(world, port.url, *SETTLES)
        self._process = Router(file, {}, world.folder / "router.log")

    def start(self) -> None:
        self._process.start()
        self.url = self._process.url

    def kill(self) -> None:
        self._process.kill()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with deployed(tmp_path_factory.mktemp("killed")) as made:
        made.money.move_to(int(time.time()) + 60)
        made.port = Port(made.url)
        made.router = Killable(made, made.port)
        made.router.start()
        try:
            yield made
        finally:
            made.router.kill()
            made.port.close()


def anchored(world) -> list[tuple[str, int]]:
    """Root and leaves of each batch in the chain, in order."""
    logs = [log["args"] for log in world.money.anchor.events.BatchAnchored().get_logs(from_block=0)]
    return [("0x" + bytes(args["root"]).hex(), args["count"]) for args in logs]


def is_settled(world) -> bool:
    """Whether the router knows of nothing that it has to send."""
    work = open_work(world.config.database_address)
    return work.waiting.receipts == 0 and work.batches == []


def ask(world, session) -> None:
    for _ in range(BATCH):
        world.ask(session)


def mined_unknown(world, session) -> None:
    """A batch is mined, and the router is dead before it is told."""
    world.port.dies_after = "eth_sendRawTransaction"
    ask(world, session)
    await_that(lambda: not world.port.is_open, "the batch's transaction")
    world.router.kill()
    (sent,) = open_work(world.config.database_address).batches
    assert sent.receipts == BATCH
    world.port.dies_after, world.port.is_open = None, True


def mined_known(world, session) -> None:
    """A batch is mined and noted as confirmed."""
    ask(world, session)
    await_that(lambda: is_settled(world), "the batch")


@pytest.mark.parametrize(
    ("before", "lost"),
    [((mined_unknown,), 1), ((mined_known, mined_unknown), 2)],
    ids=["before it is told", "told of the first of two"],
)
def test_what_lost_its_block_is_anchored_once_more_after_a_kill(world, before, lost):
    session, earlier = world.open(ESCROW), anchored(world)
    for happens in before:
        happens(world, session)
    world.router.kill()
    mined = anchored(world)
    assert mined == [*earlier, *mined[-lost:]]
    assert world.money.facts(session.number)["settled"] == sum(session.charges)

    rpc(world.url, "anvil_reorg", lost, [])
    assert anchored(world) == earlier
    assert world.money.facts(session.number)["settled"] == 0
    world.router.start()
    await_that(lambda: len(anchored(world)) >= len(mined) and is_settled(world), "all batches")
    assert anchored(world) == mined

    ask(world, session)  # and it goes on
    await_that(lambda: is_settled(world), "the next batch")
    check(world, session)


def check(world, session) -> None:
    """Each receipt is in one batch, each batch in the chain once, and all that is owed settled."""
    roots = anchored(world)
    with world.store() as store:  # which audits the ledger
        batches = store.database.rows("SELECT root, count FROM batches ORDER BY number")
        receipts = store.database.rows("SELECT receipt_id, session FROM receipts ORDER BY seq")
        account = store.ledger.account(session.name)
    assert roots == [(row["root"], row["count"]) for row in batches]
    assert len(set(roots)) == len(roots)
    assert sum(count for _, count in roots) == len(receipts)
    assert (account.spent, account.reserved) == (sum(session.charges), 0)
    assert world.money.facts(session.number)["settled"] == account.spent

    own = [row["receipt_id"] for row in receipts if row["session"] == session.name]
    assert len(own) == len(session.charges)
    for index, receipt in enumerate(own, start=1):
        path = f"/api/v4/receipt/{receipt}?bundle=1"
        bundle = Bundle.load(world.router.get(path, auth=world.grant(session)).content)
        chain = ChainView(world.url, bundle.receipt.chain)
        found = verify_bundle(bundle, chain, session_payment=world.money.payment.address)
        assert found.verdict == "verified", found.failures
        assert bundle.anchor.index == index
        assert bundle.anchor.cumulative == str(sum(session.charges[:index]))
