# SPDX-License-Identifier: Apache-2.0
"""Which leaves are demanded, when and in what order: all of a total rests on each below it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cortensor.receipts.sign import address_of
from cortensor.watch.leaves import Leaf
from cortensor.watch.report import PassReport
from tests.python.watch.making import SESSION, STRANGER_KEY, chain, leaf, published, receipt
from tests.python.watch.watched_chain import GENESIS, GRACE_SECONDS, NOBODY, WatchedChain
from tests.python.watch.watching import Shelf, Watch, anchored

CHALLENGER = address_of(STRANGER_KEY)
NEVER = 10**6
ANSWER_HOLDS_AT = 900
"""Block of the last second at which the node's answers can be challenged."""


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    node, shelf = WatchedChain(), Shelf()
    node.allowance = 2**256 - 1
    yield Watch(node, shelf, tmp_path)
    shelf.close()
    node.close()


def leaves(count: int, first: int = 1, before: int = 0) -> list[Leaf]:
    structs = [receipt(first + i) for i in range(count)]
    return chain(structs, first, before)


def demanded(report: PassReport) -> list[tuple[int, str]]:
    return [(a.index, a.result) for a in report.actions if a.action == "demand"]


def answer_total(watch: Watch, made: list[Leaf], block: int) -> None:
    """Let somebody demand the leaf of the settled total, and its router show it."""
    last = made[-1]
    watch.node.demand(SESSION, 0, NOBODY, block, GENESIS + 3600)
    shown = anchored(made, len(made) - 1)
    data = watch.node.client.answer_data(SESSION, 0, last.cumulative, shown, last.signature)
    watch.node.show(SESSION, 0, last.hashed, data, block + 1)


def test_what_is_below_a_total_that_was_shown_is_demanded_from_the_top(watch: Watch) -> None:
    made = watch.batch(leaves(6), 5, is_shown=False)
    answer_total(watch, made, 6)
    report = watch.look(patience_s=0, max_deposits=2)
    assert demanded(report) == [(5, "mined"), (4, "mined"), *[(i, "no_room") for i in (3, 2, 1)]]
    (finding,) = [found for found in report.findings if found.index == 3]
    # Whichever is not shown, all of it comes back.
    assert finding.excess_wei == str(made[-1].cumulative)


def test_patience_leaves_half_of_an_answers_grace(watch: Watch) -> None:
    made = watch.batch(leaves(3), 5, is_shown=False)
    answer_total(watch, made, 6)
    half = ANSWER_HOLDS_AT - GRACE_SECONDS // 2 // 10
    watch.node.head = half - 1
    assert demanded(watch.look(patience_s=NEVER)) == []
    watch.node.head = half
    assert demanded(watch.look(patience_s=NEVER)) == [(2, "mined"), (1, "mined")]


def test_a_grace_that_is_over_is_no_reason_for_haste(watch: Watch) -> None:
    made = watch.batch(leaves(3), 5, is_shown=False)
    answer_total(watch, made, 6)
    watch.node.head = ANSWER_HOLDS_AT + 1
    assert demanded(watch.look(patience_s=NEVER)) == []


def test_each_total_without_a_leaf_is_demanded_once(watch: Watch) -> None:
    made = watch.batch(leaves(2), 5, is_shown=False)
    assert demanded(watch.look(patience_s=0)) == [(0, "mined")]
    assert demanded(watch.look(patience_s=0)) == []
    # A demand of that total says nothing about what is settled later.
    watch.batch(leaves(2, 3, made[-1].cumulative), 12, is_shown=False)
    watch.node.head = 20
    assert demanded(watch.look(patience_s=1000)) == []
    watch.node.head = 121
    assert demanded(watch.look(patience_s=1000)) == [(0, "mined")]
    assert demanded(watch.look(patience_s=0)) == []
    assert len(watch.node.sent_to("demand")) == 2


def test_a_total_that_grows_while_it_is_waited_for_wins_no_time(watch: Watch) -> None:
    made = watch.batch(leaves(2), 5, is_shown=False)
    watch.node.head = 8
    assert demanded(watch.look(patience_s=1000)) == []
    watch.batch(leaves(2, 3, made[-1].cumulative), 100, is_shown=False)
    watch.node.head = 107
    assert demanded(watch.look(patience_s=1000)) == []
    watch.node.head = 108
    assert demanded(watch.look(patience_s=1000)) == [(0, "mined")]


def test_a_batch_that_was_late_before_is_waited_for_again(watch: Watch) -> None:
    made = watch.batch(leaves(2), 5, is_shown=False)
    watch.look(patience_s=NEVER)
    watch.shelf.shown[f"/{made[0].root}"] = published(made)
    assert watch.look(patience_s=NEVER).is_clean
    watch.batch(leaves(2, 3, made[-1].cumulative), 200, is_shown=False)
    watch.node.head = 205
    report = watch.look(patience_s=1000)
    assert ("no_total", 0) in watch.found(report)
    assert demanded(report) == []


def test_a_session_that_got_everything_back_is_not_asked_about(watch: Watch) -> None:
    made = watch.batch(leaves(2), 5, is_shown=False)
    watch.node.refunded = made[-1].cumulative
    report = watch.look(patience_s=0)
    assert demanded(report) == []
    assert watch.look(patience_s=0).findings[0].kind == "unavailable"
    watch.state = watch.state.with_name("other.db")
    watch.node.refunded -= 1
    assert demanded(watch.look(patience_s=0)) == [(0, "mined")]


def test_a_demand_takes_room_before_and_after_it_is_confirmed(watch: Watch) -> None:
    made = watch.batch(leaves(2), 5, is_shown=False)
    assert demanded(watch.look(patience_s=0, max_deposits=1)) == [(0, "mined")]
    watch.node.demands[SESSION, 0, made[-1].cumulative] = (CHALLENGER, GENESIS + 3600, 0)
    other = SESSION + 1000
    watch.node.pins[other] = watch.node.pins[SESSION]
    watch.batch([leaf(receipt(50, other, charge=7), 1, 7)], 12, is_shown=False)
    watch.node.head = 14
    assert demanded(watch.look(patience_s=0, max_deposits=1)) == [(0, "no_room")]
    # It was mined when more was settled than when it was signed, and counts as one all the same.
    watch.node.demands.clear()
    watch.node.settled[SESSION] += 1
    watch.node.demand(SESSION, 0, CHALLENGER, 15, GENESIS + 10**6)
    watch.node.head = 20
    assert demanded(watch.look(patience_s=0, max_deposits=1)) == [(0, "no_room")]
    assert demanded(watch.look(patience_s=0, max_deposits=2)) == [(0, "mined")]
