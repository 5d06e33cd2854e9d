# SPDX-License-Identifier: Apache-2.0
"""set_rates and set_limits: what stake buys, from when."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.unit.quota.conftest import DAY, RATES, Limits

HALF = tuple(rate // 2 for rate in RATES)
ONES = (1,) * 12


def test_rates_hold_from_the_next_midnight(case, quota):
    session = case.ready()
    assert quota.account(session).left_now == 240_000
    midnight = (boa.env.timestamp // DAY + 1) * DAY
    quota.set_rates(list(HALF), sender=case.owner)
    assert_event(
        quota, "RatesSet", old_rates=list(RATES), new_rates=list(HALF), effective_at=midnight
    )
    assert quota.rates() == (list(RATES), list(HALF), midnight)
    assert quota.account(session).left_now == 240_000
    boa.env.timestamp = midnight - 1
    assert quota.account(session).left_now == 240_000
    boa.env.timestamp = midnight
    assert quota.account(session)[2:4] == (120_000, 240_000)
    boa.env.timestamp += DAY
    assert quota.account(session)[2:4] == (120_000, 120_000)


def test_a_window_that_begins_in_this_block_keeps_its_rates(case, quota):
    session = case.ready()
    boa.env.timestamp = (boa.env.timestamp // DAY + 1) * DAY
    quota.set_rates(list(HALF), sender=case.owner)
    assert quota.rates()[2] == boa.env.timestamp + DAY
    assert quota.account(session).left_now == 240_000


def test_a_week_in_use_keeps_its_rates(case, quota):
    session = case.ready(weekly=True)
    quota.set_rates(list(HALF), sender=case.owner)
    boa.env.time_travel(seconds=2 * DAY)
    assert quota.account(session).left_now == 7 * 240_000
    case.next_window(weekly=True)
    assert quota.account(session)[2:4] == (7 * 120_000, 7 * 240_000)


def test_rates_change_once_in_two_weeks(case, quota):
    quota.set_rates(list(HALF), sender=case.owner)
    effective_at = quota.rates()[2]
    boa.env.timestamp = effective_at + 14 * DAY - 1
    with boa.reverts("rules: rates changed lately"):
        quota.set_rates(list(ONES), sender=case.owner)
    boa.env.timestamp += 1
    quota.set_rates(list(ONES), sender=case.owner)
    assert quota.rates() == (list(HALF), list(ONES), effective_at + 15 * DAY)


def test_no_window_in_use_needs_rates_before_the_last_two(case, quota):
    """The last change but one holds for every window that is current, or the one before."""
    session = case.enrol(stake=10**6, weekly=True)
    case.next_window(weekly=True)
    week = 7 * DAY
    quota.set_rates(list(HALF), sender=case.owner)
    boa.env.timestamp = quota.rates()[2] + 14 * DAY
    quota.set_rates(list(ONES), sender=case.owner)
    last_week = boa.env.timestamp // week * week - week
    assert last_week >= quota.rates()[2] - 15 * DAY
    assert quota.account(session)[2:4] == (7 * 120_000, 7 * 120_000)


def test_each_bucket_has_its_rate(case, quota):
    sessions = [case.enrol(bucket=bucket, stake=10**6) for bucket in range(12)]
    case.next_window()
    assert [quota.account(session).left_now for session in sessions] == list(RATES)


def test_quotas_round_down(case, quota):
    session = case.ready(stake=9)
    assert quota.account(session).left_now == 9 * 240_000 // 10**6 == 2
    weekly = case.ready(stake=9, weekly=True)
    assert quota.account(weekly).left_now == 9 * 7 * 240_000 // 10**6 == 15


def test_the_owner_sets_limits(case, quota):
    quota.set_limits(Limits(5, 6, 7), sender=case.owner)
    assert_event(quota, "LimitsSet", old_limits=(10**9, 0, 0), new_limits=(5, 6, 7))
    assert quota.limits() == (5, 6, 7)
    assert quota.payment() == case.sessions.address


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(2**36, 0, 0), "rules: cap exceeds words"),
        (Limits(1, 1, 0), "rules: rate without burst"),
    ],
)
def test_refuses_limits_without_sense(case, quota, limits, reason):
    with boa.reverts(reason):
        quota.set_limits(limits, sender=case.owner)


def test_refuses_rates_that_do_not_fit(case, quota):
    with boa.reverts("rules: rate exceeds words"):
        quota.set_rates([*RATES[:11], 2**20], sender=case.owner)


def test_refuses_strangers(case, quota):
    for sender in (case.stranger, case.payer):
        with boa.reverts("ownable: caller is not the owner"):
            quota.set_rates(list(HALF), sender=sender)
        with boa.reverts("ownable: caller is not the owner"):
            quota.set_limits(Limits(), sender=sender)


def test_days_of_a_word_end(case, quota):
    with boa.env.anchor():
        boa.env.timestamp = (2**16 - 1) * DAY
        with boa.reverts("rules: days exhausted"):
            quota.set_rates(list(HALF), sender=case.owner)
