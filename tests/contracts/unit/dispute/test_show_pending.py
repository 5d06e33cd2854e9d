# SPDX-License-Identifier: Apache-2.0
"""SettlementDispute.show_pending: what of a router's pending money is a session's own."""

from __future__ import annotations

import boa
import pytest
from eth_utils import keccak

from cortensor.chain import pending_moves
from tests.contracts.disputes import (
    ANSWER_SECONDS,
    GRACE_SECONDS,
    Draft,
    PendingBatch,
    answer,
    moves_hash,
)
from tests.contracts.events import assert_event, events
from tests.contracts.protocol import (
    BUCKET_SECONDS,
    COR,
    item,
    matures_at,
    release_all,
    travel,
    travel_to,
    word,
)


def charged(own, session: int, index: int, charge: int, total: int) -> Draft:
    return Draft(own.receipt(session, charge=charge), index, total)


@pytest.fixture
def others(own):
    """Return three sessions, of which the first moved 5 COR, then 2 COR, among the others."""
    sessions = [own.open(), own.open(own.other_payer), own.open(own.other_payer)]
    own.settled(*[charged(own, s, 1, 5 * COR, 5 * COR) for s in sessions], is_shown=False)
    own.settled(charged(own, sessions[1], 2, COR, 6 * COR), is_shown=False)
    own.settled(
        *[charged(own, s, 3, 2 * COR, 8 * COR) for s in (sessions[2], sessions[0])], is_shown=False
    )
    return sessions


def test_each_batch_counts_once(own, dispute, others):
    session = others[0]
    bucket = boa.env.timestamp // BUCKET_SECONDS
    last, first = own.pending_batches(session)
    assert (len(first.later), last.later, first.before) == (2, [], 0)
    assert dispute.claims(session) == []
    assert dispute.show_pending(session, first, sender=own.stranger) == 5 * COR
    assert_event(dispute, "PendingShown", session=session, bucket=bucket, moved=5 * COR)
    with boa.reverts("own: already shown"):
        dispute.show_pending(session, first, sender=own.stranger)
    assert dispute.show_pending(session, last, sender=own.stranger) == 3 * COR
    assert dispute.claims(session) == [(bucket, 8 * COR, 0)]
    # It costs the router nothing.
    assert own.frozen() == 0


def test_only_moves_of_the_bucket_are_believed(own, dispute, others):
    session, other, _ = others
    batch = own.pending_batches(session)[1]
    refused = "own: not pending like that"
    false = [
        batch._replace(moves=[item(session, 6 * COR), *batch.moves[1:]]),
        batch._replace(moves=batch.moves[:1]),
        batch._replace(moves=[*batch.moves, item(session, 1)]),
        batch._replace(moves=batch.moves[::-1]),
        batch._replace(later=batch.later[:1]),
        batch._replace(later=batch.later[::-1]),
        batch._replace(before=1),
        batch._replace(bucket=batch.bucket + 1),
    ]
    for one in false:
        with boa.reverts(refused):
            dispute.show_pending(session, one, sender=own.challenger)
    with boa.reverts("own: nothing moved there"):
        dispute.show_pending(session + 1, batch, sender=own.challenger)
    with boa.reverts("own: nothing moved there"):
        dispute.show_pending(session, batch._replace(moves=[]), sender=own.challenger)
    assert dispute.show_pending(other, batch, sender=own.challenger) == 5 * COR


def test_a_session_twice_in_a_batch_shows_both_moves(own, dispute):
    session = own.open()
    drafts = [charged(own, session, i, COR, i * COR) for i in (1, 2)]
    own.settled(*drafts, is_shown=False)
    (batch,) = own.pending_batches(session)
    assert batch.moves == [item(session, COR), item(session, COR)]
    assert dispute.show_pending(session, batch, sender=own.challenger) == 2 * COR


def test_what_was_released_cannot_be_shown(own, dispute, others):
    batches = own.pending_batches(others[0])
    release_all(own)
    assert own.pending_batches(others[0]) == []
    for batch in batches:
        with boa.reverts("own: not pending like that"):
            dispute.show_pending(others[0], batch, sender=own.challenger)


def test_an_empty_bucket_shows_nothing(own, dispute, others):
    nothing = PendingBatch(7, 0, [item(others[0], COR)], [])
    with boa.reverts("own: not pending like that"):
        dispute.show_pending(others[0], nothing, sender=own.challenger)


def test_the_digest_is_as_the_page_says(own, others):
    session = others[0]
    last, first = own.pending_batches(session)
    digest = first.before
    for hashed in (moves_hash(first.moves), *first.later):
        digest = int.from_bytes(keccak(word(digest) + hashed)) >> 96
    assert digest == own.payment.moves_digest(1, 1, first.bucket)
    assert first.later[-1] == moves_hash(last.moves)


