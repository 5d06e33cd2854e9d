# SPDX-License-Identifier: Apache-2.0
"""What a session has pending is shown before a refund or a freeze takes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cortensor.receipts.sign import address_of
from cortensor.watch.leaves import Leaf
from cortensor.watch.pending import MARGIN_S
from cortensor.watch.report import PassReport
from tests.python.watch.making import SESSION, STRANGER_KEY, chain, published, receipt, rooted
from tests.python.watch.pending_chain import PendingChain, bucket_of
from tests.python.watch.watched_chain import (
    BUCKET_SECONDS,
    CHALLENGE_SECONDS,
    DISPUTE,
    GENESIS,
)
from tests.python.watch.watching import Shelf, Watch

CHALLENGER = address_of(STRANGER_KEY)
OTHER = SESSION + 50
ROOTS = ("0x" + f"{number:064x}" for number in range(1, 10**6))
BLOCKS_A_BUCKET = BUCKET_SECONDS // 10
"""The node's blocks are ten seconds apart, and its first begins in the middle of a bucket."""


@pytest.fixture
def node() -> Iterator[PendingChain]:
    fake = PendingChain()
    fake.pins[OTHER] = fake.pins[SESSION]
    fake.allowance = 2**256 - 1
    yield fake
    fake.close()


@pytest.fixture
def watch(node: PendingChain, tmp_path: Path) -> Iterator[Watch]:
    shelf = Shelf()
    yield Watch(node, shelf, tmp_path)
    shelf.close()


def over_charged(by: int = 5, *, session: int = SESSION) -> list[Leaf]:
    dear = receipt(0, session)
    return chain([msgspec.structs.replace(dear, charge=dear.charge + by), receipt(1, session)])


def called(node: PendingChain) -> list[str]:
    """The functions of the dispute contract that were called, in order."""
    functions = node._abis[DISPUTE]
    return [
        functions[bytes(fields["data"])[:4].hex()][0]
        for fields in node.mined.values()
        if "0x" + bytes(fields["to"]).hex() == DISPUTE
    ]


def shown(node: PendingChain) -> list[tuple[int, int, tuple[int, ...]]]:
    """Bucket, number of later batches, and words of what was shown."""
    found = []
    for fields in node.sent_to("show_pending"):
        _, (bucket, _, words, later) = node.arguments(fields)
        found.append((bucket, len(later), words))
    return found


def results(report: PassReport) -> list[tuple[str, str]]:
    return [(action.action, action.result) for action in report.actions]


def settle(node: PendingChain, block: int, *items: tuple[int, int], **more: Any) -> None:
    """Settle a batch that nobody needs to fetch: a stranger's root."""
    node.settle_items(next(ROOTS), block, list(items), **more)


def test_a_proof_is_sent_after_what_is_pending_is_shown(watch: Watch, node: PendingChain) -> None:
    settle(node, 3, (OTHER, 9))
    made = watch.batch(over_charged(), 4)
    settle(node, 5, (OTHER, 10))
    report = watch.look()
    assert results(report) == [("show_pending", "mined"), ("challenge_charge", "mined")]
    assert called(node) == ["show_pending", "challenge_charge"]
    total = made[-1].cumulative
    assert shown(node) == [(bucket_of(4), 1, (SESSION << 96 | total,))]
    assert node.claims == {SESSION: total}
    assert f"in bucket {bucket_of(4)}" in report.actions[0].reason


def test_items_that_moved_nothing_have_no_part_in_it(watch: Watch, node: PendingChain) -> None:
    first = watch.batch(over_charged(), 3)
    total = first[-1].cumulative
    third = SESSION + 51
    items = [(OTHER, 4), (third, 6), (SESSION, total), (third, 6), (SESSION, total + 1), (OTHER, 4)]
    settle(node, 4, *items, skip=frozenset({1}))
    watch.look()
    # Two wei more than the excess are not needed, so the newer batch is not enough.
    words = (OTHER << 96 | 4, third << 96 | 6, SESSION << 96 | 1)
    assert shown(node) == [(bucket_of(4), 0, words), (bucket_of(3), 1, (SESSION << 96 | total,))]


def test_what_a_batch_that_moved_nothing_passed_over_is_not_of_the_next(
    watch: Watch, node: PendingChain
) -> None:
    made = watch.batch(over_charged(), 3)
    item = (SESSION, made[-1].cumulative + 5)
    for is_skipped in (True, False):
        root = next(ROOTS)
        node.anchor(root, 1, "", 4, anchorer=CHALLENGER)
        node.settle_items(root, 4, [item], frozenset({0} if is_skipped else ()))
    watch.look()
    assert shown(node) == [(bucket_of(4), 0, (SESSION << 96 | 5,))]


