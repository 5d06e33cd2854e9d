# SPDX-License-Identifier: Apache-2.0
"""`cortensor watch` beside a real router on Anvil: escrow, vouchers and stake, each with a key."""

from __future__ import annotations

import json
import time

import msgspec
import pytest

from cortensor.chain.observer import Observer
from cortensor.epochs.paid import Paid
from cortensor.receipts.body import Body
from tests.ape.running import rpc
from tests.ape.watch.commands import Watcher, about, await_that, demand
from tests.ape.watch.forging import OVERCHARGE_WEI, bill_again
from tests.ape.watch.world import ESCROW, VOUCHER, running

pytestmark = [pytest.mark.anvil, pytest.mark.timeout(300)]

MICRO_WEI = 10**12
BURN_ADDRESS = "0x000000000000000000000000000000000000dEaD"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with running(tmp_path_factory.mktemp("watch")) as made:
        made.stakes = iter([made.stake() for _ in range(2)])
        # A little ahead of the router's clock, like a block's time of the next moment: the quota
        # takes no work of the future, not even of a fraction of a second.
        made.money.move_to(int(time.time()) + 60)
        yield made


def each_funding(world):
    """A session with a key of each funding."""
    return world.open(ESCROW), world.open(VOUCHER), next(world.stakes)


@pytest.fixture(scope="module")
def honest(world):
    """Sessions in which the router did everything right: two answers each, settled."""
    sessions = (world.open(ESCROW, is_keyed=False), *each_funding(world))
    for session in sessions:
        world.ask(session)
        world.ask(session)
    assert world.settle() == {"escrow": 4, "voucher": 2, "stake": 2}
    return sessions


