# SPDX-License-Identifier: Apache-2.0
"""A router's puppet asks first, so that nobody else can ask when it matters."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.disputes import ANSWER_SECONDS, Disputed, Draft, answer
from tests.contracts.protocol import COR, travel


@pytest.fixture(scope="module")
def own():
    own = Disputed()
    own.fund(own.stranger, 1_000 * COR)
    own.cor.approve(own.dispute, 2**256 - 1, sender=own.stranger)
    return own


@pytest.mark.parametrize(
    ("index", "reason"),
    [(0, "dispute: not the total's leaf"), (2, "dispute: not the leaf demanded")],
)
def test_a_demand_of_an_older_total_is_in_nobodys_way(own, index, reason):
    session = own.open(amount=900 * COR, task_cap_gwei=2**64 - 1)
    first = own.worked(session, 1)[0]
    own.dispute.demand(session, index, sender=own.stranger)
    (third,) = own.settled(Draft(own.receipt(session), 3, 900 * COR))
    own.dispute.demand(session, index, sender=own.challenger)
    # What was right for the total of then is no answer now.
    answer(own, first, index, settled=first.cumulative)
    with boa.reverts(reason):
        answer(own, first, index)
    if index == 0:
        answer(own, third, 0)
        own.dispute.demand(session, 2, sender=own.challenger)
    travel(ANSWER_SECONDS + 1)
    own.close(session, 2)
    assert own.dispute.refunded(session) == 900 * COR


def test_a_puppets_demand_of_the_same_total_serves_everybody(own):
    session = own.open()
    leaves = own.worked(session, 2, over=COR)
    own.dispute.demand(session, 1, sender=own.stranger)
    with boa.reverts("dispute: already demanded"):
        own.dispute.demand(session, 1, sender=own.challenger)
    answer(own, leaves[0], 1)
    own.dispute.challenge_charge(leaves[0], sender=own.challenger)
    assert own.dispute.refunded(session) == COR
