# SPDX-License-Identifier: Apache-2.0
"""Attack: borrow stake, draw on its quota, give it back, all at once or within one window."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.unit.quota.conftest import COOLDOWN, DAY, MICRO, WEEK, Quota

LOAN = 10**9


@pytest.fixture(scope="module")
def case():
    return Quota()


@pytest.mark.parametrize("weekly", [False, True])
def test_inv_q4_a_flash_stake_draws_nothing(case, weekly):
    session = case.enrol(weekly=weekly)
    case.stake(session, LOAN)
    assert case.draw((session, 1)) == (0, 0)
    assert case.skipped() == ["quota exceeded"]
    case.unstake(session, LOAN)
    with boa.reverts("quota: cooling down"):
        case.quota.withdraw(session, sender=case.payer)
    # Gone before the window began: it counts for none.
    case.next_window(weekly)
    assert case.quota.account(session)[2:4] == (0, 0)
    assert case.draw((session, 1)) == (0, 0)


@pytest.mark.parametrize(("weekly", "cadence"), [(False, DAY), (True, WEEK)])
def test_stake_over_one_midnight_buys_one_window_and_is_locked_for_the_cool_down(
    case, weekly, cadence
):
    session = case.enrol(weekly=weekly)
    boa.env.timestamp = (boa.env.timestamp // cadence + 1) * cadence - 1
    case.stake(session, LOAN)
    boa.env.timestamp += 1
    case.unstake(session, LOAN)
    quota = case.quota.account(session).left_now
    assert case.draw((session, quota)) == (quota, 0)
    for _ in range(3):
        case.next_window(weekly)
        assert case.quota.account(session).left_now == 0
    boa.env.timestamp = case.quota.account(session).withdrawable_at
    assert case.quota.withdraw(session, sender=case.payer) == LOAN * MICRO


def test_a_flash_top_up_on_an_old_account_adds_nothing(case):
    session = case.ready(stake=1_000)
    # The account slept for days: the stake that comes is not counted for the days it slept.
    case.next_window(count=5)
    case.stake(session, LOAN)
    assert case.quota.account(session)[2:4] == (240, 240)
    assert case.draw((session, 241)) == (0, 0)
    assert COOLDOWN > 2 * WEEK
