# SPDX-License-Identifier: Apache-2.0
"""Attack: use one window's quota twice around its end, or count one stake for a window twice."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.unit.quota.conftest import DAY, WEEK, Quota

CADENCES = pytest.mark.parametrize(("weekly", "cadence"), [(False, DAY), (True, WEEK)])


@pytest.fixture(scope="module")
def case():
    return Quota()


@CADENCES
def test_inv_q2_two_windows_give_two_quotas_and_no_more(case, weekly, cadence):
    session = case.ready(weekly=weekly)
    quota = case.quota.account(session).left_now
    ends_at = (boa.env.timestamp // cadence + 1) * cadence
    boa.env.timestamp = ends_at - 1
    assert case.draw((session, quota)) == (quota, 0)
    boa.env.timestamp = ends_at
    # The old window again, by its date; then the new one; then both again.
    assert case.draw((session, quota + 1), work_at=ends_at - 1) == (0, 0)
    assert case.skipped() == ["quota exceeded"]
    assert case.draw((session, 2 * quota)) == (quota, 0)
    for work_at in (ends_at - 1, ends_at):
        assert case.draw((session, 2 * quota + 1), work_at=work_at) == (0, 0)
        assert case.skipped() == ["quota exceeded"]


@CADENCES
def test_inv_q2_a_window_that_slept_is_given_once(case, weekly, cadence):
    session = case.ready(weekly=weekly)
    quota = case.quota.account(session).left_now
    # Two windows pass unseen: the one before now is given when the account wakes, and once.
    case.next_window(weekly, count=3)
    before = boa.env.timestamp - cadence
    assert case.draw((session, quota), work_at=before) == (quota, 0)
    assert case.draw((session, quota + 1), work_at=before) == (0, 0)
    # What nobody drew in time is lost.
    assert case.draw((session, quota + 1), work_at=before - cadence) == (0, 0)
    assert case.skipped() == ["window is over"]
    assert case.draw((session, 2 * quota)) == (quota, 0)
    assert case.draw((session, 2 * quota + 1)) == (0, 0)


def test_stake_moved_between_accounts_counts_for_one_window_once(case):
    """What leaves one account is locked until long after the window in which it counted."""
    session = case.ready(stake=1_000)
    other = case.enrol(case.other_payer)
    case.unstake(session, 1_000)
    with boa.reverts("quota: cooling down"):
        case.quota.withdraw(session, sender=case.payer)
    case.next_window(count=2)
    assert case.quota.account(session)[2:4] == (0, 0)
    assert case.quota.account(other)[2:4] == (0, 0)


@CADENCES
def test_stake_asked_back_and_put_in_again_gives_no_second_quota(case, weekly, cadence):
    session = case.ready(weekly=weekly)
    quota = case.quota.account(session).left_now
    assert case.draw((session, quota)) == (quota, 0)
    case.unstake(session, 10**6)
    case.stake(session, 10**6)
    assert case.quota.account(session).left_now == 0
    case.next_window(weekly)
    assert case.quota.account(session)[2:4] == (quota, 0)
