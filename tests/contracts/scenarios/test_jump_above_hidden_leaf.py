# SPDX-License-Identifier: Apache-2.0
"""A router lets the total jump at a leaf whose predecessor it never made, or never shows."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.disputes import ANSWER_SECONDS, Disputed, Draft, answer
from tests.contracts.protocol import COR, travel


@pytest.fixture(scope="module")
def own():
    return Disputed()


@pytest.mark.parametrize("index", [2, 3, 10**18])
def test_the_missing_leaf_costs_all_that_was_settled(own, index):
    """Its charge is right and its total is not, which one leaf alone cannot prove."""
    session = own.open(amount=20_000 * COR, task_cap_gwei=10**9)
    receipt = own.receipt(session)
    (leaf,) = own.settled(Draft(receipt, index, 20_000 * COR))
    with boa.reverts("dispute: charge is rightful"):
        own.dispute.challenge_charge(leaf, sender=own.challenger)
    own.dispute.demand(session, 0, sender=own.challenger)
    answer(own, leaf, 0)
    own.dispute.demand(session, index - 1, sender=own.challenger)
    with boa.reverts("dispute: not the leaf demanded"):
        answer(own, leaf, index - 1)
    travel(ANSWER_SECONDS + 1)
    own.close(session, index - 1)
    assert own.dispute.refunded(session) == 20_000 * COR
    assert own.payment.withdraw(session, sender=own.payer) == 20_000 * COR


def test_a_leaf_that_is_made_up_afterwards_does_not_answer(own):
    session = own.open(amount=500 * COR)
    receipt = own.receipt(session)
    (leaf,) = own.settled(Draft(receipt, 2, 500 * COR))
    own.dispute.demand(session, 1, sender=own.challenger)
    travel(60)
    before = own.receipt(session, charge=500 * COR - receipt.charge)
    (late,) = own.anchored(Draft(before, 1, before.charge))
    with boa.reverts("leaf: anchored too late"):
        answer(own, late, 1)
    travel(ANSWER_SECONDS)
    own.close(session, 1)
    assert own.dispute.refunded(session) == leaf.cumulative
