# SPDX-License-Identifier: Apache-2.0
"""Somebody demands leaf after leaf to freeze an honest router's money, or to tire it."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.disputes import ANSWER_SECONDS, DEPOSIT, GRACE_SECONDS, Disputed, answer
from tests.contracts.protocol import BUCKET_SECONDS, CHALLENGE_WINDOW_SECONDS, travel, travel_to


@pytest.fixture(scope="module")
def own():
    return Disputed()


def test_each_idle_demand_pays_the_router_and_delays_it_by_a_bounded_time(own):
    session = own.open()
    leaves = own.worked(session, 8)
    bucket = boa.env.timestamp // BUCKET_SECONDS
    for index in range(9):
        own.dispute.demand(session, index, sender=own.challenger)
    for index in range(9):
        answer(own, leaves[index - 1], index)
    travel_to((bucket + 1) * BUCKET_SECONDS + CHALLENGE_WINDOW_SECONDS)
    earned = own.cor.balanceOf(own.settler)
    for index in range(9):
        own.close(session, index, sender=own.settler)
    assert own.cor.balanceOf(own.settler) == earned + 9 * DEPOSIT
    assert own.payment.release(1, 1, bucket) == leaves[-1].cumulative
    assert own.pool.COOLDOWN_SECONDS() > ANSWER_SECONDS + GRACE_SECONDS


def test_the_same_demand_again_and_again_costs_a_deposit_each_time(own):
    session = own.open()
    leaf = own.worked(session, 1)[0]
    before = own.cor.balanceOf(own.challenger)
    for rounds in range(1, 4):
        own.dispute.demand(session, 0, sender=own.challenger)
        answer(own, leaf, 0)
        travel(GRACE_SECONDS + 1)
        own.close(session, 0, sender=own.settler)
        assert own.cor.balanceOf(own.challenger) == before - rounds * DEPOSIT


def test_a_false_challenge_costs_its_sender_the_gas_and_the_router_nothing(own):
    session = own.open()
    leaves = own.worked(session, 3)
    bond = own.bonded()
    for leaf in leaves:
        with boa.reverts("dispute: charge is rightful"):
            own.dispute.challenge_charge(leaf, sender=own.challenger)
    assert own.bonded() == bond
    assert own.frozen() == 0
