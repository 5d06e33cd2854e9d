# SPDX-License-Identifier: Apache-2.0
"""Moves are rebuilt from what events tell, and believed if the bucket's digest is theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from cortensor.chain.pending_moves import Move, moves_of, placed
from cortensor.errors import VerificationFailed

A, B, C = (7 << 128 | number for number in (1, 2, 3))
CARD, BUCKET = 3, 11


def item(session: int, total: int) -> int:
    return session << 96 | total


def nothing(_session: int) -> int:
    return 0


class Told(NamedTuple):
    """What the chain tells of a batch, and what it really moved."""

    items: list[int]
    skipped: list[tuple[int, int]]
    total: int
    moves: list[tuple[int, int]]


class Escrow:
    """Totals and a bucket as `settle` and `settle_vouchers` keep them, from the page's words."""

    def __init__(self) -> None:
        self.settled: dict[int, int] = {}
        self.digest = 0

    def settle(self, entries: list[tuple[int, int, bool]]) -> Told:
        """Settle (session, total, whether it would be passed over)."""
        skipped, moves = [], []
        for session, total, is_refused in entries:
            before = self.settled.get(session, 0)
            if total <= before:
                continue
            if is_refused:
                skipped.append((session, total))
                continue
            moves.append((session, total - before))
            self.settled[session] = total
        if moves:
            hashed = bytes(32)
            for session, moved in moves:
                hashed = keccak(hashed + item(session, moved).to_bytes(32, "big"))
            self.digest = int.from_bytes(keccak(self.digest.to_bytes(32, "big") + hashed)[:20])
        items = [item(session, total) for session, total, _ in entries]
        return Told(items, skipped, sum(moved for _, moved in moves), moves)


def rebuilt(told: Told, settled: Callable[[int], int] = nothing) -> list[tuple[int, int]]:
    moves = moves_of(told.items, told.skipped, told.total, settled)
    return [(move.session, move.moved) for move in moves]


def test_a_batch_moves_what_its_totals_add() -> None:
    before = {A: 5, B: 7}
    moves = moves_of([item(A, 8), item(B, 7), item(C, 4)], [], 7, lambda s: before.get(s, 0))
    assert moves == [Move(A, 3, 8), Move(C, 4, 4)]
    assert moves[0].word == item(A, 3)


def test_what_was_passed_over_has_no_move() -> None:
    escrow = Escrow()
    told = escrow.settle([(A, 5, False), (B, 9, True), (C, 4, False)])
    assert told.skipped == [(B, 9)]
    assert rebuilt(told) == [(A, 5), (C, 4)]


def test_a_session_twice_in_a_batch_moves_twice() -> None:
    told = Escrow().settle([(A, 5, False), (B, 1, False), (A, 8, False), (A, 8, False)])
    assert rebuilt(told) == [(A, 5), (B, 1), (A, 3)]


def test_one_item_twice_of_which_the_first_was_passed_over() -> None:
    """A voucher with a wrong signature, and the same total with the right one further down."""
    told = Escrow().settle([(A, 5, True), (B, 1, False), (A, 5, False)])
    assert rebuilt(told) == [(B, 1), (A, 5)]


@pytest.mark.parametrize("settled", [{}, {A: 1}, {A: 3, B: 1}])
def test_wrong_totals_before_it_are_noticed(settled: dict[int, int]) -> None:
    escrow = Escrow()
    escrow.settle([(A, 3, False), (B, 2, False)])
    told = escrow.settle([(A, 5, False), (B, 9, False)])
    assert rebuilt(told, {A: 3, B: 2}.__getitem__) == [(A, 2), (B, 7)]
    with pytest.raises(VerificationFailed, match="does not move"):
        rebuilt(told, lambda session: settled.get(session, 0))


def test_a_total_that_was_passed_over_elsewhere_is_noticed() -> None:
    told = Escrow().settle([(A, 5, False)])
    with pytest.raises(VerificationFailed, match="does not move"):
        rebuilt(told._replace(skipped=[(B, 9)]))


ENTRIES = st.lists(
    st.tuples(st.sampled_from([A, B, C]), st.integers(0, 12), st.booleans()), max_size=8
)


@pytest.mark.fuzz
@given(st.lists(ENTRIES, max_size=5))
def test_whatever_is_settled_its_moves_are_rebuilt_and_have_the_digest(
    history: list[list[tuple[int, int, bool]]],
) -> None:
    escrow, batches = Escrow(), []
    for entries in history:
        before = dict(escrow.settled)
        told = escrow.settle(entries)
        assert rebuilt(told, lambda s, before=before: before.get(s, 0)) == told.moves
        if told.moves:
            batches.append([item(session, moved) for session, moved in told.moves])
    found = placed(CARD, BUCKET, batches, escrow.digest)
    assert [list(batch.moves) for batch in found] == batches
    assert [len(batch.later) for batch in found] == list(range(len(batches)))[::-1]
    for session in (A, B, C):
        assert sum(batch.moved(session) for batch in found) == escrow.settled.get(session, 0)


def test_each_batch_of_a_bucket_has_its_place() -> None:
    escrow = Escrow()
    digests, batches = [0], []
    for entries in ([(A, 5, False), (B, 7, False)], [(B, 9, False)], [(A, 6, False)]):
        batches.append([item(session, moved) for session, moved in escrow.settle(entries).moves])
        digests.append(escrow.digest)
    found = placed(CARD, BUCKET, batches, escrow.digest)
    assert [batch.before for batch in found] == digests[:-1]
    first, second, last = found
    assert (first.later[1:], second.later, last.later) == (second.later, first.later[1:], ())
    assert (first.moved(A), first.moved(B), last.moved(B)) == (5, 7, 0)
    assert first.abi_value() == {
        "bucket": BUCKET,
        "before": 0,
        "moves": [item(A, 5), item(B, 7)],
        "later": list(first.later),
    }


@pytest.mark.parametrize("fault", ["a batch is missing", "order", "a move is missing", "amount"])
def test_batches_that_are_not_the_buckets_are_not_believed(fault: str) -> None:
    escrow = Escrow()
    told = [escrow.settle([(A, 5, False), (B, 7, False)]), escrow.settle([(B, 9, False)])]
    batches = [[item(session, moved) for session, moved in each.moves] for each in told]
    assert len(placed(CARD, BUCKET, batches, escrow.digest)) == 2
    wrong = {
        "a batch is missing": batches[:1],
        "order": batches[::-1],
        "a move is missing": [batches[0][:1], batches[1]],
        "amount": [batches[0], [batches[1][0] + 1]],
    }[fault]
    with pytest.raises(VerificationFailed, match="not known here"):
        placed(CARD, BUCKET, wrong, escrow.digest)
