# SPDX-License-Identifier: Apache-2.0
"""A router replaces its settler: whoever has the old key gains nothing, nor does a router by it."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.disputes import (
    ANSWER_SECONDS,
    GRACE_SECONDS,
    KEY,
    Disputed,
    Draft,
    answer,
    receipt_of,
)
from tests.contracts.protocol import (
    BUCKET_SECONDS,
    CHALLENGE_WINDOW_SECONDS,
    COR,
    SETTLE_WINDOW_SECONDS,
    U96,
    travel,
    travel_to,
)
from tests.contracts.signing import account

OLD, NEXT = account("router"), account("next router")
#: Until when what the old settler signed counts against new leaves, and can be proven.
LATE_SECONDS = CHALLENGE_WINDOW_SECONDS + SETTLE_WINDOW_SECONDS
PROOF_SECONDS = BUCKET_SECONDS + CHALLENGE_WINDOW_SECONDS + 2 * (ANSWER_SECONDS + GRACE_SECONDS)
TOO_LATE = "leaf: anchored too late"
RETIRED = "leaf: signer is retired"


def rotated(own) -> int:
    """Replace the settler; return when."""
    own.payment.set_settler(1, NEXT.address, sender=OLD.address)
    own.anchor.authorise(own.payment, True, sender=NEXT.address)
    own.settler = NEXT.address
    return boa.env.timestamp


@pytest.fixture(scope="module")
def deployed():
    return Disputed()


@pytest.fixture
def own(deployed):
    deployed.settler = OLD.address
    return deployed


@pytest.fixture
def session(own):
    return own.open(expiry=2**40 - 1)


def challenge_signed(own, leaf, signer=OLD) -> None:
    """Prove with a struct for the leaf's receipt that charges nothing, signed now."""
    signed = own.receipt(
        receipt_of(leaf).session, receipt_id=receipt_of(leaf).receipt_id, charge=0, issued_at=1
    )
    own.dispute.challenge_signed(
        leaf, signed.abi_tuple(), own.signature(signed, signer), sender=own.challenger
    )


def test_a_leaf_that_the_old_key_anchors_afterwards_counts_against_nobody(own, session):
    """Else one leaf of a charge without bounds would give back all that was ever settled."""
    leaves = own.worked(session, 2)
    rotated(own)
    travel(1)
    total = leaves[-1].cumulative
    false = own.receipt(session, charge=U96)
    dear, same, gap = own.anchored(
        Draft(false, 3, U96), Draft(false, 2, total), Draft(own.receipt(session), 3, U96),
        anchorer=OLD.address,
    )  # fmt: skip
    bond = own.bonded()
    for refused in (
        lambda: own.dispute.challenge_charge(dear, sender=own.challenger),
        lambda: own.dispute.challenge_index(leaves[1], same, sender=own.challenger),
        lambda: own.dispute.challenge_index(same, leaves[1], sender=own.challenger),
        lambda: own.dispute.challenge_duplicate(same, dear, sender=own.challenger),
        lambda: own.dispute.challenge_total(leaves[1], gap, sender=own.challenger),
        lambda: own.dispute.challenge_total(same, gap, sender=own.challenger),
        lambda: challenge_signed(own, dear),
    ):
        with boa.reverts(TOO_LATE):
            refused()
    # Nor does it answer: the router must show what its money was settled by.
    own.dispute.demand(session, 3, sender=own.challenger)
    with boa.reverts("leaf: anchored too late"):
        answer(own, dear, 3)
    assert own.dispute.refunded(session) == 0
    assert own.bonded() == bond


def test_the_old_key_cannot_take_back_its_word(own, session):
    """Nothing on chain dates a signature: of a settler that was replaced it counts for a while."""
    before = own.worked(session, 1)[0]
    replaced_at = rotated(own)
    travel_to(replaced_at + LATE_SECONDS + 1)
    after = own.settled(Draft(own.receipt(session), 2, 2 * before.cumulative))[0]
    # What is anchored later it never signed.
    with boa.reverts(TOO_LATE):
        challenge_signed(own, after)
    travel_to(replaced_at + LATE_SECONDS + PROOF_SECONDS)
    with boa.env.anchor():
        challenge_signed(own, before)
    travel(1)
    with boa.reverts(RETIRED):
        challenge_signed(own, before)
    # The new settler's word counts against both, whoever anchored them.
    challenge_signed(own, before, NEXT)
    challenge_signed(own, after, NEXT)
    assert own.dispute.refunded(session) == after.cumulative


def test_a_router_escapes_no_proof_by_it(own, session):
    """All that was anchored until the second of the change stays provable, as long as any."""
    first = own.worked(session, 1, over=COR)[0]
    rotated(own)
    # In the same second: it could have settled, and been replaced in the same block.
    receipt = own.receipt(session)
    hidden = own.anchored(Draft(receipt, 2, U96), anchorer=OLD.address)[0]
    travel(300 * 86_400)
    own.dispute.challenge_total(first, hidden, sender=own.challenger)
    own.dispute.challenge_charge(first, sender=own.challenger)
    assert own.dispute.refunded(session) == first.cumulative


def test_a_router_is_held_to_what_it_signed_before(own, session):
    """Whoever sees the change and ends his session at once, is told the truth by every leaf."""
    replaced_at = rotated(own)
    travel(CHALLENGE_WINDOW_SECONDS)
    own.payment.request_close(session, sender=own.payer)
    travel(SETTLE_WINDOW_SECONDS)
    last = own.settled(Draft(own.receipt(session), 1, own.receipt(session).charge))[0]
    assert boa.env.timestamp == replaced_at + LATE_SECONDS
    # Hidden as long as it can be, and shown in the last second of the last grace.
    own.dispute.demand(session, 0, sender=own.challenger)
    travel(ANSWER_SECONDS)
    answer(own, last, 0)
    travel(GRACE_SECONDS)
    challenge_signed(own, last)
    assert own.dispute.refunded(session) == last.cumulative


def test_an_old_leaf_with_an_old_signature_still_answers(own):
    """An honest router can show what it has, however often it changed its key since."""
    session = own.open(session_key=KEY.address, expiry=2**40 - 1)
    leaf = own.worked(session, 1)[0]
    rotated(own)
    travel(300 * 86_400)
    own.dispute.demand(session, 1, sender=own.challenger)
    answer(own, leaf, key=KEY, most=COR)
    travel(GRACE_SECONDS + 1)
    own.close(session, 1)
    assert own.dispute.refunded(session) == 0


def test_a_settler_that_comes_back_is_the_settler(own, session):
    rotated(own)
    travel(1)
    own.payment.set_settler(1, OLD.address, sender=NEXT.address)
    own.payment.set_settler(1, OLD.address, sender=OLD.address)
    assert own.payment.settles_until(1, OLD.address) == 2**256 - 1
    assert own.payment.settles_until(1, NEXT.address) == boa.env.timestamp
    own.settler = OLD.address
    leaf = own.worked(session, 1, over=5)[0]
    own.dispute.challenge_charge(leaf, sender=own.challenger)
    assert own.dispute.refunded(session) == 5
