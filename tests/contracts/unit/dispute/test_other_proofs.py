# SPDX-License-Identifier: Apache-2.0
"""The other four proofs: signed, index, duplicate, total."""

from __future__ import annotations

import itertools

import boa
import pytest

from tests.contracts.disputes import PENALTY, ROUTER, Draft, Leaf, receipt_of
from tests.contracts.events import events
from tests.contracts.protocol import COR
from tests.contracts.signing import account, sign

EMPTY = Leaf(
    (bytes(32), *[0] * 6, bytes(32), bytes(32), 0, 0, 0), 0, 0, "0x" + "00" * 20, bytes(32), []
)


def proven(dispute) -> dict:
    (event,) = events(dispute, "FraudProven")
    return event


# --- a leaf that is not what was signed ---------------------------------------------------------


def other_struct(own, leaf, **changes):
    """Return a struct for the same receipt id, with changes."""
    receipt = receipt_of(leaf)
    fields = {name: getattr(receipt, name) for name in receipt.__struct_fields__}
    return own.receipt(**(fields | changes))


@pytest.mark.parametrize(("less", "excess"), [(7, 7), (0, 0), (-7, 0)])
def test_a_leaf_that_differs_from_what_was_signed(own, dispute, session, less, excess):
    (leaf,) = own.worked(session, 1)
    charge = receipt_of(leaf).charge
    signed = other_struct(own, leaf, charge=charge - less, outcome=3)
    dispute.challenge_signed(leaf, signed.abi_tuple(), own.signature(signed), sender=own.challenger)
    event = proven(dispute)
    assert (event["kind"], event["excess"], event["refunded"]) == ("signed", excess, excess)
    assert event["penalty"] == PENALTY


def test_the_struct_that_was_signed_proves_nothing(own, dispute, session):
    (leaf,) = own.worked(session, 1)
    signed = receipt_of(leaf)
    with boa.reverts("dispute: same struct"):
        dispute.challenge_signed(leaf, signed.abi_tuple(), own.signature(signed))


def test_another_receipt_proves_nothing(own, dispute, session):
    leaf, other = own.worked(session, 2)
    signed = receipt_of(other)
    with boa.reverts("dispute: other receipt"):
        dispute.challenge_signed(leaf, signed.abi_tuple(), own.signature(signed))
    signed = other_struct(own, leaf, session=own.open())
    with boa.reverts("dispute: other session"):
        dispute.challenge_signed(leaf, signed.abi_tuple(), own.signature(signed))


def test_a_struct_that_no_settler_signed_proves_nothing(own, dispute, session):
    (leaf,) = own.worked(session, 1)
    signed = other_struct(own, leaf, charge=1)
    good = own.signature(signed)
    for signature in (own.signature(signed, account("stranger")), good[:63], b""):
        with boa.reverts("leaf: not signed by a settler"):
            dispute.challenge_signed(leaf, signed.abi_tuple(), signature)
    # A settler's signature over something else recovers to nobody in particular.
    with boa.reverts("leaf: not signed by a settler"):
        dispute.challenge_signed(leaf, signed.abi_tuple(), sign(ROUTER, own.unique()))


def test_what_a_replaced_settler_signed_still_counts(own, dispute, payment, session):
    (leaf,) = own.worked(session, 1)
    signed = other_struct(own, leaf, charge=1)
    payment.set_settler(1, account("next router").address, sender=own.settler)
    dispute.challenge_signed(leaf, signed.abi_tuple(), own.signature(signed))
    assert proven(dispute)["excess"] == receipt_of(leaf).charge - 1


# --- two leaves with one index ------------------------------------------------------------------


def test_two_leaves_with_one_index(own, dispute, session):
    first, second = own.settled(
        Draft(own.receipt(session, charge=30), 1, 30),
        Draft(own.receipt(session, charge=20), 1, 20),
    )
    dispute.challenge_index(first, second, sender=own.challenger)
    event = proven(dispute)
    assert (event["kind"], event["index"], event["excess"]) == ("index", 1, 20)
    assert dispute.refunded(session) == 20


def test_one_leaf_in_two_batches_is_one_leaf(own, dispute, session):
    draft = Draft(own.receipt(session), 1, own.receipt(session).charge)
    (first,) = own.settled(draft)
    again, _ = own.settled(draft, Draft(own.receipt(session), 2, 2 * draft.cumulative))
    assert again.root != first.root
    with boa.reverts("dispute: same leaf"):
        dispute.challenge_index(first, again)


def test_one_receipt_with_two_totals_is_two_leaves(own, dispute, session):
    receipt = own.receipt(session, charge=30)
    first, second = own.settled(Draft(receipt, 1, 30), Draft(receipt, 1, 31))
    dispute.challenge_index(first, second)
    assert proven(dispute)["excess"] == 30


def test_two_indexes_or_two_sessions_are_no_conflict(own, dispute, session):
    first, second = own.worked(session, 2)
    with boa.reverts("dispute: other index"):
        dispute.challenge_index(first, second)
    (other,) = own.worked(own.open(own.other_payer), 1)
    with boa.reverts("dispute: other session"):
        dispute.challenge_index(first, other)


