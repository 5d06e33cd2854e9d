# SPDX-License-Identifier: Apache-2.0
"""Until when a session can be disputed."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.disputes import (
    ANSWER_SECONDS,
    DEPOSIT,
    GRACE_SECONDS,
    KEY,
    answer,
)
from tests.contracts.protocol import (
    CHALLENGE_WINDOW_SECONDS,
    LIFE_SECONDS,
    SETTLE_WINDOW_SECONDS,
    travel,
    travel_to,
)

OVER = "dispute: session is over"


def over_at(own, session: int) -> int:
    return own.payment.session(session).expiry + SETTLE_WINDOW_SECONDS + CHALLENGE_WINDOW_SECONDS


@pytest.mark.parametrize("funding", [0, 1])
def test_until_its_last_settlement_could_have_matured(own, dispute, funding):
    session = own.open(funding=funding, session_key=KEY.address)
    leaves = own.worked(session, 2, over=5)
    travel_to(over_at(own, session))
    with boa.env.anchor():
        dispute.challenge_charge(leaves[0], sender=own.challenger)
    with boa.env.anchor():
        dispute.demand(session, 0, sender=own.challenger)
    travel(1)
    with boa.reverts(OVER):
        dispute.challenge_charge(leaves[0], sender=own.challenger)
    with boa.reverts(OVER):
        dispute.demand(session, 0, sender=own.challenger)


def test_a_close_brings_the_end_nearer(own, dispute, payment, session):
    leaf = own.worked(session, 1, over=5)[0]
    payment.request_close(session, sender=own.payer)
    travel(SETTLE_WINDOW_SECONDS + CHALLENGE_WINDOW_SECONDS + 1)
    with boa.reverts(OVER):
        dispute.challenge_charge(leaf, sender=own.challenger)


def test_a_session_that_was_left_can_still_be_proven_against(own, dispute, payment, session):
    leaf = own.worked(session, 1, over=5)[0]
    payment.request_close(session, sender=own.payer)
    travel(SETTLE_WINDOW_SECONDS + 1)
    payment.withdraw(session, sender=own.payer)
    dispute.challenge_charge(leaf, sender=own.challenger)
    assert payment.withdraw(session, sender=own.payer) == 5


def test_a_stake_session_is_over_only_after_a_proof(own, dispute):
    session = own.staked()
    leaves = own.worked(session, 3, over=10**13)
    travel(50 * LIFE_SECONDS)
    dispute.challenge_charge(leaves[0], sender=own.challenger)
    assert dispute.refunded(session) == 10**13
    travel(CHALLENGE_WINDOW_SECONDS + ANSWER_SECONDS + GRACE_SECONDS)
    dispute.challenge_charge(leaves[1], sender=own.challenger)
    travel(1)
    with boa.reverts(OVER):
        dispute.challenge_charge(leaves[2], sender=own.challenger)


def test_a_proof_leaves_time_for_the_others(own, dispute, session):
    """A refund moves the expiry back; the rest of the fraud stays provable."""
    leaves = own.worked(session, 3, over=5)
    first = boa.env.timestamp
    dispute.challenge_charge(leaves[0], sender=own.settler)
    last = first + CHALLENGE_WINDOW_SECONDS + ANSWER_SECONDS + GRACE_SECONDS
    travel_to(last - 1)
    dispute.challenge_charge(leaves[1], sender=own.challenger)
    travel_to(last)
    with boa.env.anchor():
        dispute.demand(session, 0, sender=own.challenger)
    # Of the first proof, not of the last.
    travel(1)
    with boa.reverts(OVER):
        dispute.challenge_charge(leaves[2], sender=own.challenger)
    with boa.reverts(OVER):
        dispute.demand(session, 0, sender=own.challenger)


@pytest.mark.parametrize("index", [3, 999])
def test_a_follower_lets_nothing_follow(own, dispute, session, index):
    """Even where it is answered with the total's leaf: else no session was ever over."""
    leaves = own.worked(session, 3)
    travel_to(over_at(own, session))
    dispute.demand(session, 0, sender=own.challenger)
    answer(own, leaves[2], 0)
    travel(GRACE_SECONDS)
    dispute.demand(session, index, sender=own.challenger)
    answer(own, leaves[2], index)
    travel(1)
    with boa.reverts(OVER):
        dispute.demand(session, 1, sender=own.challenger)


def test_what_a_demand_brings_up_can_be_challenged(own, dispute, session):
    leaves = own.worked(session, 2, over=5)
    travel_to(over_at(own, session))
    dispute.demand(session, 1, sender=own.challenger)
    travel(ANSWER_SECONDS)
    answer(own, leaves[0])
    # A demand keeps nothing open for another demand.
    with boa.reverts(OVER):
        dispute.demand(session, 2, sender=own.challenger)
    travel(GRACE_SECONDS)
    dispute.challenge_charge(leaves[0], sender=own.challenger)
    travel(1)
    before = own.cor.balanceOf(own.challenger)
    own.close(session, 1, sender=own.stranger)
    assert own.cor.balanceOf(own.challenger) == before + DEPOSIT