def test_what_was_shown_is_refunded_first_and_then_the_bond(own, dispute, payment, others):
    session = others[0]
    last = own.pending_batches(session)[0]
    assert dispute.show_pending(session, last, sender=own.challenger) == 3 * COR
    leaf = own.anchored(charged(own, session, 9, 6 * COR, 0))[0]
    bond, pending = own.bonded(), payment.router(1)[1]
    dispute.challenge_charge(leaf, sender=own.challenger)
    (event,) = events(dispute, "FraudProven")
    assert event["refunded"] == event["excess"] > 5 * COR
    assert payment.router(1)[1] == pending - 3 * COR
    assert own.bonded() == bond - (event["excess"] - 3 * COR) - event["penalty"]
    assert own.claim(session).claimable == 0


def test_it_counts_to_the_last_second_before_its_bucket_can_be_released(own, dispute, others):
    session = others[0]
    own.show(session)
    ((bucket, _, _),) = dispute.claims(session)
    travel_to(matures_at(bucket) - 1)
    assert own.claim(session).claimable == 8 * COR
    with boa.reverts("router: challenge window open"):
        own.payment.release(1, 1, bucket)
    travel(1)
    assert own.claim(session).claimable == 0
    own.payment.release(1, 1, bucket)


def test_it_can_be_shown_no_longer_when_its_bucket_can_be_released(own, dispute, others):
    batch = own.pending_batches(others[0])[0]
    travel_to(matures_at(batch.bucket))
    with boa.reverts("own: challenge window over"):
        dispute.show_pending(others[0], batch, sender=own.challenger)


def test_each_bucket_has_its_own_claim_and_its_own_end(own, dispute, payment, session):
    own.settled(charged(own, session, 1, COR, COR))
    ((first, _, _),) = dispute.claims(session)
    travel(2 * BUCKET_SECONDS)
    own.settled(charged(own, session, 2, 2 * COR, 3 * COR))
    assert dispute.claims(session) == [(first, COR, 0), (first + 2, 2 * COR, 0)]
    travel_to(matures_at(first))
    assert dispute.claims(session) == [(first, 0, 0), (first + 2, 2 * COR, 0)]
    leaf = own.anchored(charged(own, session, 9, 9 * COR, 0))[0]
    dispute.challenge_charge(leaf, sender=own.challenger)
    assert own.dispute.refunded(session) == 3 * COR
    assert payment.pending(1, 1, first) == COR
    assert payment.pending(1, 1, first + 2) == 0


def test_a_refund_out_of_two_buckets_takes_no_more_than_is_due(own, dispute, payment, session):
    own.settled(charged(own, session, 1, 2 * COR, 2 * COR))
    travel(BUCKET_SECONDS)
    own.settled(charged(own, session, 2, 2 * COR, 4 * COR))
    travel(BUCKET_SECONDS)
    own.settled(charged(own, session, 3, 2 * COR, 6 * COR))
    first, second, third = (claim.bucket for claim in dispute.claims(session))
    priced = own.receipt(session)
    dear = Draft(own.receipt(session, charge=priced.charge + 3 * COR), 9, 0)
    dispute.challenge_charge(own.anchored(dear)[0], sender=own.challenger)
    # The third bucket is not touched, and nothing is said of it.
    assert [event["from_pending"] for event in events(dispute, "SessionRefunded")] == [2 * COR, COR]
    assert dispute.refunded(session) == 3 * COR
    assert dispute.claims(session) == [(first, 0, 0), (second, COR, 0), (third, 2 * COR, 0)]
    assert payment.pending(1, 1, first) == 0
    assert payment.pending(1, 1, second) == COR


def test_a_refund_out_of_frozen_money_leaves_the_rest_frozen(own, dispute, payment, session):
    own.settled(charged(own, session, 1, 8 * COR, 8 * COR))
    dispute.demand(session, 1, sender=own.challenger)
    ((bucket, _, held),) = dispute.claims(session)
    assert held == own.frozen() == 8 * COR
    priced = own.receipt(session)
    dear = Draft(own.receipt(session, charge=priced.charge + 3 * COR), 9, 0)
    dispute.challenge_charge(own.anchored(dear)[0], sender=own.challenger)
    assert dispute.refunded(session) == 3 * COR
    assert dispute.claims(session) == [(bucket, 5 * COR, 5 * COR)]
    assert payment.pending(1, 1, bucket) == own.frozen() == 5 * COR


def test_small_claims_in_many_buckets_do_not_keep_a_large_one_out(own, dispute):
    """Those of an open demand are never over, so all 64 places are taken."""
    session, micro = own.open(amount=500 * COR), 10**12
    own.settled(charged(own, session, 1, micro, micro))
    dispute.demand(session, 64, sender=own.challenger)
    for index in range(2, 65):
        travel(BUCKET_SECONDS)
        own.settled(charged(own, session, index, micro, index * micro))
    travel(BUCKET_SECONDS)
    total = 64 * micro + 400 * COR
    own.settled(charged(own, session, 65, 400 * COR, total), is_shown=False)
    assert own.show(session) == 400 * COR
    claims = dispute.claims(session)
    assert len(claims) == 64
    assert max(claim.claimable for claim in claims) == 400 * COR
    assert own.claim(session) == (400 * COR + 63 * micro, 400 * COR + 63 * micro)
    assert own.frozen() == 400 * COR + 63 * micro
    # One as small as the others finds no place.
    travel(BUCKET_SECONDS)
    own.settled(charged(own, session, 66, micro, total + micro), is_shown=False)
    with boa.reverts("own: too many buckets"):
        dispute.show_pending(session, own.pending_batches(session)[-1], sender=own.challenger)