# --- one receipt or request twice ---------------------------------------------------------------


@pytest.mark.parametrize("field", ["receipt_id", "request_commitment"])
def test_one_receipt_or_request_at_two_indexes(own, dispute, session, field):
    same = {field: own.unique()}
    first, second = own.settled(
        Draft(own.receipt(session, charge=30, **same), 1, 30),
        Draft(own.receipt(session, charge=20, **same), 2, 50),
    )
    with boa.reverts("dispute: indexes not ascending"):
        dispute.challenge_duplicate(second, first)
    with boa.reverts("dispute: indexes not ascending"):
        dispute.challenge_duplicate(first, first)
    dispute.challenge_duplicate(first, second, sender=own.challenger)
    event = proven(dispute)
    assert (event["kind"], event["index"], event["excess"]) == ("duplicate", 2, 20)


def test_two_requests_are_no_duplicate(own, dispute, session):
    first, second = own.worked(session, 2)
    with boa.reverts("dispute: not a duplicate"):
        dispute.challenge_duplicate(first, second)
    (other,) = own.worked(own.open(own.other_payer), 1)
    with boa.reverts("dispute: other session"):
        dispute.challenge_duplicate(first, other)


# --- totals that do not follow ------------------------------------------------------------------


@pytest.mark.parametrize(("gap", "excess"), [(7, 7), (-3, 0)])
def test_a_total_that_does_not_follow(own, dispute, session, gap, excess):
    earlier, later = own.settled(
        Draft(own.receipt(session, charge=30), 1, 30),
        Draft(own.receipt(session, charge=20), 2, 50 + gap),
    )
    dispute.challenge_total(earlier, later, sender=own.challenger)
    event = proven(dispute)
    assert (event["kind"], event["index"], event["excess"]) == ("total", 2, excess)
    # The charge of the index can still be proven wrong: it is another fault.
    assert not dispute.is_settled_against(session, 2)


def test_a_first_total_that_is_not_its_charge(own, dispute, session):
    (leaf,) = own.settled(Draft(own.receipt(session, charge=30), 1, 37))
    dispute.challenge_total(EMPTY, leaf, sender=own.challenger)
    assert proven(dispute)["excess"] == 7
    with boa.reverts("dispute: already proven"):
        dispute.challenge_total(EMPTY, leaf, sender=own.challenger)


def test_totals_that_follow(own, dispute, session):
    leaves = own.worked(session, 3)
    with boa.reverts("dispute: total follows"):
        dispute.challenge_total(EMPTY, leaves[0])
    for earlier, later in itertools.pairwise(leaves):
        with boa.reverts("dispute: total follows"):
            dispute.challenge_total(earlier, later)
    with boa.reverts("dispute: not consecutive"):
        dispute.challenge_total(leaves[0], leaves[2])
    with boa.reverts("dispute: not consecutive"):
        dispute.challenge_total(leaves[1], leaves[1])
    (other,) = own.worked(own.open(own.other_payer), 1)
    with boa.reverts("dispute: other session"):
        dispute.challenge_total(other, leaves[1])


def test_the_last_index_there_can_be(own, dispute, session):
    edge = 2**64 - 1
    last, zero = own.anchored(
        Draft(own.receipt(session, charge=1), edge, 5), Draft(own.receipt(session, charge=1), 0, 5)
    )
    with boa.reverts("dispute: not consecutive"):
        dispute.challenge_total(last, zero)


# --- what was proven does not hide what was not -------------------------------------------------


def test_inv_d8_a_small_proof_does_not_shield_a_large_one(own, dispute, session):
    """A router that proves one wei of an index against itself still owes the rest."""
    same = own.unique()
    first, second = own.settled(
        Draft(own.receipt(session, receipt_id=same, charge=COR), 1, COR),
        Draft(own.receipt(session, receipt_id=same, charge=COR), 2, 2 * COR),
    )
    signed = other_struct(own, second, charge=COR - 1)
    dispute.challenge_signed(second, signed.abi_tuple(), own.signature(signed), sender=own.settler)
    assert dispute.refunded(session) == 1
    dispute.challenge_duplicate(first, second, sender=own.challenger)
    event = proven(dispute)
    assert (event["excess"], event["refunded"], event["penalty"]) == (COR, COR - 1, 0)
    with boa.reverts("dispute: already proven"):
        dispute.challenge_charge(second, sender=own.challenger)
    assert dispute.refunded(session) == COR


def test_inv_d2_gaps_and_charges_together_never_exceed_what_was_settled(own, dispute, session):
    (leaf,) = own.settled(Draft(own.receipt(session, charge=60 * COR), 1, 50 * COR))
    (wrong,) = own.anchored(Draft(own.receipt(session, charge=1), 1, 90 * COR))
    dispute.challenge_total(EMPTY, wrong)
    assert dispute.refunded(session) == 50 * COR
    dispute.challenge_charge(leaf)
    event = proven(dispute)
    assert (event["refunded"], dispute.refunded(session)) == (0, 50 * COR)
    assert own.payment.session(session).settled == 50 * COR