def test_honest_batches_of_every_funding_are_clean(world, honest):
    for session in honest:
        settled, charged = world.money.facts(session.number)["settled"], sum(session.charges)
        if session.funding not in (ESCROW, VOUCHER):
            charged = -(-charged // MICRO_WEI) * MICRO_WEI
        assert settled == charged > 0, session.title
    report = Watcher(world, "honest").once()
    assert about(report, *honest) == []
    assert report["leaves"] >= 8
    assert report["waiting_batches"] == 0


def test_what_was_settled_of_every_funding_counts_for_rewards(world, honest):
    observer = Observer(world.url, world.money.payment.address)
    settlements = observer.seen(0, observer.head().number).settlements
    assert sorted(each.is_stake for each in settlements) == [False, False, True]
    now = int(time.time())
    with world.store() as store:
        for each in settlements:
            ids = [leaf.receipt_id for leaf in store.outbox.leaves(each.root)]
            raw = {name: store.ledger.receipt(name).body for name in ids}
            bodies = {name: Body.from_json(json.loads(body)) for name, body in raw.items()}
            for total, counted in ((each.total, len(ids)), (1, 0)):
                moved = msgspec.structs.replace(each, total=total)
                paid = Paid([moved], observer, now - 3_600, now + 3_600)
                found = dict(paid.of(world.money.settler.address.lower(), each.root, bodies))
                assert len(found) == counted


def test_demands_are_answered_by_the_routers_own_watcher(world, honest):
    money, payer = world.money, world.money.person(100 * world.money.deposit)
    plain, escrow, voucher, stake = honest
    asked = [(escrow, 0), (voucher, 2), (plain, 1), (stake, 0), (stake, 1)]
    for session, index in asked[:2]:
        done = demand(world, session, index, key=payer)
        made = json.loads(done.stdout)
        assert made["answer_by"] == money.demand(session.number, index)["answer_by"]
    money.allow(payer, money.dispute, 100 * money.deposit)
    for session, index in asked[2:]:
        money.send(payer, money.dispute.functions.demand(session.number, index))
    held = money.cor_of(money.settler)
    helper = money.person()
    ledger = ("--answer-for-ledger", world.config.database_address)
    service = Watcher(world, "own", *ledger, key=helper).start()
    try:
        for session, index in asked:

            def is_answered(session=session, index=index):
                return money.demand(session.number, index)["challengeable_until"] != 0

            await_that(is_answered, f"{session.title}, index {index}")
        money.move_to(max(money.demand(s.number, i)["challengeable_until"] for s, i in asked) + 1)
        for session, index in asked:

            def is_closed(session=session, index=index):
                return money.demand(session.number, index)["answer_by"] == 0

            await_that(is_closed, f"{session.title}, index {index}")
    finally:
        service.terminate()
        said, _ = service.communicate(timeout=60)
    assert service.returncode == 0
    assert [alarm for line in said.splitlines() for alarm in json.loads(line)["alarms"]] == []
    # The payer was wrong to doubt: the router keeps the deposits, and nothing is refunded.
    assert money.cor_of(money.settler) - held == len(asked) * money.deposit
    assert money.proofs(*(session.number for session in honest)) == []
    assert money.sent_by(helper) == 2 * len(asked)


def test_frauds_of_every_funding_are_proven_once_through_a_kill(world):
    money, cheated = world.money, each_funding(world)
    for session in cheated:
        world.ask(session)
        bill_again(world, session, dearer_by=OVERCHARGE_WEI)
    assert world.settle() == {"escrow": 2, "voucher": 2, "stake": 2}
    before = {session.number: money.facts(session.number) for session in cheated}
    burnt = money.cor_of(BURN_ADDRESS)
    stranger = money.person()
    watcher = Watcher(world, "frauds", key=stranger)

    rpc(money.url, "evm_setAutomine", False)
    service = watcher.start()
    await_that(lambda: money.sent_by(stranger, "pending") == 1, "the first transaction")
    service.kill()
    service.communicate(timeout=60)
    assert money.proofs(*(session.number for session in cheated)) == []
    (sent,) = money.waiting(stranger)
    # Not only the watcher dies: the node forgets what it was told, too.
    rpc(money.url, "anvil_dropAllTransactions")
    rpc(money.url, "evm_setAutomine", True)

    report = watcher.once()
    assert about(report, *cheated) == []  # they were found before the kill, and are done by now
    assert {action["result"] for action in report["actions"]} == {"mined"}
    assert sent in {action["tx_hash"] for action in report["actions"]}
    # What stake moved cannot be shown; of the others each batch was, before its challenge.
    *deposited, staked = cheated
    done = [(action["action"], action["session_id"]) for action in report["actions"]]
    for session in deposited:
        assert done.index(("show_pending", session.name)) < done.index(
            ("challenge_charge", session.name)
        )
    sent_in_all = len(cheated) + len(deposited)
    assert money.sent_by(stranger) == len(done) == sent_in_all
    for session in cheated:
        (proof,) = money.proofs(session.number)
        told = {name: proof[name] for name in ("kind", "index", "excess", "refunded", "penalty")}
        assert told == {
            "kind": "charge",
            "index": 2,
            "excess": OVERCHARGE_WEI,
            "refunded": OVERCHARGE_WEI,
            "penalty": money.penalty,
        }, session.title
        assert proof["challenger"] == stranger.address
    assert money.cor_of(stranger) == len(cheated) * (money.penalty // 2)
    assert money.cor_of(BURN_ADDRESS) - burnt == len(cheated) * (money.penalty - money.penalty // 2)
    for session in deposited:
        gained = money.facts(session.number)["deposit"] - before[session.number]["deposit"]
        assert gained == OVERCHARGE_WEI, session.title
        assert money.refunds(session.number) == [(OVERCHARGE_WEI, 0)], session.title
    assert sum(from_pending for from_pending, _ in money.refunds(staked.number)) == 0
    restored = [log["args"] for log in money.quota.events.Restored().get_logs(from_block=0)]
    assert {args["session"] for args in restored} == {staked.number}
    # Its quota had paid: what was charged wrongly goes back to the pool, the stake was not touched.
    assert sum(args["to_pool"] for args in restored) == OVERCHARGE_WEI
    assert watcher.once()["actions"] == []
    assert money.sent_by(stranger) == sent_in_all


def test_a_charge_that_no_key_asked_for_goes_back_to_the_payer(world):
    """Rightly priced, signed and anchored: only the request signature is not to be had."""
    money = world.money
    money.next_bucket()  # a watcher that begins now knows all of what is pending there
    began = money.web3.eth.block_number
    session = world.open(ESCROW)
    world.ask(session)
    bill_again(world, session)
    world.settle()
    before = money.facts(session.number)
    funds = 10 * money.deposit
    payer, stranger = money.person(funds), money.person(funds)

    told = demand(world, session, 0, "--dry-run", key=payer)
    prospect = json.loads(told.stdout)
    assert prospect["refund_wei"] == prospect["settled_wei"] == str(before["settled"])
    assert money.sent_by(payer) == 0
    assert demand(world, session, 0, key=payer).returncode == 0

    # One that is nobody's router: it cannot answer the payer, and asks for the leaf itself.
    checks = ("--from-block", began, "--patience", 0, "--spot-check-bps", 10_000)
    foreign = Watcher(world, "foreign", *checks, key=stranger)
    done = {(a["action"], a["index"], a["result"]) for a in foreign.once()["actions"]}
    assert {("show_pending", 0, "mined"), ("demand", 2, "mined")} <= done
    claims = money.dispute.functions.claims(session.number).call()
    shown, held = (sum(claim[field] for claim in claims) for field in (1, 2))
    assert shown == held == before["settled"]  # frozen until the last demand ends
    assert "answer" not in {action for action, _, _ in done}
    ledger = ("--answer-for-ledger", world.config.database_address)
    own = Watcher(world, "helpless", *ledger, key=money.person()).once()
    assert own["exit_code"] == 1
    assert len([alarm for alarm in own["alarms"] if "is not stored" in alarm]) == 2
    assert money.demand(session.number, 2)["challengeable_until"] == 0

    money.move_to(money.demand(session.number, 2)["answer_by"] + 1)
    done = {(a["action"], a["index"], a["result"]) for a in foreign.once()["actions"]}
    assert ("close_demand", 2, "mined") in done
    closed = demand(world, session, 0, "--close", key=payer)
    assert json.loads(closed.stdout)["is_answered"] is False
    first, second = money.proofs(session.number)
    assert {proof["kind"] for proof in (first, second)} == {"unanswered"}
    assert (first["index"], second["index"]) == (2, 0)
    assert (first["penalty"], second["penalty"]) == (money.penalty, 0)
    # Whichever leaf is not shown, all that was settled goes back, and out of what it became.
    assert (first["refunded"], second["refunded"]) == (before["settled"], 0)
    assert money.refunds(session.number)[0] == (before["settled"], 0)
    assert money.cor_of(payer) == funds
    assert money.facts(session.number)["deposit"] - before["deposit"] == before["settled"]
    money.send(session.payer, money.payment.functions.withdraw(session.number))
    assert money.cor_of(session.payer) == before["deposit"]