def test_no_more_is_shown_than_is_due_and_the_newest_first(
    watch: Watch, node: PendingChain
) -> None:
    first = watch.batch(over_charged(), 3)
    total = first[-1].cumulative
    later = 3 + BLOCKS_A_BUCKET
    settle(node, later, (SESSION, total + 5))
    node.head = later + 5
    watch.look()
    assert [bucket for bucket, _, _ in shown(node)] == [bucket_of(later)]
    assert called(node)[-1] == "challenge_charge"


def prefixes(node: PendingChain) -> list[int]:
    """How many batches each step was proven by."""
    return [len(node.arguments(fields)[3]) for fields in node.sent_to("show_prefix")]


def test_a_batch_before_many_others_is_shown_in_steps(
    watch: Watch, node: PendingChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cortensor.chain.pending_moves.MAX_LATER", 2)
    made = watch.batch(over_charged(), 4)
    for wei in range(9, 14):
        settle(node, 4, (OTHER, wei))
    report = watch.look()
    assert called(node) == ["show_prefix", "show_prefix", "show_pending", "challenge_charge"]
    assert prefixes(node) == [1, 2]
    assert shown(node) == [(bucket_of(4), 2, (SESSION << 96 | made[-1].cumulative,))]
    assert node.claims == {SESSION: made[-1].cumulative}
    assert [action.result for action in report.actions] == ["mined"] * 4


def test_steps_that_were_shown_are_not_sent_again(
    watch: Watch, node: PendingChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cortensor.chain.pending_moves.MAX_LATER", 2)
    watch.batch(over_charged(), 4, is_shown=False)
    for wei in range(9, 12):
        settle(node, 4, (OTHER, wei))
    node.refused = {"show_pending", "demand"}
    watch.look(patience_s=0)
    settle(node, 15, (OTHER, 12))
    node.head = 20
    node.refused = set()
    watch.look(patience_s=0)
    # Others, in the batches after it, are shown as well.
    own = [node.arguments(fields) for fields in node.sent_to("show_prefix")]
    assert [len(later) for session, _, _, later in own if session == SESSION] == [1]
    assert SESSION in node.claims


def test_the_cost_of_steps_counts(
    watch: Watch, node: PendingChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cortensor.chain.pending_moves.MAX_LATER", 1)
    watch.batch(over_charged(), 4)
    for wei in (9, 10):
        settle(node, 4, (OTHER, wei))
    fee = 60_000 * (2 * node.base_fee)
    report = watch.look(cor_wei_per_coin=10**40)
    # The proof, a step, and the batch.
    assert [(a.result, a.fee_wei) for a in report.actions] == [("unprofitable", str(4 * fee))]


def test_what_can_be_claimed_already_is_not_shown_again(watch: Watch, node: PendingChain) -> None:
    watch.batch(over_charged(), 4)
    node.claims[SESSION] = 5
    watch.look()
    assert called(node) == ["challenge_charge"]


def test_what_matures_before_it_can_be_used_is_not_shown(watch: Watch, node: PendingChain) -> None:
    watch.batch(over_charged(), 4)
    until = (bucket_of(4) + 1) * BUCKET_SECONDS + CHALLENGE_SECONDS - 1
    node.head = (until - MARGIN_S - GENESIS) // 10 + 1
    watch.look()
    assert called(node) == ["challenge_charge"]


def test_the_last_moment_at_which_it_is_shown(watch: Watch, node: PendingChain) -> None:
    watch.batch(over_charged(), 4)
    until = (bucket_of(4) + 1) * BUCKET_SECONDS + CHALLENGE_SECONDS - 1
    node.head = (until - MARGIN_S - GENESIS) // 10
    watch.look()
    assert called(node) == ["show_pending", "challenge_charge"]


def test_what_was_released_is_not_shown(watch: Watch, node: PendingChain) -> None:
    watch.batch(over_charged(), 4)
    node.digests.clear()
    watch.look()
    assert called(node) == ["challenge_charge"]


def test_a_bucket_with_unknown_moves_is_left_and_the_bond_pays(
    watch: Watch, node: PendingChain, caplog: pytest.LogCaptureFixture
) -> None:
    watch.batch(over_charged(), 4)
    node.digests[3, bucket_of(4)] ^= 1
    assert results(watch.look()) == [("challenge_charge", "mined")]
    assert "nothing is shown" in caplog.text


def test_blocks_that_are_not_confirmed_are_in_the_digest_too(
    watch: Watch, node: PendingChain
) -> None:
    made = watch.batch(over_charged(), 4)
    node.head = 6
    settle(node, 6, (SESSION, made[-1].cumulative + 3), (OTHER, 1))
    watch.look(confirmations=2)
    assert shown(node) == [
        (bucket_of(6), 0, (SESSION << 96 | 3, OTHER << 96 | 1)),
        (bucket_of(4), 1, (SESSION << 96 | made[-1].cumulative,)),
    ]


@pytest.mark.parametrize("oldest", [0, 5])
def test_totals_from_before_the_first_block_are_asked_for(
    watch: Watch, node: PendingChain, oldest: int
) -> None:
    made = over_charged()
    settle(node, 3, (SESSION, made[0].cumulative), (OTHER, 8))
    node.digests.clear()  # of long ago
    batch = rooted(made)
    watch.shelf.shown[f"/{batch[0].root}"] = published(batch)
    node.anchor(batch[0].root, 2, f"{watch.shelf.url}{batch[0].root}", 5)
    node.settle_items(batch[0].root, 5, [(OTHER, 9), (SESSION, made[1].cumulative)])
    node.oldest = oldest
    watch.look(from_block=4)
    words = (OTHER << 96 | 1, SESSION << 96 | made[1].receipt.charge)
    # A node that has no such old state cannot be helped: then the bond pays.
    assert shown(node) == ([(bucket_of(5), 0, words)] if oldest == 0 else [])
    assert called(node)[-1] == "challenge_charge"


def test_a_demand_freezes_what_is_shown_first(watch: Watch, node: PendingChain) -> None:
    watch.batch(over_charged(), 4, is_shown=False)
    report = watch.look(patience_s=0)
    assert results(report) == [("show_pending", "mined"), ("demand", "mined")]
    assert called(node) == ["show_pending", "demand"]


def test_before_a_demand_is_closed_what_came_in_meanwhile_is_shown(
    watch: Watch, node: PendingChain
) -> None:
    made = watch.batch(over_charged(), 4, is_shown=False)
    node.demand(SESSION, 0, CHALLENGER, 5, GENESIS + 3000)
    settle(node, 6, (SESSION, made[-1].cumulative + 5))
    node.head = 301
    report = watch.look(max_deposits=0, patience_s=10**6)
    assert results(report) == [
        ("show_pending", "mined"),
        ("show_pending", "mined"),
        ("close_demand", "mined"),
    ]
    assert node.claims[SESSION] == made[-1].cumulative + 5


def test_an_answered_demand_takes_nothing_so_nothing_is_shown(
    watch: Watch, node: PendingChain
) -> None:
    watch.batch(over_charged(), 4)
    watch.look(None)
    node.demand(SESSION, 1, CHALLENGER, 11, GENESIS + 3000)
    node.emit(
        DISPUTE,
        "SettlementDispute",
        "Answered",
        12,
        session=SESSION,
        index=1,
        settled=node.settled[SESSION],
        leaf=bytes(32),
        challengeable_until=GENESIS + 200,
    )
    node.emit(
        DISPUTE,
        "SettlementDispute",
        "FraudProven",
        13,
        session=SESSION,
        index=1,
        challenger=CHALLENGER,
        kind="charge",
        excess=5,
        refunded=5,
        penalty=0,
    )
    node.claims[SESSION] = 5
    node.inputs[node.events[-2]["transactionHash"]] = DISPUTE, b""
    node.head = 30
    assert results(watch.look()) == [("challenge_charge", "mined"), ("close_demand", "mined")]


def test_the_cost_of_showing_counts(watch: Watch, node: PendingChain) -> None:
    watch.batch(over_charged(), 4)
    fee = 60_000 * (2 * node.base_fee)
    earned = 10 * 10**18
    # Enough for the proof alone.
    report = watch.look(cor_wei_per_coin=earned * 10**18 // fee)
    (action,) = report.actions
    assert (action.result, action.fee_wei) == ("unprofitable", str(2 * fee))
    report = watch.look(cor_wei_per_coin=earned * 10**18 // (2 * fee))
    assert [result for _, result in results(report)] == ["mined", "mined"]


def test_without_a_key_or_in_a_dry_run_it_is_only_told(watch: Watch, node: PendingChain) -> None:
    watch.batch(over_charged(), 4)
    for key, changes, result in ((None, {}, "no_key"), (STRANGER_KEY, {"is_dry": True}, "dry_run")):
        report = watch.look(key, **changes)
        assert results(report) == [("show_pending", result), ("challenge_charge", result)]
    assert node.mined == {}


@pytest.mark.parametrize("is_hidden", [False, True])
def test_a_show_that_is_not_mined_is_waited_for(
    watch: Watch, node: PendingChain, *, is_hidden: bool
) -> None:
    watch.batch(over_charged(), 4, is_shown=not is_hidden)
    node.drop = True
    assert results(watch.look(patience_s=0)) == [("show_pending", "waiting")]
    node.drop = False
    watch.look(patience_s=0)
    assert called(node) == ["show_pending", "demand" if is_hidden else "challenge_charge"]
    # The bytes of the first pass were sent again, and no others for it.
    assert len(set(node.sent)) == 2


def test_an_undone_settlement_is_forgotten(watch: Watch, node: PendingChain) -> None:
    settle(node, 8, (SESSION, 5))
    node.head = 10
    watch.look(None)
    node.events.clear()
    node.settled.clear()
    node.history.clear()
    node.digests.clear()
    node.forked_at, node.fork = 6, 1
    watch.batch(over_charged(), 11)
    node.head = 15
    watch.look()
    assert called(node) == ["show_pending", "challenge_charge"]
