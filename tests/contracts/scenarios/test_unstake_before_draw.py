# SPDX-License-Identifier: Apache-2.0
"""Attack: have work done, then take the stake or the permission away before it is settled."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.unit.quota.conftest import DAY, MICRO, Quota


@pytest.fixture(scope="module")
def case():
    return Quota()


@pytest.fixture
def session(case):
    """Return an account with 240 free, 1,000 staked and all of it permitted."""
    session = case.enrol(stake=1_000)
    case.allow(session, 1_000)
    case.next_window()
    return session


def test_stake_that_leaves_still_gives_its_quota_and_pays_overage(case, session):
    worked_at = boa.env.timestamp
    case.unstake(session, 1_000)
    case.next_window()
    assert case.draw((session, 240 + 600), work_at=worked_at) == (240, 600)
    assert case.quota.account(session).leaving == 400


def test_permission_taken_back_still_holds_for_work_done_under_it(case, session):
    worked_at = boa.env.timestamp
    case.allow(session, 0)
    case.unstake(session, 1_000)
    case.next_window()
    assert case.draw((session, 240 + 600), work_at=worked_at) == (240, 600)
    case.next_window()
    assert case.draw((session, 240 + 601)) == (0, 0)
    assert case.skipped() == ["quota exceeded"]


def test_a_floor_raised_after_the_work_comes_too_late(case, session):
    worked_at = boa.env.timestamp
    case.allow(session, 1_000, 1_000)
    case.next_window()
    assert case.draw((session, 240 + 600), work_at=worked_at) == (240, 600)


@pytest.mark.parametrize("weekly", [False, True])
def test_the_cool_down_is_longer_than_any_lag_of_settlement(case, weekly):
    session = case.enrol(stake=1_000, weekly=weekly)
    case.allow(session, 1_000)
    case.next_window(weekly)
    free = case.quota.account(session).left_now
    cadence = 7 * DAY if weekly else DAY
    worked_at = boa.env.timestamp = boa.env.timestamp // cadence * cadence
    case.unstake(session, 1_000)
    # The last second in which work of this window can be settled.
    boa.env.timestamp = worked_at + 2 * cadence - 1
    with boa.reverts("quota: cooling down"):
        case.quota.withdraw(session, sender=case.payer)
    assert case.draw((session, free + 1_000), work_at=worked_at) == (free, 1_000)


def test_who_withdrew_first_pays_nothing_more(case, session):
    case.unstake(session, 1_000)
    boa.env.timestamp = case.quota.account(session).withdrawable_at
    assert case.quota.withdraw(session, sender=case.payer) == 1_000 * MICRO
    assert case.draw((session, 1)) == (0, 0)
    assert case.skipped() == ["stake is spent"]
