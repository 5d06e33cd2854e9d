# SPDX-License-Identifier: Apache-2.0
"""Attack: split one stake over many accounts to get more free work from it."""

from __future__ import annotations

import boa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortensor.pricing.quota import Account, Rules
from tests.contracts.profile import examples
from tests.contracts.unit.quota.conftest import RATES, Limits, Quota


@pytest.fixture(scope="module")
def case():
    return Quota()


def test_inv_q8_many_accounts_get_what_one_would(case):
    parts = (1, 9, 90, 400, 500)
    whole = case.enrol(stake=sum(parts))
    sessions = [case.enrol(case.other_payer, router=1 + n) for n in range(len(parts))]
    for session, part in zip(sessions, parts, strict=True):
        case.stake(session, part)
    case.next_window()
    split = sum(case.quota.account(session).left_now for session in sessions)
    assert split <= case.quota.account(whole).left_now == 240


@pytest.mark.fuzz
@given(
    parts=st.lists(st.integers(0, 2**40), min_size=1, max_size=8),
    bucket=st.integers(0, 11),
    weekly=st.booleans(),
)
@settings(max_examples=examples(200))
def test_inv_q8_no_split_buys_more(parts, bucket, weekly):
    rules = Rules(older_rates=RATES, newest_rates=RATES, effective_at=0, cap=2**60)

    def quota(stake: int) -> int:
        account = Account(window=5, bucket=bucket, is_weekly=weekly, stake=stake)
        return rules.allowance(account, 5)

    assert sum(map(quota, parts)) <= quota(sum(parts))


def test_a_cap_is_by_account_and_so_can_be_split_around():
    """Said in the page: the cap bounds an account, not a person; what bounds all is the pool."""
    case = Quota(limits=Limits(cap=100), spending_limit=150)
    whole, half = case.enrol(stake=2_000), case.enrol(case.other_payer, stake=1_000)
    case.next_window()
    assert case.quota.account(whole).left_now == case.quota.account(half).left_now == 100
    assert case.draw((whole, 100), (half, 100)) == (100, 0)
    assert case.skipped() == ["pool limit reached"]


def test_one_stake_does_not_count_in_two_accounts_by_turns(case):
    """Moving it takes the cool-down, in which it counts for neither."""
    first = case.ready(stake=1_000)
    second = case.enrol(case.other_payer, router=9)
    got = case.draw((first, 240))[0]
    case.unstake(first, 1_000)
    windows = 0
    while boa.env.timestamp < case.quota.account(first).withdrawable_at:
        case.next_window()
        windows += 1
        assert case.quota.account(first).left_now == 0
    amount = case.quota.withdraw(first, sender=case.payer)
    case.quota.stake(second, amount, sender=case.payer)
    case.next_window()
    got += case.draw((second, 240), router=9)[0]
    assert windows >= 14
    assert got == 2 * 240 < windows * 240
