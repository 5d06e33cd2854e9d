# SPDX-License-Identifier: Apache-2.0
"""A router settles and answers in the last second, so that nobody can ask for what it shows."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.disputes import ANSWER_SECONDS, GRACE_SECONDS, Disputed, Draft, answer
from tests.contracts.protocol import COR, SETTLE_WINDOW_SECONDS, travel, travel_to


@pytest.fixture(scope="module")
def own():
    return Disputed()


def test_what_lies_below_a_total_that_was_shown_late_can_still_be_demanded(own):
    session = own.open(amount=2_000 * COR, task_cap_gwei=2**64 - 1)
    travel_to(own.payment.session(session).expiry + SETTLE_WINDOW_SECONDS)
    drafts, total = [], 0
    for index in range(1, 6):
        receipt = own.receipt(session)
        total += receipt.charge
        drafts.append(Draft(receipt, index, total))
    drafts.append(Draft(own.receipt(session), 6, 2_000 * COR))
    leaves = own.settled(*drafts)
    # How many leaves there are, nobody knows yet.
    for index in (0, 1, 2, 64):
        own.dispute.demand(session, index, sender=own.challenger)
    travel(ANSWER_SECONDS)
    for index in (0, 1, 2, 64):
        answer(own, leaves[5 if index in (0, 64) else index - 1], index)
    # The session is over; its end was the last second of the challenge window.
    with boa.reverts("dispute: session is over"):
        own.dispute.demand(session, 0, sender=own.challenger)
    travel(GRACE_SECONDS)
    own.dispute.demand(session, 5, sender=own.challenger)
    travel(1)
    with boa.reverts("dispute: session is over"):
        own.dispute.demand(session, 4, sender=own.challenger)
    # What was frozen stays so for the last demand.
    for index in (0, 1, 2, 64):
        own.close(session, index)
    assert own.frozen() == 2_000 * COR
    travel_to(own.demand_of(session, 5).answer_by)
    answer(own, leaves[4], 5)
    own.dispute.challenge_total(leaves[4], leaves[5], sender=own.challenger)
    assert own.dispute.refunded(session) == 2_000 * COR - total - leaves[5].receipt[6]


def test_a_follow_up_is_answered_too_or_costs_the_total(own):
    session = own.open()
    travel_to(own.payment.session(session).expiry + SETTLE_WINDOW_SECONDS)
    leaves = own.worked(session, 3)
    own.dispute.demand(session, 0, sender=own.challenger)
    travel(ANSWER_SECONDS)
    answer(own, leaves[2], 0)
    own.dispute.demand(session, 2, sender=own.challenger)
    travel(ANSWER_SECONDS + 1)
    own.close(session, 2)
    assert own.dispute.refunded(session) == leaves[2].cumulative
