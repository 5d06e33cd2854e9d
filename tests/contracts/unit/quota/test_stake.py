# SPDX-License-Identifier: Apache-2.0
"""StakeQuota.stake, request_unstake and withdraw: stake comes from anyone, goes to the payer."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.protocol import travel, travel_to
from tests.contracts.unit.quota.conftest import COOLDOWN, DAY, MICRO, RATES, set_hot


def test_anyone_adds_stake(case, quota, cor):
    session = case.enrol()
    before = cor.balanceOf(quota)
    quota.stake(session, 5 * MICRO, sender=case.other_payer)
    assert_event(quota, "Staked", session=session, sender=case.other_payer, amount=5 * MICRO)
    assert quota.account(session).stake == 5
    assert cor.balanceOf(quota) == before + 5 * MICRO == case.held(session)


@pytest.mark.parametrize("weekly", [False, True])
def test_inv_q4_new_stake_buys_nothing_in_its_window(case, quota, weekly):
    session = case.enrol(stake=10**6, weekly=weekly)
    assert quota.account(session)[2:4] == (0, 0)
    case.next_window(weekly)
    daily = 10**6 * RATES[0] // 10**6 * (7 if weekly else 1)
    assert quota.account(session)[2:4] == (daily, 0)
    case.stake(session, 10**6)
    assert quota.account(session)[2:4] == (daily, 0)
    case.next_window(weekly)
    assert quota.account(session)[2:4] == (2 * daily, daily)
    case.next_window(weekly, count=2)
    assert quota.account(session)[2:4] == (2 * daily, 2 * daily)


def test_stake_that_leaves_counts_to_the_end_of_the_window(case, quota):
    session = case.ready(stake=10**6)
    case.unstake(session, 10**6)
    assert_event(
        quota,
        "UnstakeRequested",
        session=session,
        amount=10**6 * MICRO,
        withdrawable_at=boa.env.timestamp + COOLDOWN,
    )
    account = quota.account(session)
    assert (account.stake, account.leaving, account.left_now) == (0, 10**6, 240_000)
    case.next_window()
    assert quota.account(session)[2:4] == (0, 240_000)
    case.next_window()
    assert quota.account(session)[2:4] == (0, 0)


def test_inv_q5_withdrawal_after_the_cool_down_goes_to_the_payer(case, quota, cor):
    session = case.enrol(stake=100)
    case.unstake(session, 60)
    travel(DAY)
    case.unstake(session, 15)
    withdrawable_at = boa.env.timestamp + COOLDOWN
    assert quota.account(session)[8:10] == (75, withdrawable_at)
    travel_to(withdrawable_at - 1)
    with boa.reverts("quota: cooling down"):
        quota.withdraw(session, sender=case.payer)
    travel(1)
    before = cor.balanceOf(case.payer)
    assert quota.withdraw(session, sender=case.stranger) == 75 * MICRO
    assert_event(quota, "Unstaked", session=session, payer=case.payer, amount=75 * MICRO)
    assert cor.balanceOf(case.payer) == before + 75 * MICRO
    account = quota.account(session)
    assert (account.stake, account.leaving, account.withdrawable_at) == (25, 0, 0)
    assert cor.balanceOf(quota) == case.held(session)
    with boa.reverts("quota: nothing to withdraw"):
        quota.withdraw(session, sender=case.payer)


def test_inv_q5_with_everybody_else_gone(case, quota, cor):
    """No router, no owner, an empty pool, limits of zero and a permission used up."""
    session = case.enrol(stake=1_000)
    case.allow(session, 100)
    case.next_window()
    assert case.draw((session, 340)) == (240, 100)
    quota.withdraw_pool(case.owner, quota.pool()[0], sender=case.owner)
    quota.set_spending_limit(0, sender=case.owner)
    quota.set_rates([0] * 12, sender=case.owner)
    case.set_limits(cap=0, rate=1, burst_ticks=1)
    case.unstake(session, 900)
    travel(COOLDOWN)
    before = cor.balanceOf(case.payer)
    assert quota.withdraw(session, sender=case.payer) == 900 * MICRO
    assert cor.balanceOf(case.payer) == before + 900 * MICRO
    # What is due to the escrow is there still.
    assert quota.sweep() == 340 * MICRO
    assert cor.balanceOf(quota) == case.held(session) == 0


def test_refuses_amounts_without_sense(case, quota):
    session = case.enrol(stake=10)
    for call in (
        lambda amount: quota.stake(session, amount, sender=case.payer),
        lambda amount: quota.request_unstake(session, amount, sender=case.payer),
    ):
        with boa.reverts("quota: zero amount"):
            call(0)
        with boa.reverts("quota: amount not whole micro"):
            call(MICRO + 1)
        with boa.reverts("quota: amount not whole micro"):
            call(MICRO - 1)
    with boa.reverts("quota: more than is staked"):
        case.unstake(session, 11)


def test_refuses_unknown_accounts_and_strangers(case, quota):
    session = case.open()
    with boa.reverts("quota: not enrolled"):
        quota.stake(session, MICRO, sender=case.payer)
    with boa.reverts("quota: not enrolled"):
        quota.request_unstake(session, MICRO, sender=case.payer)
    with boa.reverts("quota: nothing to withdraw"):
        quota.withdraw(session, sender=case.payer)
    enrolled = case.enrol(bucket=1, stake=10)
    for sender in (case.stranger, case.owner, case.other_payer):
        with boa.reverts("quota: caller is not the payer"):
            quota.request_unstake(enrolled, MICRO, sender=sender)


def test_refuses_more_than_the_words_hold(case, quota):
    session = case.enrol(stake=10)
    case.unstake(session, 4)
    # What only a token that makes more of itself could bring about.
    window = quota.account(session).window
    set_hot(quota, session, 2**56 - 1 - 4 - 5 | window << 216)
    case.stake(session, 5)
    with boa.reverts("quota: stake exceeds words"):
        case.stake(session, 1)
    assert quota.account(session).stake == 2**56 - 1 - 4
