# SPDX-License-Identifier: Apache-2.0
"""StakeQuota.restore: a proven overcharge goes back to the stake, and all of it can leave."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.protocol import travel
from tests.contracts.unit.quota.conftest import COOLDOWN, MICRO

FREE = 240_000


@pytest.fixture
def session(case):
    """Return an account that was charged 240,000 free and 700 of its stake."""
    session = case.enrol(stake=10**6)
    case.allow(session, 1_000)
    case.next_window()
    assert case.draw((session, FREE + 700)) == (FREE, 700)
    return session


def test_inv_q9_overage_goes_back_and_the_rest_to_the_pool(case, quota, cor, session):
    pool = case.pool()
    case.restore(session, 701)
    assert_event(case.sessions, "Restored", session=session, to_stake=700 * MICRO, to_pool=MICRO)
    assert case.pool() == pool + 1
    account = quota.account(session)
    assert (account.stake, account.leaving, account.drawn) == (0, 10**6, FREE + 700)
    assert cor.balanceOf(quota) == case.held(session)
    case.restore(session, 2)
    assert quota.account(session).leaving == 10**6
    assert case.pool() == pool + 3


def test_inv_q10_the_account_is_empty_and_its_stake_free(case, quota, cor, session):
    case.stake(session, 50)
    case.unstake(session, 30)
    case.restore(session, 300)
    account = quota.account(session)
    assert account[:4] == (0, FREE + 700, 0, 0)
    assert quota.permission(session) == (0, 0, 0, 0, 0)
    assert account.leaving == 10**6 + 50 - 400
    assert account.withdrawable_at == boa.env.timestamp
    assert case.draw((session, FREE + 701)) == (0, 0)
    assert case.skipped() == ["quota exceeded"]
    before = cor.balanceOf(case.payer)
    assert quota.withdraw(session, sender=case.stranger) == (10**6 - 350) * MICRO
    assert cor.balanceOf(case.payer) == before + (10**6 - 350) * MICRO
    assert cor.balanceOf(quota) == case.held(session)
    case.next_window(count=2)
    assert quota.account(session)[2:4] == (0, 0)
    assert case.draw((session, FREE + 701)) == (0, 0)


def test_inv_q10_a_permission_that_waited_is_gone_too(case, quota, session):
    case.allow(session, 2_000)
    case.restore(session, 1)
    case.next_window()
    assert quota.permission(session) == (0, 0, 0, 0, 0)


def test_inv_q10_the_account_is_closed_for_good(case, quota, session):
    case.restore(session, 700)
    for call in (
        lambda: case.stake(session, 1_000),
        lambda: case.allow(session, 10),
        lambda: case.allow(session, 0),
    ):
        with boa.reverts("quota: account is closed"):
            call()
    with boa.reverts("quota: already enrolled"):
        quota.enrol(case.payer, 1, 0, False, sender=case.payer)
    # What it had goes out as always.
    assert quota.withdraw(session, sender=case.stranger) == 10**6 * MICRO
    with boa.reverts("quota: account is closed"):
        case.stake(session, 1_000)


def test_overage_of_earlier_windows_goes_back_too(case, quota, session):
    case.next_window(count=3)
    case.restore(session, 500)
    assert_event(case.sessions, "Restored", session=session, to_stake=500 * MICRO, to_pool=0)
    assert quota.account(session).leaving == 10**6 - 200


def test_overage_that_leaving_stake_paid_goes_back(case, quota, cor):
    session = case.enrol(stake=1_000)
    case.allow(session, 10_000)
    case.next_window()
    case.unstake(session, 900)
    assert case.draw((session, 240 + 400)) == (240, 400)
    travel(COOLDOWN)
    assert quota.withdraw(session, sender=case.payer) == 600 * MICRO
    case.restore(session, 450)
    assert quota.account(session).leaving == 400
    assert cor.balanceOf(quota) == case.held(session)
    assert quota.withdraw(session, sender=case.payer) == 400 * MICRO


def test_what_was_free_goes_to_the_pool(case, quota):
    session = case.ready()
    case.draw((session, 100))
    pool = case.pool()
    case.restore(session, 60)
    assert_event(case.sessions, "Restored", session=session, to_stake=0, to_pool=60 * MICRO)
    assert case.pool() == pool + 60
    assert quota.account(session).leaving == 10**6


def test_nothing_to_give_back_leaves_no_date(case, quota):
    session = case.enrol()
    case.restore(session, 60)
    assert quota.account(session)[8:10] == (0, 0)
    with boa.reverts("quota: nothing to withdraw"):
        quota.withdraw(session, sender=case.payer)


def test_for_an_unknown_account_all_goes_to_the_pool(case, quota):
    unknown = case.open()
    pool = case.pool()
    case.restore(unknown, 5)
    assert case.pool() == pool + 5
    assert quota.account(unknown) == (0, 0, 0, 0, 0, 0, 0, False, 0, 0, 0)
    with boa.reverts("quota: account is closed"):
        quota.enrol(case.payer, 1, 0, False, sender=case.payer)
    for call in (quota.stake, quota.request_unstake):
        with boa.reverts(
            "quota: account is closed" if call is quota.stake else "quota: not enrolled"
        ):
            call(unknown, MICRO, sender=case.payer)


def test_refuses_what_is_no_whole_micro_cor(case, quota, session):
    case.cor.transfer(case.sessions, 1, sender=case.deployer)
    with boa.reverts("quota: amount not whole micro"):
        case.sessions.restore(session, 1)


def test_restoring_nothing_empties_the_account_all_the_same(case, quota, session):
    staked = quota.account(session).stake
    assert staked != 0
    case.sessions.restore(session, 0)
    facts = quota.account(session)
    assert (facts.stake, facts.left_now, facts.leaving) == (0, 0, staked)
