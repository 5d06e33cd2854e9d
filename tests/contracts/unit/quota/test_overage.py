# SPDX-License-Identifier: Apache-2.0
"""Overage: the standing permission, what it lets a draw deduct, and from where."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.protocol import travel_to
from tests.contracts.unit.quota.conftest import DAY, MICRO, WEEK

FREE = 240_000


@pytest.fixture
def session(case):
    """Return an account with 240,000 free and permission for 1,000 above a floor of 999,000."""
    session = case.enrol(stake=10**6)
    case.allow(session, 1_000, 999_000)
    case.next_window()
    return session


def test_overage_is_deducted_from_stake(case, quota, cor, session):
    pool = case.pool()
    assert case.draw((session, FREE + 300)) == (FREE, 300)
    assert_event(
        case.sessions,
        "OverageDeducted",
        router_id=1,
        work_at=boa.env.timestamp,
        total=300 * MICRO,
        parts=[session & 0xFFFF | 300 << 16],
    )
    account = quota.account(session)
    assert account[:5] == (10**6 - 300, FREE + 300, 0, 0, 300)
    assert case.pool() == pool - FREE
    assert quota.due() == (FREE + 300) * MICRO
    assert cor.balanceOf(quota) == case.held(session)
    # Next window's quota is of the stake that is left.
    case.next_window()
    assert quota.account(session)[2:5] == ((10**6 - 300) * 24 // 100, 0, 0)


@pytest.mark.parametrize("count", [1, 4, 5, 6, 11])
def test_an_event_names_every_overage_in_its_order(case, count):
    sessions = [case.enrol(router=1, bucket=n, weekly=False, stake=1_000) for n in range(count)]
    for session in sessions:
        case.allow(session, 1_000)
    case.next_window()
    free = [case.quota.account(session).left_now for session in sessions]
    totals = [left + 7 + n for n, left in enumerate(free)]
    case.draw(*zip(sessions, totals, strict=True))
    assert case.deducted() == [(session & 0xFFFF, 7 + n) for n, session in enumerate(sessions)]


def test_inv_q3_the_limit_of_a_window(case, quota, session):
    assert case.draw((session, FREE + 1_001)) == (0, 0)
    assert case.skipped() == ["overage limit"]
    assert case.draw((session, FREE + 600)) == (FREE, 600)
    assert case.draw((session, FREE + 1_001)) == (0, 0)
    assert case.skipped() == ["overage limit"]
    assert case.draw((session, FREE + 1_000)) == (0, 400)
    assert quota.account(session).overage_now == 1_000


def test_inv_q3_the_floor(case, quota):
    session = case.enrol(stake=10**6)
    case.allow(session, 2**32 - 1, 999_500)
    case.next_window()
    assert case.draw((session, FREE + 501)) == (0, 0)
    assert case.skipped() == ["stake floor"]
    assert case.draw((session, FREE + 500)) == (FREE, 500)
    assert quota.account(session).stake == 999_500
    assert case.draw((session, FREE + 501)) == (0, 0)
    assert case.skipped() == ["stake floor"]


def test_more_than_all_stake_is_refused(case, quota):
    session = case.enrol(stake=100)
    case.allow(session, 10_000)
    case.next_window()
    assert case.draw((session, 24 + 101)) == (0, 0)
    assert case.skipped() == ["stake is spent"]
    assert case.draw((session, 24 + 100)) == (24, 100)
    assert quota.account(session).stake == 0


def test_leaving_stake_pays_after_what_stays(case, quota, cor):
    session = case.enrol(stake=1_000)
    case.allow(session, 10_000, 100)
    case.next_window()
    case.unstake(session, 700)
    withdrawable_at = quota.account(session).withdrawable_at
    assert case.draw((session, 240 + 901)) == (0, 0)
    assert case.skipped() == ["stake floor"]
    # 300 stay, and pay first; the floor counts both.
    assert case.draw((session, 240 + 250)) == (240, 250)
    assert quota.account(session)[0] == 50
    assert quota.account(session)[8:10] == (700, withdrawable_at)
    assert case.draw((session, 240 + 330)) == (0, 80)
    assert quota.account(session)[0] == 0
    assert quota.account(session)[8:10] == (670, withdrawable_at)
    assert case.draw((session, 240 + 900)) == (0, 570)
    assert quota.account(session)[8:10] == (100, withdrawable_at)
    travel_to(withdrawable_at)
    assert quota.withdraw(session, sender=case.stranger) == 100 * MICRO
    assert cor.balanceOf(quota) == case.held(session)


def test_when_overage_takes_all_that_leaves_nothing_is_to_withdraw(case, quota):
    session = case.enrol(stake=1_000)
    case.allow(session, 10_000)
    case.next_window()
    case.unstake(session, 1_000)
    assert case.draw((session, 240 + 1_000)) == (240, 1_000)
    assert quota.account(session)[8:10] == (0, 0)
    with boa.reverts("quota: nothing to withdraw"):
        quota.withdraw(session, sender=case.payer)


def test_all_or_nothing_an_item(case, quota):
    session = case.enrol(stake=1_000)
    other = case.enrol(bucket=1, stake=1_000)
    case.allow(other, 50)
    case.next_window()
    assert case.draw((session, 241), (other, 270), (session, 240)) == (240 + 220, 50)
    assert case.skipped() == ["quota exceeded"]


@pytest.mark.parametrize(("weekly", "cadence"), [(False, DAY), (True, WEEK)])
def test_more_permission_holds_from_the_next_window(case, quota, weekly, cadence):
    session = case.enrol(stake=10**6, weekly=weekly)
    window = boa.env.timestamp // cadence
    case.allow(session, 50, 7)
    assert_event(
        quota,
        "PermissionSet",
        session=session,
        limit=50 * MICRO,
        floor=7 * MICRO,
        from_window=window + 1,
    )
    assert quota.permission(session) == (0, 0, 50, 7, window + 1)
    assert case.draw((session, 1)) == (0, 0)
    assert case.skipped() == ["quota exceeded"]
    case.next_window(weekly)
    assert quota.permission(session) == (50, 7, 0, 0, 0)
    case.allow(session, 50, 7)
    case.allow(session, 60, 6)
    assert quota.permission(session) == (50, 7, 60, 6, window + 2)
    case.next_window(weekly)
    assert quota.permission(session) == (60, 6, 0, 0, 0)


@pytest.mark.parametrize(("limit", "floor"), [(0, 0), (49, 7), (50, 8), (100, 8)])
def test_less_permission_holds_from_the_window_after_the_next(case, quota, limit, floor):
    session = case.enrol(stake=10**6)
    case.allow(session, 50, 7)
    case.next_window()
    window = boa.env.timestamp // DAY
    case.allow(session, limit, floor)
    assert quota.permission(session) == (50, 7, limit, floor, window + 2)
    case.next_window()
    assert quota.permission(session) == (50, 7, limit, floor, window + 2)
    # The work of the last window is settled under the old permission.
    assert case.draw((session, FREE + 50), work_at=boa.env.timestamp - DAY) == (FREE, 50)
    case.next_window()
    assert quota.permission(session) == (limit, floor, 0, 0, 0)


def test_a_permission_replaced_before_it_held_never_does(case, quota):
    session = case.enrol(stake=10**6)
    case.allow(session, 50)
    case.allow(session, 0)
    case.next_window(count=3)
    assert quota.permission(session) == (0, 0, 0, 0, 0)
    assert case.draw((session, FREE + 1)) == (0, 0)
    assert case.skipped() == ["quota exceeded"]


def test_only_the_payer_permits(case, quota):
    session = case.enrol(stake=10)
    for sender in (case.stranger, case.owner, case.other_payer):
        with boa.reverts("quota: caller is not the payer"):
            quota.set_permission(session, MICRO, 0, sender=sender)
    with boa.reverts("quota: not enrolled"):
        quota.set_permission(1, MICRO, 0, sender=case.payer)


@pytest.mark.parametrize(
    ("limit", "floor", "reason"),
    [
        (MICRO + 1, 0, "permission: not whole micro"),
        (MICRO, 1, "permission: not whole micro"),
        (2**32 * MICRO, 0, "permission: limit exceeds words"),
        (0, 2**56 * MICRO, "permission: floor exceeds words"),
    ],
)
def test_refuses_what_the_word_cannot_hold(case, quota, limit, floor, reason):
    session = case.enrol()
    with boa.reverts(reason):
        quota.set_permission(session, limit, floor, sender=case.payer)


def test_the_edges_of_a_permission(case, quota):
    session = case.enrol()
    case.allow(session, 2**32 - 1, 2**56 - 1)
    case.next_window()
    window = boa.env.timestamp // DAY
    case.allow(session, 2**32 - 1, 2**56 - 1)
    edge = (2**32 - 1, 2**56 - 1)
    assert quota.permission(session) == (*edge, *edge, window + 1)


def test_permission_ends_with_the_days_of_a_word(case, quota):
    session = case.enrol(stake=10)
    with boa.env.anchor():
        boa.env.timestamp = (2**16 - 2) * DAY
        case.allow(session, 1)
        boa.env.timestamp = (2**16 - 1) * DAY
        with boa.reverts("permission: windows exhausted"):
            case.allow(session, 2)
        # Windows come round; stake still leaves.
        boa.env.timestamp = (2**16 + 3) * DAY
        assert quota.account(session).window == 2**16 + 3
        case.unstake(session, 10)
        boa.env.timestamp += 15 * DAY
        assert quota.withdraw(session, sender=case.payer) == 10 * MICRO
