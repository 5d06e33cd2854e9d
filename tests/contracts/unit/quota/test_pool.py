# SPDX-License-Identifier: Apache-2.0
"""The pool: fund_pool, withdraw_pool, set_spending_limit."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.protocol import ZERO_ADDRESS, set_word
from tests.contracts.unit.quota.conftest import MICRO, Quota


def test_anyone_funds_it(case, quota, cor):
    balance, held = quota.pool()[0], cor.balanceOf(quota)
    quota.fund_pool(123 * MICRO, sender=case.payer)
    assert_event(quota, "PoolFunded", sender=case.payer, amount=123 * MICRO)
    assert quota.pool()[0] == balance + 123 * MICRO
    assert cor.balanceOf(quota) == held + 123 * MICRO


def test_inv_q1_the_owner_takes_from_it_but_never_stake(case, quota, cor):
    session = case.enrol(stake=1_000)
    balance = quota.pool()[0]
    with boa.reverts("funds: more than it has"):
        quota.withdraw_pool(case.owner, balance + MICRO, sender=case.owner)
    quota.withdraw_pool(case.stranger, balance, sender=case.owner)
    assert_event(quota, "PoolWithdrawn", to=case.stranger, amount=balance)
    assert cor.balanceOf(case.stranger) == balance
    assert cor.balanceOf(quota) == case.held(session) == 1_000 * MICRO
    with boa.reverts("funds: more than it has"):
        quota.withdraw_pool(case.owner, MICRO, sender=case.owner)


def test_inv_q1_what_is_due_is_out_of_the_owners_reach(case, quota, cor):
    session = case.ready()
    case.draw((session, 100))
    quota.withdraw_pool(case.owner, quota.pool()[0], sender=case.owner)
    assert cor.balanceOf(quota) == (10**6 + 100) * MICRO
    assert quota.sweep() == 100 * MICRO
    assert cor.balanceOf(quota) == case.held(session) == 10**6 * MICRO


def test_tokens_sent_unasked_are_nobodys(case, quota, cor):
    balance = quota.pool()[0]
    cor.transfer(quota, 1_000, sender=case.deployer)
    assert quota.pool()[0] == balance
    with boa.reverts("funds: more than it has"):
        quota.withdraw_pool(case.owner, balance + MICRO, sender=case.owner)


def test_the_owner_sets_the_spending_limit(case, quota):
    old = quota.pool()[2]
    quota.set_spending_limit(5 * MICRO, sender=case.owner)
    assert_event(quota, "SpendingLimitSet", old_limit=old, new_limit=5 * MICRO)
    assert quota.pool()[2] == 5 * MICRO
    with boa.reverts("funds: limit not whole micro"):
        quota.set_spending_limit(5, sender=case.owner)
    with boa.reverts("funds: limit exceeds words"):
        quota.set_spending_limit(2**56 * MICRO, sender=case.owner)


@pytest.mark.parametrize("sender", ["payer", "stranger", "deployer"])
def test_nobody_else_may(case, quota, sender):
    account = getattr(case, sender)
    with boa.reverts("ownable: caller is not the owner"):
        quota.withdraw_pool(account, MICRO, sender=account)
    with boa.reverts("ownable: caller is not the owner"):
        quota.set_spending_limit(0, sender=account)


def test_refuses_amounts_and_recipients_without_sense(case, quota):
    with boa.reverts("quota: zero amount"):
        quota.fund_pool(0, sender=case.payer)
    with boa.reverts("quota: zero amount"):
        quota.withdraw_pool(case.owner, 0, sender=case.owner)
    with boa.reverts("quota: amount not whole micro"):
        quota.fund_pool(MICRO - 1, sender=case.payer)
    with boa.reverts("quota: amount not whole micro"):
        quota.withdraw_pool(case.owner, MICRO + 1, sender=case.owner)
    with boa.reverts("quota: zero recipient"):
        quota.withdraw_pool(ZERO_ADDRESS, MICRO, sender=case.owner)


def test_refuses_more_than_the_word_holds(case, quota):
    set_word(quota, "free_pool._word", 2**56 - 10)
    quota.fund_pool(9 * MICRO, sender=case.payer)
    with boa.reverts("funds: balance exceeds words"):
        quota.fund_pool(MICRO, sender=case.payer)


@pytest.mark.parametrize("call", ["fund_pool", "stake", "withdraw_pool", "sweep"])
def test_a_token_that_refuses_reverts(call):
    case = Quota(token="mocks/MockHostileToken")
    session = case.ready()
    case.draw((session, 1))
    case.cor.refuse(True)
    calls = {
        "fund_pool": lambda: case.quota.fund_pool(MICRO, sender=case.payer),
        "stake": lambda: case.quota.stake(session, MICRO, sender=case.payer),
        "withdraw_pool": lambda: case.quota.withdraw_pool(case.owner, MICRO, sender=case.owner),
        "sweep": case.quota.sweep,
    }
    with boa.reverts("token: refused transfer"):
        calls[call]()
