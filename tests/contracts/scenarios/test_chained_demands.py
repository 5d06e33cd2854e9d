# SPDX-License-Identifier: Apache-2.0
"""Demand after demand, each before the last one ends, to keep an honest router's money for ever."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.disputes import (
    ANSWER_SECONDS,
    DEPOSIT,
    GRACE_SECONDS,
    PENALTY,
    Disputed,
    Draft,
    answer,
)
from tests.contracts.protocol import COR, matures_at, travel, travel_to

DAY = 86_400
LAPSE_SECONDS = 2 * (ANSWER_SECONDS + GRACE_SECONDS)
REVENUE = 1_000 * COR


@pytest.fixture(scope="module")
def own():
    """Return a router that may have three days' revenue pending, which is for one."""
    own = Disputed(bond=REVENUE)
    own.fund(own.payer, 10**5 * COR)
    own.fund(own.stranger, COR * 100)
    own.cor.approve(own.dispute, 2**256 - 1, sender=own.stranger)
    own.released = set()
    return own


@pytest.fixture
def session(own):
    return own.open(
        amount=10**5 * COR, task_cap_gwei=2**64 - 1, expiry=boa.env.timestamp + 99 * DAY
    )


def earned(own, session, index: int, wei: int = REVENUE):
    """Settle a session's next receipt; return its leaf."""
    total = own.payment.session(session).settled + wei
    return own.settled(Draft(own.receipt(session, charge=wei), index, total))[0]


def buckets(own, session) -> list[int]:
    return [claim.bucket for claim in own.dispute.claims(session)]


def release(own, session) -> int:
    """Let go what has lapsed, and release what can be; return the wei."""
    released = 0
    now = boa.env.timestamp
    claims = own.dispute.claims(session)
    if any(claim.held and now >= matures_at(claim.bucket) + LAPSE_SECONDS for claim in claims):
        own.dispute.thaw(session, sender=own.stranger)
    for bucket in dict.fromkeys(place[1] for place in own.moved):
        is_new = bucket not in own.released
        free = own.payment.pending(1, 1, bucket) - own.payment.held(1, 1, bucket)
        if now >= matures_at(bucket) and (free or is_new):
            released += own.payment.release(1, 1, bucket)
            own.released.add(bucket)
    return released


def test_chained_demands_neither_keep_the_money_nor_stop_settlement(own, session):
    """Before holds lapsed, all of it was frozen, and on the fourth day nothing could be settled."""
    released, frozen, last = 0, [], None
    deposits = own.cor.balanceOf(own.settler)
    for day in range(1, 31):
        leaf = earned(own, session, day)
        own.dispute.demand(session, 0, sender=own.challenger)
        answer(own, leaf, 0)
        travel(DAY + 1)
        if last is not None:
            own.close(session, 0, last)
        last = leaf.cumulative
        frozen.append(own.frozen())
        released += release(own, session)
        assert own.payment.router(1)[1] <= 2 * REVENUE
    # What is pending and what is frozen after it: a day, and the answers' and graces' six.
    assert max(frozen) == 8 * REVENUE > own.pool.cover(1)
    assert released == 30 * REVENUE - own.frozen()
    assert own.cor.balanceOf(own.settler) == deposits + 29 * DEPOSIT


def test_it_lapses_when_the_last_that_could_follow_is_decided(own, session):
    leaves = [earned(own, session, 1)]
    (first,) = buckets(own, session)
    travel_to(matures_at(first) - 1)
    leaves.append(earned(own, session, 2))
    for index in (0, 1):
        own.dispute.demand(session, index, sender=own.challenger)
        answer(own, leaves[index - 1], index)
    travel_to(matures_at(first) + LAPSE_SECONDS - 1)
    with boa.reverts("own: nothing has lapsed"):
        own.dispute.thaw(session, sender=own.stranger)
    travel(1)
    own.dispute.thaw(session, sender=own.stranger)
    # The younger money stays.
    assert own.frozen() == REVENUE
    assert own.payment.release(1, 1, first) == REVENUE
    with boa.reverts("own: nothing has lapsed"):
        own.dispute.thaw(session, sender=own.stranger)
    # No later demand takes hold of what was let go.
    own.dispute.demand(session, 3, sender=own.challenger)
    assert own.frozen() == REVENUE


def test_a_fraud_asked_for_in_the_last_second_is_paid_out_of_itself(own, session):
    """However slowly its router answers: a hidden leaf, and the one below that its answer names."""
    receipts = [own.receipt(session, charge=COR), own.receipt(session)]
    totals = [REVENUE, REVENUE + receipts[1].charge]
    hidden, last = own.settled(
        *(Draft(r, i, t) for i, (r, t) in enumerate(zip(receipts, totals, strict=True), 1))
    )
    (bucket,) = buckets(own, session)
    travel_to(matures_at(bucket) - 1)
    own.dispute.demand(session, 0, sender=own.challenger)
    travel(ANSWER_SECONDS)
    answer(own, last, 0)
    travel(GRACE_SECONDS)
    own.dispute.demand(session, 1, sender=own.challenger)
    travel(ANSWER_SECONDS)
    answer(own, hidden)
    travel(GRACE_SECONDS)
    with boa.reverts("own: nothing has lapsed"):
        own.dispute.thaw(session, sender=own.settler)
    bond = own.bonded()
    own.dispute.challenge_total(hidden, hidden, sender=own.challenger)
    assert own.dispute.refunded(session) == REVENUE - COR
    assert own.bonded() == bond - PENALTY


def test_nothing_is_let_go_while_a_demand_is_not_answered(own, session):
    """A fraud that was found late, of which older demands still hold the money."""
    leaf = own.settled(Draft(own.receipt(session), 2, REVENUE))[0]
    (bucket,) = buckets(own, session)
    travel_to(matures_at(bucket) - 1)
    own.dispute.demand(session, 0, sender=own.stranger)
    answer(own, leaf, 0)
    travel(LAPSE_SECONDS)
    own.dispute.demand(session, 1, sender=own.challenger)
    travel(ANSWER_SECONDS)
    with boa.reverts("own: a demand is not answered"):
        own.dispute.thaw(session, sender=own.settler)
    travel(1)
    bond = own.bonded()
    own.close(session, 1)
    assert own.dispute.refunded(session) == REVENUE
    assert own.bonded() == bond - PENALTY


def test_the_last_answer_lets_it_be_let_go(own, session):
    """So whoever wants to keep it pays the router a deposit for every answer."""
    leaf = earned(own, session, 1)
    (bucket,) = buckets(own, session)
    travel_to(matures_at(bucket) - 1)
    own.dispute.demand(session, 0, sender=own.challenger)
    travel(1)
    # All of it is frozen: it leaves the router's pending total, and nothing is paid out.
    assert own.payment.release(1, 1, bucket) == 0
    assert (own.payment.router(1)[1], own.payment.pending(1, 1, bucket)) == (0, REVENUE)
    answer(own, leaf, 0)
    travel(LAPSE_SECONDS)
    for index in (1, 2):
        own.dispute.demand(session, index, sender=own.challenger)
    answer(own, leaf)
    with boa.reverts("own: a demand is not answered"):
        own.dispute.thaw(session, sender=own.settler)
    answer(own, leaf, 2)
    own.dispute.thaw(session, sender=own.settler)
    assert own.frozen() == 0
    assert own.payment.release(1, 1, bucket) == REVENUE
    assert own.payment.router(1)[1] == 0
    # They are closed as ever, and nothing is let go twice.
    travel(GRACE_SECONDS + 1)
    for index in (0, 1, 2):
        own.close(session, index)
    assert own.frozen() == 0
