# SPDX-License-Identifier: Apache-2.0
"""What only the dispute contract may do to pending money, and what it cannot."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event, events
from tests.contracts.protocol import (
    BUCKET_SECONDS,
    CHALLENGE_WINDOW_SECONDS,
    COR,
    SETTLE_WINDOW_SECONDS,
    ZERO_ADDRESS,
    Protocol,
    release_all,
    travel_to,
)


def bucket_now() -> int:
    return boa.env.timestamp // BUCKET_SECONDS


def matured(bucket: int) -> int:
    return (bucket + 1) * BUCKET_SECONDS + CHALLENGE_WINDOW_SECONDS


def test_only_the_dispute_contract(protocol, payment):
    session = protocol.open()
    protocol.settle((session, COR))
    for sender in (protocol.owner, protocol.guardian, protocol.settler, protocol.payer):
        for call in (
            lambda s: payment.hold(session, 1, 1, sender=s),
            lambda s: payment.unhold(session, 1, 0, sender=s),
            lambda s: payment.refund(session, 1, 1, sender=s),
            lambda s: payment.credit(session, 1, sender=s),
        ):
            with boa.reverts("payment: caller is not dispute"):
                call(sender)


def test_the_dispute_contract_is_named_once_by_the_owner(protocol, payment):
    with boa.reverts("payment: dispute is set"):
        payment.set_dispute(protocol.cor, sender=protocol.owner)
    fresh = protocol.twin()
    with boa.reverts("ownable: caller is not the owner"):
        fresh.set_dispute(protocol.cor, sender=protocol.stranger)
    for nobody in (ZERO_ADDRESS, protocol.stranger):
        with boa.reverts("payment: dispute has no code"):
            fresh.set_dispute(nobody, sender=protocol.owner)
    # Until one is named, nobody is: not even the zero address.
    with boa.reverts("payment: caller is not dispute"):
        fresh.refund(1, 1, 1, sender=protocol.stranger)
    fresh.set_dispute(protocol.cor, sender=protocol.owner)
    assert_event(fresh, "DisputeSet", dispute=protocol.cor.address)
    assert fresh.dispute() == protocol.cor.address


def test_a_hold_keeps_money_in_its_bucket(protocol, payment):
    session = protocol.open()
    protocol.settle((session, 10))
    bucket = bucket_now()
    assert payment.hold(session, bucket, 4, sender=protocol.dispute) == 4
    assert_event(payment, "PendingHeld", session=session, bucket=bucket, amount=4)
    assert payment.held(1, 1, bucket) == 4
    travel_to(matured(bucket))
    digest = payment.moves_digest(1, 1, bucket)
    # The rest is released, once.
    assert payment.release(1, 1, bucket, sender=protocol.stranger) == 6
    # What stays weighs on the router's cover no more.
    assert (payment.pending(1, 1, bucket), payment.router(1)[1]) == (4, 0)
    assert payment.held(1, 1, bucket) == 4
    assert payment.moves_digest(1, 1, bucket) == digest
    with boa.reverts("router: money is held"):
        payment.release(1, 1, bucket, sender=protocol.stranger)
    payment.unhold(session, bucket, 4, sender=protocol.dispute)
    assert_event(payment, "PendingUnheld", session=session, bucket=bucket, amount=4)
    assert payment.release(1, 1, bucket, sender=protocol.stranger) == 4
    assert payment.router(1)[1] == payment.held(1, 1, bucket) == 0
    with boa.reverts("router: nothing pending"):
        payment.release(1, 1, bucket, sender=protocol.stranger)


def test_inv_p6_what_a_release_left_is_taken_back_and_released_without_the_total(protocol, payment):
    session, other = protocol.open(), protocol.open(protocol.other_payer)
    protocol.settle((session, 10))
    bucket = bucket_now()
    payment.hold(session, bucket, 10, sender=protocol.dispute)
    travel_to(matured(bucket))
    # Nothing is paid out, but the router's cover is free again, once.
    assert payment.release(1, 1, bucket, sender=protocol.stranger) == 0
    released = events(payment, "PendingReleased")[0]
    assert [released[f"{pot}_amount"] for pot in ("node", "validator", "treasury")] == [0, 0, 0]
    protocol.settle((other, 3))
    with boa.reverts("router: money is held"):
        payment.release(1, 1, bucket, sender=protocol.stranger)
    payment.unhold(session, bucket, 6, sender=protocol.dispute)
    assert payment.refund(session, bucket, 2, sender=protocol.dispute) == 2
    assert payment.release(1, 1, bucket, sender=protocol.stranger) == 4
    assert payment.hold(session, bucket, 1, sender=protocol.dispute) == 0
    assert (payment.pending(1, 1, bucket), payment.held(1, 1, bucket)) == (4, 4)
    with boa.reverts("router: more than is held"):
        payment.unhold(session, bucket, 5, sender=protocol.dispute)
    payment.unhold(session, bucket, 4, sender=protocol.dispute)
    assert payment.refund(session, bucket, 9, sender=protocol.dispute) == 4
    assert payment.router(1)[1] == 3
    with boa.reverts("router: nothing pending"):
        payment.release(1, 1, bucket, sender=protocol.stranger)


def test_a_hold_does_not_stop_other_buckets(protocol, payment):
    session = protocol.open()
    protocol.settle((session, 10))
    first = bucket_now()
    payment.hold(session, first, 10, sender=protocol.dispute)
    travel_to((first + 1) * BUCKET_SECONDS)
    protocol.settle((session, 14))
    travel_to(matured(first + 1))
    assert payment.release(1, 1, first + 1, sender=protocol.stranger) == 4
    assert payment.release(1, 1, first, sender=protocol.stranger) == 0
    with boa.reverts("router: money is held"):
        payment.release(1, 1, first, sender=protocol.stranger)


def test_holds_never_exceed_what_is_in_the_bucket(protocol, payment):
    session = protocol.open()
    bucket = bucket_now()
    assert payment.hold(session, bucket, 5, sender=protocol.dispute) == 0
    protocol.settle((session, 10))
    assert payment.hold(session, bucket, 7, sender=protocol.dispute) == 7
    assert payment.hold(session, bucket, 7, sender=protocol.dispute) == 3
    assert payment.hold(session, bucket, 7, sender=protocol.dispute) == 0
    # Another router's money is not touched, nor another bucket's.
    assert payment.held(2, 1, bucket) == payment.held(1, 1, bucket + 1) == 0
    with boa.reverts("router: more than is held"):
        payment.unhold(session, bucket, 11, sender=protocol.dispute)
    # What is frozen is not taken, either: who takes it lets it go first.
    assert payment.refund(session, bucket, 6, sender=protocol.dispute) == 0
    payment.unhold(session, bucket, 4, sender=protocol.dispute)
    assert payment.refund(session, bucket, 6, sender=protocol.dispute) == 4
    assert payment.hold(session, bucket, 1, sender=protocol.dispute) == 0


def test_inv_p8_a_refund_goes_to_the_session_and_nowhere_else(protocol, payment, cor):
    session, other = protocol.open(amount=100), protocol.open(protocol.other_payer, amount=100)
    protocol.settle((session, 60), (other, 50))
    balance = cor.balanceOf(payment)
    assert payment.refund(session, bucket_now(), 25, sender=protocol.dispute) == 25
    assert_event(payment, "SessionRefunded", session=session, from_pending=25, from_bond=0)
    facts = payment.session(session)
    assert (facts.deposit, facts.settled, facts.state) == (125, 60, 3)
    assert payment.session(other).deposit == 100
    assert payment.router(1)[1] == 110 - 25
    assert cor.balanceOf(payment) == balance
    # Its payer leaves at once, with what was left and what came back.
    before = cor.balanceOf(protocol.payer)
    assert payment.withdraw(session, sender=protocol.stranger) == 65
    assert cor.balanceOf(protocol.payer) == before + 65


def test_inv_p6_a_refund_comes_out_of_its_bucket(protocol, payment):
    session, other = protocol.open(), protocol.open(protocol.other_payer)
    protocol.settle((session, 600), (other, 400))
    first = bucket_now()
    travel_to((first + 1) * BUCKET_SECONDS)
    protocol.settle((other, 500))
    assert payment.refund(session, first, 250, sender=protocol.dispute) == 250
    assert (payment.pending(1, 1, first), payment.router(1)[1]) == (750, 850)
    travel_to(matured(first + 1))
    assert payment.release(1, 1, first, sender=protocol.stranger) == 750
    released = events(payment, "PendingReleased")[0]
    amounts = [released[f"{pot}_amount"] for pot in ("node", "validator", "treasury")]
    assert amounts == [525, 150, 75]
    assert payment.release(1, 1, first + 1, sender=protocol.stranger) == 100
    assert payment.router(1)[1] == 0


def test_a_refund_takes_at_most_what_is_in_the_bucket(protocol, payment):
    session = protocol.open()
    protocol.settle((session, 10))
    bucket = bucket_now()
    assert payment.refund(session, bucket + 1, 1, sender=protocol.dispute) == 0
    assert payment.refund(session, bucket, 11, sender=protocol.dispute) == 10
    assert payment.refund(session, bucket, 1, sender=protocol.dispute) == 0
    assert payment.router(1)[1] == payment.pending(1, 1, bucket) == 0
    travel_to(matured(bucket))
    with boa.reverts("router: nothing pending"):
        payment.release(1, 1, bucket)


def test_inv_p9_a_bucket_that_a_refund_empties_keeps_its_digest(protocol, payment):
    """Else the digest of what others move there later would begin anew, and fit nothing."""
    session, other = protocol.open(), protocol.open(protocol.other_payer)
    protocol.settle((session, 10))
    bucket = bucket_now()
    digest = payment.moves_digest(1, 1, bucket)
    payment.refund(session, bucket, 10, sender=protocol.dispute)
    assert payment.moves_digest(1, 1, bucket) == digest
    protocol.settle((other, 4))
    assert payment.pending(1, 1, bucket) == 4
    assert payment.moves_digest(1, 1, bucket) not in (0, digest)


def test_what_a_bond_pays_comes_from_the_dispute_contract(protocol, payment, cor):
    session = protocol.open(amount=100)
    protocol.settle((session, 60))
    cor.transfer(protocol.dispute, 40, sender=protocol.deployer)
    with boa.reverts():
        payment.credit(session, 40, sender=protocol.dispute)
    cor.approve(payment, 40, sender=protocol.dispute)
    payment.credit(session, 40, sender=protocol.dispute)
    assert_event(payment, "SessionRefunded", session=session, from_pending=0, from_bond=40)
    assert payment.session(session).deposit == 140
    assert payment.withdraw(session, sender=protocol.payer) == 80


def test_a_refunded_session_is_closed_to_settlement(protocol, payment):
    session = protocol.open()
    protocol.settle((session, 10))
    payment.refund(session, bucket_now(), 5, sender=protocol.dispute)
    assert protocol.settle((session, 11)) == 0
    assert events(payment, "SettlementSkipped")[0]["reason"] == "session closed"
    with boa.reverts("session: not open"):
        payment.top_up(session, 1, sender=protocol.payer)
    assert payment.withdrawable_at(session) <= boa.env.timestamp
    # A second refund of a session that was left is withdrawn the same way.
    payment.withdraw(session, sender=protocol.payer)
    payment.refund(session, bucket_now(), 3, sender=protocol.dispute)
    assert payment.withdraw(session, sender=protocol.payer) == 3


def test_a_refund_never_moves_an_end_later(protocol, payment):
    session = protocol.open(expiry=boa.env.timestamp + 10)
    protocol.settle((session, 10))
    bucket = bucket_now()
    travel_to(boa.env.timestamp + 50 * SETTLE_WINDOW_SECONDS)
    end = payment.session(session).expiry
    payment.refund(session, bucket, 1, sender=protocol.dispute)
    assert payment.session(session).expiry == end


@pytest.mark.parametrize("bond", [1_000 * COR])
def test_inv_p7_pending_within_the_bond(bond):
    own = Protocol(bond=bond)
    session = own.open(amount=10**5 * COR)
    cover = own.pool.cover(1)
    assert cover == 3_000 * COR
    with boa.reverts("router: pending exceeds bond"):
        own.settle((session, cover + 1))
    assert own.payment.session(session).settled == 0
    assert own.settle((session, cover)) == cover
    with boa.reverts("router: pending exceeds bond"):
        own.settle((session, cover + 1))
    release_all(own)
    assert own.settle((session, cover + 1)) == 1


def test_a_router_without_a_bond_settles_nothing():
    own = Protocol(bond=0)
    session = own.open()
    with boa.reverts("router: pending exceeds bond"):
        own.settle((session, 1))
    assert own.settle((session, 0)) == 0
