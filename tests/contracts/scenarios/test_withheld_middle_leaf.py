# SPDX-License-Identifier: Apache-2.0
"""A router shows the first leaf and the last, and hides what lies between."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.disputes import ANSWER_SECONDS, Disputed, Draft, answer
from tests.contracts.protocol import COR, travel


@pytest.fixture(scope="module")
def own():
    return Disputed()


def hidden(own) -> tuple[int, list]:
    """Return a session whose second total is too high by 5 COR, and its three leaves."""
    session = own.open()
    charges = [own.receipt(session) for _ in range(3)]
    price = charges[0].charge
    totals = [price, 2 * price + 5 * COR, 3 * price + 5 * COR]
    return session, own.settled(
        *(Draft(*one) for one in zip(charges, (1, 2, 3), totals, strict=True))
    )


def test_it_must_be_shown_and_then_disproves_the_total(own):
    session, (first, middle, last) = hidden(own)
    own.dispute.demand(session, 0, sender=own.challenger)
    own.dispute.demand(session, 2, sender=own.challenger)
    answer(own, last, 0)
    with boa.reverts("dispute: not the leaf demanded"):
        answer(own, last, 2)
    with boa.reverts("dispute: not the leaf demanded"):
        answer(own, first, 2)
    answer(own, middle, 2)
    own.dispute.challenge_total(first, middle, sender=own.challenger)
    assert own.dispute.refunded(session) == 5 * COR
    with boa.reverts("dispute: total follows"):
        own.dispute.challenge_total(middle, last, sender=own.challenger)


def test_hidden_it_costs_the_total(own):
    session, (_, _, last) = hidden(own)
    own.dispute.demand(session, 2, sender=own.challenger)
    travel(ANSWER_SECONDS + 1)
    own.close(session, 2, sender=own.challenger)
    assert own.dispute.refunded(session) == last.cumulative


def test_a_total_at_an_index_far_away_does_not_hide_it(own):
    """A leaf at a huge index leaves as many to demand, any of which is worth the total."""
    session = own.open()
    receipt = own.receipt(session)
    leaf = own.settled(Draft(receipt, 10**18, 50 * COR))[0]
    own.dispute.demand(session, 0, sender=own.challenger)
    answer(own, leaf, 0)
    for index in range(1, 4):
        own.dispute.demand(session, index, sender=own.challenger)
        with boa.reverts("dispute: not the leaf demanded"):
            answer(own, leaf, index)
    travel(ANSWER_SECONDS + 1)
    own.close(session, 2, sender=own.challenger)
    assert own.dispute.refunded(session) == 50 * COR
