# SPDX-License-Identifier: Apache-2.0
"""A router invents tasks, prices them by the table, and settles them."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.disputes import (
    ANSWER_SECONDS,
    KEY,
    PENALTY,
    Disputed,
    Draft,
    answer,
    receipt_of,
)
from tests.contracts.protocol import travel


@pytest.fixture(scope="module")
def own():
    return Disputed()


def phantoms(own, **changes) -> tuple[int, list]:
    """Return a session with one real task and two that nobody asked for, and its leaves."""
    session = own.open(**changes)
    return session, own.worked(session, 3)


def test_with_a_session_key_a_task_that_nobody_asked_for_cannot_be_shown(own):
    session, leaves = phantoms(own, session_key=KEY.address)
    cap = own.payment.session(session).task_cap_gwei * 10**9
    real, *invented = leaves
    own.dispute.demand(session, real.index, sender=own.challenger)
    answer(own, real, key=KEY, most=receipt_of(real).charge)
    bond = own.bonded()
    for leaf in invented:
        own.dispute.demand(session, leaf.index, sender=own.challenger)
        with boa.reverts("leaf: not requested by the key"):
            answer(own, leaf, most=receipt_of(leaf).charge)
    travel(ANSWER_SECONDS + 1)
    for leaf in invented:
        own.close(session, leaf.index, sender=own.challenger)
    assert own.dispute.refunded(session) == min(2 * cap, leaves[-1].cumulative)
    assert own.bonded() == bond - PENALTY


def test_one_signed_request_does_not_carry_two_tasks(own):
    session = own.open(session_key=KEY.address)
    request = own.unique()
    first = own.receipt(session, request_commitment=request)
    second = own.receipt(session, request_commitment=request)
    leaves = own.settled(
        Draft(first, 1, first.charge), Draft(second, 2, first.charge + second.charge)
    )
    # Each can be shown with the same signature; both together are the proof.
    for leaf in leaves:
        own.dispute.demand(session, leaf.index, sender=own.challenger)
        answer(own, leaf, key=KEY, most=first.charge)
    own.dispute.challenge_duplicate(*leaves, sender=own.challenger)
    assert own.dispute.refunded(session) == second.charge


def test_without_a_session_key_it_cannot_be_proven(own):
    """The limit that the page names: rightly priced, signed and anchored, it passes."""
    session, leaves = phantoms(own)
    for leaf in leaves:
        own.dispute.demand(session, leaf.index, sender=own.challenger)
        answer(own, leaf)
        with boa.reverts("dispute: charge is rightful"):
            own.dispute.challenge_charge(leaf, sender=own.challenger)
