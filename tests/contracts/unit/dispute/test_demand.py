# SPDX-License-Identifier: Apache-2.0
"""SettlementDispute.demand, answer and close_demand."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.disputes import (
    ANSWER_SECONDS,
    BURN_ADDRESS,
    DEPOSIT,
    GRACE_SECONDS,
    KEY,
    PENALTY,
    ROUTER,
    Draft,
    answer,
    receipt_of,
)
from tests.contracts.events import assert_event, events
from tests.contracts.protocol import COR, ZERO_ADDRESS, release_all, travel, travel_to
from tests.contracts.signing import account

NONE = (ZERO_ADDRESS, 0, 0)


def demand(own, session: int, index: int) -> None:
    own.dispute.demand(session, index, sender=own.challenger)


def close(own, session: int, index: int) -> None:
    total = own.payment.session(session).settled
    own.dispute.close_demand(session, index, total, sender=own.stranger)


def test_a_demand_takes_a_deposit_and_freezes_the_total(own, dispute, payment, cor, session):
    total = own.worked(session, 3)[-1].cumulative
    before = cor.balanceOf(own.challenger)
    demand(own, session, 0)
    answer_by = boa.env.timestamp + ANSWER_SECONDS
    assert_event(
        dispute,
        "Demanded",
        session=session,
        index=0,
        challenger=own.challenger,
        settled=total,
        answer_by=answer_by,
    )
    assert own.demand_of(session, 0) == (own.challenger, answer_by, 0)
    assert own.claim(session) == (total, total)
    assert own.frozen() == total
    assert cor.balanceOf(own.challenger) == before - DEPOSIT
    assert cor.balanceOf(dispute) == DEPOSIT


def test_a_demand_freezes_no_more_than_is_pending(own, dispute, payment, session):
    own.worked(session, 2)
    release_all(own)
    demand(own, session, 0)
    assert own.claim(session) == (0, 0)
    assert own.frozen() == 0


def test_nothing_to_demand(own, dispute, session):
    with boa.reverts("dispute: unknown session"):
        demand(own, 1 << 128 | 9, 0)
    with boa.reverts("dispute: nothing is settled"):
        demand(own, session, 0)
    own.worked(session, 1)
    demand(own, session, 0)
    with boa.reverts("dispute: already demanded"):
        demand(own, session, 0)
    demand(own, session, 1)
    with boa.reverts("dispute: no such demand"):
        close(own, session, 2)
    with boa.reverts():
        dispute.demand(session, 3, sender=own.stranger)
    assert own.demand_of(session, 3) == NONE


def test_an_answer_makes_the_leaf_public_and_its_deposit_the_routers(own, dispute, payment, cor):
    session = own.open()
    leaf = own.worked(session, 3)[-1]
    demand(own, session, 0)
    travel(ANSWER_SECONDS)
    answer(own, leaf, 0, sender=own.stranger)
    until = boa.env.timestamp + GRACE_SECONDS
    hashed = payment.leaf_of(own.digest(receipt_of(leaf)), leaf.index, leaf.cumulative)
    assert_event(
        dispute,
        "Answered",
        session=session,
        index=0,
        settled=leaf.cumulative,
        leaf=hashed,
        challengeable_until=until,
    )
    assert own.frozen() == leaf.cumulative
    with boa.reverts("dispute: already answered"):
        answer(own, leaf, 0)
    travel_to(until)
    with boa.reverts("dispute: still challengeable"):
        close(own, session, 0)
    travel(1)
    before = cor.balanceOf(own.settler)
    close(own, session, 0)
    assert_event(
        dispute, "DemandClosed", session=session, index=0, settled=leaf.cumulative, is_answered=True
    )
    assert cor.balanceOf(own.settler) == before + DEPOSIT
    assert own.frozen() == 0
    assert cor.balanceOf(dispute) == 0
    assert own.demand_of(session, 0) == NONE
    assert dispute.refunded(session) == 0
    # It can be asked for again, at the same price.
    demand(own, session, 0)


def test_an_answer_that_comes_too_late(own, dispute, session):
    leaf = own.worked(session, 1)[0]
    demand(own, session, 0)
    travel(ANSWER_SECONDS)
    with boa.reverts("dispute: still answerable"):
        close(own, session, 0)
    travel(1)
    with boa.reverts("dispute: too late to answer"):
        answer(own, leaf, 0)
    close(own, session, 0)
    with boa.reverts("dispute: no such demand"):
        answer(own, leaf, 0)


def test_the_total_that_nobody_shows_goes_back_whole(own, dispute, payment, cor, session):
    total = own.worked(session, 3)[-1].cumulative
    demand(own, session, 0)
    travel(ANSWER_SECONDS + 1)
    before, burnt = own.holdings(own.challenger, BURN_ADDRESS)
    close(own, session, 0)
    assert_event(
        dispute, "DemandClosed", session=session, index=0, settled=total, is_answered=False
    )
    assert_event(
        dispute,
        "FraudProven",
        session=session,
        index=0,
        challenger=own.challenger,
        kind="unanswered",
        excess=total,
        refunded=total,
        penalty=PENALTY,
    )
    assert own.holdings(own.challenger, BURN_ADDRESS) == [
        before + DEPOSIT + PENALTY // 2,
        burnt + PENALTY // 2,
    ]
    assert payment.router(1)[1] == 0
    assert cor.balanceOf(dispute) == 0
    assert payment.withdraw(session, sender=own.payer) == 100 * COR


def test_any_index_that_nobody_shows_costs_the_total(own, dispute):
    """Below a leaf that is missing, any total could have jumped."""
    session = own.open(task_cap_gwei=10**6)
    total = own.worked(session, 3)[-1].cumulative
    demand(own, session, 2)
    travel(ANSWER_SECONDS + 1)
    close(own, session, 2)
    assert dispute.refunded(session) == total
    # Asked again, it gives nothing more.
    demand(own, session, 2)
    assert own.claim(session) == (0, 0)
    travel(ANSWER_SECONDS + 1)
    close(own, session, 2)
    assert events(dispute, "FraudProven")[0]["refunded"] == 0
    assert dispute.refunded(session) == total


def test_a_refund_in_between_lowers_what_a_missed_answer_gives(own, dispute, session):
    leaves = own.worked(session, 2, over=COR)
    total = leaves[-1].cumulative
    demand(own, session, 0)
    dispute.challenge_charge(leaves[0], sender=own.challenger)
    travel(ANSWER_SECONDS + 1)
    close(own, session, 0)
    assert events(dispute, "FraudProven")[0]["refunded"] == total - COR
    assert dispute.refunded(session) == total


def test_another_leaf_does_not_answer(own, session):
    leaves = own.worked(session, 3)
    other = own.worked(own.open(own.other_payer), 1)[0]
    for index in (0, 2):
        demand(own, session, index)
    with boa.reverts("dispute: not the total's leaf"):
        answer(own, leaves[1], 0)
    for wrong in (leaves[0], leaves[2]):
        with boa.reverts("dispute: not the leaf demanded"):
            answer(own, wrong, 2)
    with boa.reverts("dispute: other session"):
        total = own.payment.session(session).settled
        own.dispute.answer(session, 2, total, other, own.signature(receipt_of(other)), 0, b"")
    with boa.reverts("leaf: not anchored"):
        answer(own, leaves[1]._replace(cumulative=1), 2)
    answer(own, leaves[1], 2)
    answer(own, leaves[2], 0)


def test_an_index_beyond_the_total_is_answered_by_the_totals_leaf(own, session):
    leaves = own.worked(session, 3)
    for index in (4, 2**64 - 1, 2**256 - 1):
        demand(own, session, index)
        with boa.reverts("dispute: not the leaf demanded"):
            answer(own, leaves[1], index)
        answer(own, leaves[2], index)


def test_a_leaf_at_index_zero_answers_nothing(own, session):
    (leaf,) = own.settled(Draft(own.receipt(session, charge=9), 0, 9))
    for index in (0, 1):
        demand(own, session, index)
        with boa.reverts("dispute: index is zero"):
            answer(own, leaf, index)


def test_a_leaf_that_no_settler_signed_does_not_answer(own, session):
    leaf = own.worked(session, 1)[0]
    demand(own, session, 1)
    with boa.reverts("leaf: not signed by a settler"):
        answer(own, leaf, signer=account("stranger"))


def test_with_a_key_the_request_is_shown_too(own):
    session = own.open(session_key=KEY.address)
    leaf = own.worked(session, 1)[0]
    charge = receipt_of(leaf).charge
    demand(own, session, 1)
    with boa.reverts("leaf: not requested by the key"):
        answer(own, leaf, most=charge)
    with boa.reverts("leaf: not requested by the key"):
        answer(own, leaf, key=account("stranger"), most=charge)
    with boa.reverts("leaf: charge beyond request"):
        answer(own, leaf, key=KEY, most=charge - 1)
    answer(own, leaf, key=KEY, most=charge)


def test_a_voucher_session_is_demanded_like_any_other(own, dispute):
    session = own.open(funding=1, session_key=KEY.address)
    leaf = own.worked(session, 2)[-1]
    demand(own, session, 0)
    answer(own, leaf, 0, key=KEY, most=COR)
    assert own.demand_of(session, 0).challengeable_until != 0


def test_the_total_of_a_stake_session_is_rounded_up_to_micro_cor(own, payment, dispute):
    session = own.staked()
    leaf = own.worked(session, 3, charge=10**15 + 1)[-1]
    settled = payment.session(session).settled
    assert settled % 10**12 == 0
    assert 0 < settled - leaf.cumulative < 10**12
    demand(own, session, 0)
    answer(own, leaf, 0)
    travel(GRACE_SECONDS + 1)
    close(own, session, 0)
    demand(own, session, 0)
    travel(ANSWER_SECONDS + 1)
    close(own, session, 0)
    assert dispute.refunded(session) == settled


def test_a_fraud_that_the_answer_shows_gives_the_deposit_back(own, dispute, cor, session):
    leaves = own.worked(session, 2, over=5)
    demand(own, session, 1)
    answer(own, leaves[0])
    dispute.challenge_charge(leaves[0], sender=own.challenger)
    travel(GRACE_SECONDS + 1)
    before = own.holdings(own.challenger, own.settler)
    close(own, session, 1)
    assert own.holdings(own.challenger, own.settler) == [before[0] + DEPOSIT, before[1]]
    assert cor.balanceOf(dispute) == 0


def test_a_fraud_of_before_the_demand_does_not(own, dispute, cor, session):
    leaves = own.worked(session, 2, over=5)
    dispute.challenge_charge(leaves[0], sender=own.challenger)
    travel(1)
    demand(own, session, 1)
    answer(own, leaves[0])
    travel(GRACE_SECONDS + 1)
    before = cor.balanceOf(own.settler)
    close(own, session, 1)
    assert cor.balanceOf(own.settler) == before + DEPOSIT


def test_the_deposit_is_the_settlers_of_the_day(own, payment, cor, session):
    leaf = own.worked(session, 1)[0]
    demand(own, session, 1)
    answer(own, leaf)
    following = account("next router").address
    payment.set_settler(1, following, sender=ROUTER.address)
    travel(GRACE_SECONDS + 1)
    close(own, session, 1)
    assert cor.balanceOf(following) == DEPOSIT


@pytest.mark.parametrize("answered", [(), (0,), (1, 2), (0, 1, 2)])
def test_inv_d7_concurrent_demands_let_go_with_the_last(own, dispute, payment, answered):
    session = own.open(task_cap_gwei=10**9)
    leaves = own.worked(session, 3, over=10**15)
    other = own.open(own.other_payer)
    own.worked(other, 4)
    asked = [(session, index) for index in range(3)] + [(other, 0)]
    for number, index in asked:
        demand(own, number, index)

    def check(open_ones) -> None:
        claims = {one: own.claim(one) for one in (session, other)}
        assert own.frozen() == sum(claim.held for claim in claims.values())
        for one, claim in claims.items():
            assert claim.held == 0 or any(one == asked for asked, _ in open_ones)
        assert own.cor.balanceOf(dispute) == DEPOSIT * len(open_ones)

    check(asked)
    for index in answered:
        answer(own, leaves[index - 1], index)
    dispute.challenge_charge(leaves[2], sender=own.challenger)
    check(asked)
    travel(ANSWER_SECONDS + GRACE_SECONDS + 2)
    while asked:
        close(own, *asked.pop(0))
        check(asked)
    assert dispute.refunded(session) <= payment.session(session).settled