def test_a_batch_before_more_than_512_others_is_shown_in_steps(own, dispute, others):
    session = others[0]
    last, first = own.pending_batches(session)
    whole, middle = own.payment.moves_digest(1, 1, first.bucket), first.later[:1]
    with boa.reverts("own: not pending like that"):
        dispute.show_pending(session, first._replace(later=middle), sender=own.challenger)
    with boa.reverts("own: not pending like that"):
        dispute.show_prefix(session, first.bucket, last.before, [], sender=own.challenger)
    dispute.show_prefix(session, first.bucket, last.before, first.later[1:], sender=own.stranger)
    assert (
        dispute.show_pending(session, first._replace(later=middle), sender=own.challenger)
        == 5 * COR
    )
    with boa.reverts("own: already shown"):
        dispute.show_pending(session, first, sender=own.challenger)
    # It was the digest once, whatever was added since; of another bucket it was not.
    own.settled(charged(own, others[1], 9, COR, 9 * COR), is_shown=False)
    assert own.payment.moves_digest(1, 1, first.bucket) != whole
    dispute.show_prefix(session, first.bucket, 0, [moves_hash(first.moves), *middle])
    with boa.reverts("own: not pending like that"):
        dispute.show_prefix(session, first.bucket + 1, last.before, [], sender=own.challenger)


def test_a_move_before_600_batches_is_claimed(own, dispute):
    """With the calls that the watcher would make."""
    session, puppet = own.open(), own.open(own.other_payer)
    own.settled(charged(own, session, 1, 9 * COR, 9 * COR), is_shown=False)
    for index in range(1, 601):
        own.settled(charged(own, puppet, index, 1, index), is_shown=False)
    (batch,) = own.pending_batches(session)
    assert len(batch.later) == 600
    known = pending_moves.PendingBatch(
        1, batch.bucket, batch.before, tuple(batch.moves), tuple(batch.later)
    )
    (step,), near = known.steps()
    with boa.reverts("own: not pending like that"):
        dispute.show_pending(session, tuple(near.abi_value().values()), sender=own.challenger)
    for shown in (known.longest_step(), step):
        dispute.show_prefix(
            session, shown.bucket, shown.before, list(shown.later), sender=own.stranger
        )
    shown = dispute.show_pending(session, tuple(near.abi_value().values()), sender=own.challenger)
    assert shown == 9 * COR


def test_a_demand_freezes_what_is_the_sessions_own_and_no_more(own, dispute, others):
    session = others[0]
    first = own.pending_batches(session)[1]
    dispute.show_pending(session, first, sender=own.challenger)
    own.dispute.demand(session, 0, sender=own.challenger)
    own.dispute.demand(session, 1, sender=own.challenger)
    assert own.frozen() == 5 * COR
    # What is shown while a demand is open is frozen too.
    own.show(session)
    assert own.frozen() == 8 * COR
    assert own.claim(session) == (8 * COR, 8 * COR)


def test_inv_p7_what_is_frozen_outlasts_its_bucket_whatever_others_take(own, dispute, payment):
    session, other = own.open(), own.open(own.other_payer)
    own.settled(
        charged(own, session, 1, 9 * COR, 9 * COR), charged(own, other, 1, 7 * COR, 7 * COR)
    )
    ((bucket, _, _),) = dispute.claims(session)
    travel_to(matures_at(bucket) - 1)
    dispute.demand(session, 0, sender=own.challenger)
    travel(1)
    # The others' part is released, the session's own stays.
    assert payment.release(1, 1, bucket) == 7 * COR
    with boa.reverts("router: money is held"):
        payment.release(1, 1, bucket)
    # A puppet takes all of what it has pending itself.
    own.settled(charged(own, other, 2, 2 * COR, 9 * COR))
    leaf = own.anchored(charged(own, other, 9, 9 * COR, 0))[0]
    dispute.challenge_charge(leaf, sender=own.challenger)
    assert payment.pending(1, 1, bucket) == own.frozen() == 9 * COR
    assert payment.router(1)[1] == 0
    travel(ANSWER_SECONDS + 1)
    bond = own.bonded()
    own.close(session, 0)
    assert dispute.refunded(session) == 9 * COR
    assert own.bonded() == bond - own.dispute.PENALTY_WEI()
    assert payment.pending(1, 1, bucket) == 0


def test_the_last_demand_that_closes_lets_go(own, dispute, session):
    leaves = own.worked(session, 2)
    total = leaves[-1].cumulative
    for index in (0, 1):
        dispute.demand(session, index, sender=own.challenger)
        answer(own, leaves[index - 1], index)
    travel(GRACE_SECONDS + 1)
    own.close(session, 0)
    assert own.frozen() == total
    own.close(session, 1)
    assert own.frozen() == 0
    assert own.cor.balanceOf(dispute) == 0
    assert own.claim(session).held == 0
    travel(BUCKET_SECONDS)
    assert own.claim(session).claimable == 0
