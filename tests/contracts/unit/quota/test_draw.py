# SPDX-License-Identifier: Apache-2.0
"""StakeQuota.draw within the quota: what it moves, what it pays, what it refuses."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event, events
from tests.contracts.unit.quota.conftest import DAY, MICRO, WEEK, Limits, Quota

U96 = 2**96 - 1


def test_free_work_is_paid_from_the_pool(case, quota, cor):
    session = case.ready(stake=10**6)
    pool, held = case.pool(), cor.balanceOf(quota)
    assert case.draw((session, 240_000)) == (240_000, 0)
    assert case.deducted() == []
    account = quota.account(session)
    assert (account.stake, account.drawn, account.left_now) == (10**6, 240_000, 0)
    assert case.pool() == pool - 240_000
    assert cor.balanceOf(quota) == held == case.held(session)
    assert quota.drawn(session) == quota.due() == 240_000 * MICRO


def test_inv_q1_anyone_sends_the_escrow_what_is_due(case, quota, cor):
    session = case.enrol(stake=10**6)
    case.allow(session, 1_000)
    case.next_window()
    case.draw((session, 100))
    case.draw((session, 240_050))
    assert quota.due() == 240_050 * MICRO
    assert quota.sweep(sender=case.stranger) == 240_050 * MICRO
    assert_event(quota, "Swept", payment=case.sessions.address, amount=240_050 * MICRO)
    assert cor.balanceOf(case.sessions) == 240_050 * MICRO
    assert cor.balanceOf(quota) == case.held(session)
    assert quota.due() == 0
    assert quota.sweep(sender=case.stranger) == 0
    assert events(quota, "Swept") == []
    # The pool's own facts are untouched by it.
    assert quota.pool()[1] == 240_000 * MICRO


def test_inv_q6_a_total_sent_again_moves_nothing(case, quota):
    session = case.ready()
    assert case.draw((session, 100)) == (100, 0)
    for total in (100, 99, 0):
        assert case.draw((session, total)) == (0, 0)
        assert quota.due() == 100 * MICRO
        assert case.skipped() == []
    assert case.draw((session, 130), (session, 150), (session, 120)) == (50, 0)
    assert quota.drawn(session) == 150 * MICRO


def test_totals_round_up_to_micro_cor_once(case, quota):
    session = case.ready()
    assert case.draw_wei((session, 1)) == (1, 0)
    assert case.draw_wei((session, MICRO)) == (0, 0)
    assert case.draw_wei((session, MICRO + 1)) == (1, 0)
    assert case.draw_wei((session, 3 * MICRO)) == (1, 0)
    assert quota.drawn(session) == 3 * MICRO


@pytest.mark.parametrize("weekly", [False, True])
def test_late_work_uses_what_its_own_window_left(case, quota, weekly):
    session = case.ready(weekly=weekly)
    daily = 240_000 * (7 if weekly else 1)
    case.draw((session, 1_000))
    worked_at = boa.env.timestamp
    case.next_window(weekly)
    assert quota.account(session)[2:4] == (daily, daily - 1_000)
    assert case.draw((session, daily), work_at=worked_at) == (daily - 1_000, 0)
    assert quota.account(session)[2:4] == (daily, 0)
    assert case.draw((session, daily + 5)) == (5, 0)
    assert quota.account(session)[2:4] == (daily - 5, 0)


@pytest.mark.parametrize(("weekly", "cadence"), [(False, DAY), (True, WEEK)])
def test_work_of_older_windows_is_over(case, quota, weekly, cadence):
    session = case.ready(weekly=weekly)
    case.next_window(weekly)
    first_second_of_last = boa.env.timestamp // cadence * cadence - cadence
    assert case.draw((session, 7), work_at=first_second_of_last - 1) == (0, 0)
    assert_event(
        case.sessions,
        "DrawSkipped",
        session=session,
        cumulative=7 * MICRO,
        reason="window is over",
    )
    assert case.draw((session, 7), work_at=first_second_of_last) == (7, 0)


def test_days_and_weeks_share_a_batch(case, quota):
    daily = case.ready(weekly=False)
    weekly = case.ready(weekly=True)
    other = case.enrol(bucket=1, stake=10**6)
    case.next_window(count=5)
    batch = [(daily, 1), (weekly, 20), (other, 300), (weekly, 4_020), (daily, 50_001)]
    assert case.draw(*batch) == (50_001 + 4_020 + 300, 0)
    # Three days late: over for a day, not for a week.
    assert case.draw((daily, 50_002), (weekly, 4_021), work_at=boa.env.timestamp - 3 * DAY) == (
        1,
        0,
    )
    assert case.skipped() == ["window is over"]


def test_an_account_that_never_was_is_skipped(case, quota):
    session = case.ready()
    unknown = case.open(bucket=5)
    assert case.draw((unknown, 9), (session, 3), (unknown, 0)) == (3, 0)
    assert_event(
        case.sessions,
        "DrawSkipped",
        session=unknown,
        cumulative=9 * MICRO,
        reason="unknown account",
    )
    assert quota.account(unknown).window == 0


def test_refuses_the_batch_of_another_router(case, quota):
    session = case.ready()
    foreign = case.enrol(router=2, stake=10**6)
    case.next_window()
    with boa.reverts("quota: other router's account"):
        case.draw((session, 1), (foreign, 1))
    assert case.draw((foreign, 1), router=2) == (1, 0)


def test_refuses_the_future_and_strangers(case, quota):
    session = case.ready()
    with boa.reverts("quota: work in the future"):
        case.draw((session, 1), work_at=boa.env.timestamp + 1)
    for sender in (case.owner, case.payer, case.stranger):
        with boa.reverts("quota: caller is not payment"):
            quota.draw(1, boa.env.timestamp, [session << 96 | MICRO], sender=sender)
        with boa.reverts("quota: caller is not payment"):
            quota.restore(session, MICRO, sender=sender)


def test_an_empty_batch_moves_nothing(case, quota):
    assert case.draw() == (0, 0)
    assert quota.due() == 0


def test_a_full_batch_of_128(case, quota):
    sessions = [case.enrol(router=router, stake=100) for router in range(1, 2)]
    session = sessions[0]
    case.next_window()
    assert case.draw(*[(session, total) for total in range(1, 25)] * 5) == (24, 0)
    assert case.draw(*[(session, 24)] * 128) == (0, 0)


def test_beyond_the_quota_nothing_moves_without_permission(case, quota):
    session = case.ready()
    assert case.draw((session, 240_001)) == (0, 0)
    assert case.skipped() == ["quota exceeded"]
    assert quota.account(session)[1:5] == (0, 240_000, 0, 0)
    assert case.draw((session, 240_000)) == (240_000, 0)


def test_the_largest_total_does_not_spill(case, quota):
    session = case.ready()
    assert case.draw_wei((session, U96)) == (0, 0)
    assert case.skipped() == ["quota exceeded"]
    case.allow(session, 2**32 - 1)
    case.next_window()
    assert case.draw_wei((session, U96)) == (0, 0)
    assert case.skipped() == ["overage limit"]


def test_a_cap_bounds_the_quota(case, quota):
    case.set_limits(cap=1_000, rate=0, burst_ticks=0)
    session = case.ready(stake=10**6)
    assert quota.account(session).left_now == 1_000
    # What a window had when its account began it stays; the next has the new cap.
    case.draw((session, 1))
    case.set_limits(cap=500, rate=0, burst_ticks=0)
    assert quota.account(session).left_now == 999
    case.next_window()
    assert quota.account(session)[2:4] == (500, 999)


def test_inv_q7_an_empty_pool_is_a_refusal():
    case = Quota(pool=100)
    session, other = case.enrol(stake=1_000), case.enrol(bucket=1, stake=1_000)
    case.next_window()
    assert case.draw((session, 60), (other, 41)) == (60, 0)
    assert case.skipped() == ["pool is empty"]
    assert case.draw((other, 40)) == (40, 0)
    case.draw((session, 61))
    assert case.skipped() == ["pool is empty"]
    assert case.quota.drawn(session) == 60 * MICRO
    case.quota.fund_pool(MICRO, sender=case.deployer)
    assert case.draw((session, 61)) == (1, 0)


def test_inv_q7_the_spending_limit_of_a_day():
    case = Quota(spending_limit=100)
    session, other = case.enrol(stake=1_000), case.enrol(bucket=1, stake=1_000)
    case.next_window()
    assert case.draw((session, 60), (other, 41), (session, 99)) == (99, 0)
    assert case.skipped() == ["pool limit reached"]
    assert case.quota.pool()[1:] == (99 * MICRO, 100 * MICRO)
    # Lowered below what was spent, then raised.
    case.quota.set_spending_limit(50 * MICRO, sender=case.owner)
    assert case.draw((session, 100)) == (0, 0)
    assert case.skipped() == ["pool limit reached"]
    case.quota.set_spending_limit(120 * MICRO, sender=case.owner)
    assert case.draw((session, 120)) == (21, 0)
    case.next_window()
    assert case.quota.pool()[1] == 0
    assert case.draw((session, 220), (other, 21)) == (100, 0)
    assert case.skipped() == ["pool limit reached"]
    assert case.draw((other, 20)) == (20, 0)
    assert case.quota.pool()[1] == 120 * MICRO


@pytest.mark.parametrize(("pool", "reason"), [(121, "pool limit reached"), (120, "pool is empty")])
def test_the_reason_is_what_the_pool_has_after_the_items_before(pool, reason):
    case = Quota(spending_limit=100, pool=pool)
    session, other = case.enrol(stake=1_000), case.enrol(bucket=1, stake=1_000)
    case.next_window()
    assert case.draw((session, 60), (other, 61)) == (60, 0)
    assert case.skipped() == [reason]


def test_the_rate_limit_fills_by_the_time_of_the_work():
    case = Quota(limits=Limits(cap=10**9, rate=10, burst_ticks=4))
    quota, session = case.quota, case.ready()
    began = boa.env.timestamp
    assert case.draw((session, 41)) == (0, 0)
    assert case.skipped() == ["rate limit"]
    assert case.draw((session, 40)) == (40, 0)
    assert quota.account(session).rate_limited_until == began // 16 * 16 + 64
    assert case.draw((session, 41)) == (0, 0)
    assert case.skipped() == ["rate limit"]
    boa.env.time_travel(seconds=16)
    # Even one micro-COR takes a tick.
    assert case.draw((session, 41)) == (1, 0)
    assert case.draw((session, 42)) == (0, 0)
    boa.env.time_travel(seconds=16 * 10)
    assert case.draw((session, 81)) == (40, 0)


def test_the_rate_limit_carries_over_the_end_of_a_window():
    case = Quota(limits=Limits(cap=10**9, rate=1, burst_ticks=20))
    quota, session = case.quota, case.ready()
    midnight = (boa.env.timestamp // DAY + 1) * DAY
    boa.env.timestamp = midnight - 80
    assert case.draw((session, 20)) == (20, 0)
    boa.env.timestamp = midnight + 16
    # 6 of 20 ticks have passed.
    assert quota.account(session).rate_limited_until == midnight - 80 + 320
    assert case.draw((session, 27)) == (0, 0)
    assert case.skipped() == ["rate limit"]
    assert case.draw((session, 26)) == (6, 0)
    # Work dated back is measured by its date.
    assert case.draw((session, 27), work_at=midnight - 16) == (0, 0)
    assert case.skipped() == ["rate limit"]
    case.next_window(count=2)
    assert quota.account(session).rate_limited_until == 0


def test_late_work_of_an_account_that_rested_is_not_rate_limited():
    case = Quota(limits=Limits(cap=10**9, rate=1, burst_ticks=5))
    session = case.ready()
    worked_at = boa.env.timestamp
    case.next_window()
    assert case.draw((session, 6), work_at=worked_at) == (0, 0)
    assert case.skipped() == ["rate limit"]
    assert case.draw((session, 5), work_at=worked_at) == (5, 0)
    assert case.draw((session, 10)) == (5, 0)


def test_work_that_is_over_is_not_called_rate_limited():
    case = Quota(limits=Limits(cap=10**9, rate=1, burst_ticks=1))
    session = case.ready()
    worked_at = boa.env.timestamp
    case.next_window(count=2)
    assert case.draw((session, 200), work_at=worked_at) == (0, 0)
    assert case.skipped() == ["window is over"]
