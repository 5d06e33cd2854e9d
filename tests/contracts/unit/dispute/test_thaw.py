# SPDX-License-Identifier: Apache-2.0
"""SettlementDispute.thaw: letting go what demands have frozen for too long."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.disputes import ANSWER_SECONDS, GRACE_SECONDS, answer
from tests.contracts.events import events
from tests.contracts.protocol import matures_at, travel, travel_to

LAPSE_SECONDS = 2 * (ANSWER_SECONDS + GRACE_SECONDS)


@pytest.fixture
def frozen(own, dispute, session):
    """Return the leaves of a session whose money a demand keeps, and its bucket."""
    leaves = own.worked(session, 2)
    dispute.demand(session, 0, sender=own.challenger)
    ((bucket, _, _),) = dispute.claims(session)
    return leaves, bucket


def test_what_has_lapsed_is_let_go_by_anyone(own, dispute, payment, session, frozen):
    leaves, bucket = frozen
    answer(own, leaves[-1], 0)
    travel_to(matures_at(bucket) + LAPSE_SECONDS)
    dispute.thaw(session, sender=own.stranger)
    total = leaves[-1].cumulative
    # Of the escrow, which the dispute contract called.
    [event] = events(dispute, "PendingUnheld")
    assert (event["session"], event["bucket"], event["amount"]) == (session, bucket, total)
    assert own.frozen() == own.claim(session).claimable == 0
    with boa.reverts("own: nothing has lapsed"):
        dispute.thaw(session, sender=own.stranger)
    assert payment.release(1, 1, bucket) == total
    own.close(session, 0)


def test_not_a_second_before(own, dispute, session, frozen):
    leaves, bucket = frozen
    answer(own, leaves[-1], 0)
    travel_to(matures_at(bucket) + LAPSE_SECONDS - 1)
    with boa.reverts("own: nothing has lapsed"):
        dispute.thaw(session, sender=own.settler)


def test_not_while_a_demand_waits_for_an_answer(own, dispute, session, frozen):
    leaves, bucket = frozen
    travel(ANSWER_SECONDS)
    answer(own, leaves[-1], 0)
    travel_to(matures_at(bucket) + LAPSE_SECONDS)
    for index in (1, 2):
        dispute.demand(session, index, sender=own.challenger)
    for leaf in leaves:
        with boa.reverts("own: a demand is not answered"):
            dispute.thaw(session, sender=own.settler)
        answer(own, leaf)
    dispute.thaw(session, sender=own.settler)
    assert own.frozen() == 0


def test_what_nobody_answered_waits_for_no_one(own, dispute, session, frozen):
    """A demand that is closed unanswered is none that waits: others' answers count again."""
    leaves, bucket = frozen
    answer(own, leaves[-1], 0)
    dispute.demand(session, 1, sender=own.challenger)
    travel(ANSWER_SECONDS + 1)
    own.close(session, 1)
    dispute.demand(session, 2, sender=own.challenger)
    answer(own, leaves[1])
    travel_to(matures_at(bucket) + LAPSE_SECONDS)
    # All of it went back; only that says no, and not the one that was closed.
    with boa.reverts("own: nothing has lapsed"):
        dispute.thaw(session, sender=own.settler)


def test_a_session_of_which_nothing_was_demanded(own, dispute, session):
    own.worked(session, 1)
    with boa.reverts("own: nothing has lapsed"):
        dispute.thaw(session, sender=own.stranger)
