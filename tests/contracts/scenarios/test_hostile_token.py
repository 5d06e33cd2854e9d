# SPDX-License-Identifier: Apache-2.0
"""A token that calls each money contract back in the middle of a transfer.

Every door of the escrow, the pool and the quota, with its control: `unit/payment/test_tokens.py`,
`unit/pool/test_tokens.py`, `unit/quota/test_views.py`.
"""

from __future__ import annotations

import boa
import pytest

from tests.contracts.disputes import ANSWER_SECONDS, DEPOSIT, GRACE_SECONDS, Disputed, answer
from tests.contracts.protocol import COOLDOWN_SECONDS, COR, Protocol, travel, travel_to
from tests.contracts.unit.pool.conftest import STAKE
from tests.contracts.unit.quota.conftest import MICRO, Quota


@pytest.fixture(scope="module")
def plain():
    return Protocol(token="mocks/MockHostileToken")


@pytest.fixture(scope="module")
def disputed():
    return Disputed(token="mocks/MockHostileToken")


def locked(token, target, payload: bytes, enter) -> None:
    """Make a call during which the token calls `target` back, and see that it got nowhere."""
    token.call_back(target, payload)
    tries = token.attempts()
    enter()
    assert token.attempts() > tries
    assert token.successes() == 0
    token.call_back("0x" + "00" * 20, b"")


def test_the_escrow_pays_a_session_once(plain):
    session, other = plain.open(amount=COR), plain.open(amount=COR)
    travel_to(plain.payment.withdrawable_at(other))
    held = plain.cor.balanceOf(plain.payment)
    for again in (session, other):
        with boa.env.anchor():
            locked(
                plain.cor,
                plain.payment.address,
                plain.payment.withdraw.prepare_calldata(again),
                lambda: plain.payment.withdraw(session, sender=plain.payer),
            )
            assert plain.cor.balanceOf(plain.payment) == held - COR
            assert plain.payment.session(other).deposit == COR


def test_the_pool_pays_a_position_once(plain):
    pool = plain.pool
    position = pool.open_node(plain.nodes, STAKE, sender=plain.payer)
    pool.request_unstake(position, COR, sender=plain.payer)
    travel(COOLDOWN_SECONDS)
    held = plain.cor.balanceOf(pool)
    locked(
        plain.cor,
        pool.address,
        pool.withdraw.prepare_calldata(position),
        lambda: pool.withdraw(position, sender=plain.payer),
    )
    assert plain.cor.balanceOf(pool) == held - COR


def test_the_quota_gives_stake_back_once():
    case = Quota(token="mocks/MockHostileToken")
    quota, session = case.quota, case.ready(stake=1_000)
    case.unstake(session, 10)
    travel(quota.COOLDOWN_SECONDS())
    held = case.cor.balanceOf(quota)
    locked(
        case.cor,
        quota.address,
        quota.withdraw.prepare_calldata(session),
        lambda: quota.withdraw(session, sender=case.stranger),
    )
    assert case.cor.balanceOf(quota) == held - 10 * MICRO


def test_a_demand_takes_one_deposit_and_gives_it_back_once(disputed):
    own, token = disputed, disputed.cor
    session = own.open()
    leaf = own.worked(session, 1)[0]
    total = own.payment.session(session).settled
    demand = own.dispute.demand.prepare_calldata(session, 1)
    locked(
        token,
        own.dispute.address,
        demand,
        lambda: own.dispute.demand(session, 0, sender=own.challenger),
    )
    assert token.balanceOf(own.dispute) == DEPOSIT
    answer(own, leaf, 0)
    travel(GRACE_SECONDS + 1)
    earned = token.balanceOf(own.settler)
    locked(
        token,
        own.dispute.address,
        own.dispute.close_demand.prepare_calldata(session, 0, total),
        lambda: own.close(session, 0),
    )
    assert token.balanceOf(own.settler) == earned + DEPOSIT
    assert token.balanceOf(own.dispute) == 0


def test_a_demand_nobody_answers_is_paid_for_once(disputed):
    own, token = disputed, disputed.cor
    session = own.open()
    own.worked(session, 1)
    total = own.payment.session(session).settled
    own.dispute.demand(session, 1, sender=own.challenger)
    travel(ANSWER_SECONDS + 1)
    bond = own.bonded()
    with boa.env.anchor():
        own.close(session, 1)
        lost, honest = bond - own.bonded(), token.balanceOf(own.challenger)
    locked(
        token,
        own.dispute.address,
        own.dispute.close_demand.prepare_calldata(session, 1, total),
        lambda: own.close(session, 1),
    )
    assert bond - own.bonded() == lost
    assert token.balanceOf(own.challenger) == honest


def test_a_proof_is_paid_for_once(disputed):
    own, token = disputed, disputed.cor
    session = own.open()
    leaf = own.worked(session, 1, over=COR)[0]
    bond = own.bonded()
    with boa.env.anchor():
        own.dispute.challenge_charge(leaf, sender=own.challenger)
        lost, reward = bond - own.bonded(), token.balanceOf(own.challenger)
    locked(
        token,
        own.dispute.address,
        own.dispute.challenge_charge.prepare_calldata(leaf),
        lambda: own.dispute.challenge_charge(leaf, sender=own.challenger),
    )
    assert bond - own.bonded() == lost
    assert token.balanceOf(own.challenger) == reward
    assert own.dispute.refunded(session) == COR
