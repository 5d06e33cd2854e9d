# SPDX-License-Identifier: Apache-2.0
"""A payer in league with a router has old charges refunded from what others have pending."""

from __future__ import annotations

import pytest

from tests.contracts.disputes import ANSWER_SECONDS, Disputed, Draft, answer
from tests.contracts.protocol import COR, release_all, travel

OLD, BOND = 6_000 * COR, 2_000 * COR


@pytest.fixture(scope="module")
def own():
    """Return a router with an old session that was settled and released long ago."""
    own = Disputed(bond=BOND)
    own.fund(own.payer, 2 * OLD)
    own.fund(own.other_payer, 2 * OLD)
    own.old = own.open(amount=OLD, task_cap_gwei=2**64 - 1, expiry=2**40 - 1)
    own.old_leaf = own.settled(Draft(own.receipt(own.old, charge=OLD), 1, OLD))[0]
    release_all(own)
    return own


def robbed(own) -> tuple[int, object]:
    """Return a victim's session with nearly all the bond covers taken from it, and the leaf."""
    victim = own.open(own.other_payer, amount=OLD, task_cap_gwei=2**64 - 1)
    stolen = own.pool.cover(1)
    return victim, own.settled(Draft(own.receipt(victim, charge=stolen), 1, stolen))[0]


def test_inv_d10_an_old_charge_is_refunded_by_the_bond_alone(own):
    victim, leaf = robbed(own)
    pending = own.payment.router(1)[1]
    own.dispute.challenge_charge(own.old_leaf, sender=own.challenger)
    assert own.dispute.refunded(own.old) == BOND
    assert own.payment.router(1)[1] == pending
    own.dispute.challenge_charge(leaf, sender=own.challenger)
    assert own.dispute.refunded(victim) == leaf.cumulative - own.receipt(victim).charge


def test_inv_d10_silence_about_an_old_total_is_paid_by_the_bond_alone(own):
    own.dispute.demand(own.old, 0, sender=own.challenger)
    travel(ANSWER_SECONDS + 1)
    victim, leaf = robbed(own)
    own.close(own.old, 0)
    assert own.dispute.refunded(own.old) == BOND
    own.dispute.challenge_charge(leaf, sender=own.challenger)
    assert own.dispute.refunded(victim) == leaf.cumulative - own.receipt(victim).charge


def test_inv_d10_demands_of_an_old_session_freeze_nothing_of_others(own):
    robbed(own)
    for index in range(10):
        own.dispute.demand(own.old, index, sender=own.challenger)
    answer(own, own.old_leaf, 0)
    assert own.frozen() == 0
