# SPDX-License-Identifier: Apache-2.0
"""Work of the window that just ended: settled late it is paid, later it is refused, never free."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.unit.quota.conftest import DAY, WEEK, Limits, Quota

CADENCES = pytest.mark.parametrize(("weekly", "cadence"), [(False, DAY), (True, WEEK)])


@pytest.fixture(scope="module")
def case():
    return Quota(limits=Limits(cap=10**9, rate=100, burst_ticks=100))


@CADENCES
def test_work_of_the_last_second_is_settled_in_the_next_window(case, weekly, cadence):
    session = case.ready(weekly=weekly)
    ends_at = (boa.env.timestamp // cadence + 1) * cadence
    for now in (ends_at, ends_at + cadence - 1):
        with boa.env.anchor():
            boa.env.timestamp = now
            assert case.draw((session, 10_000), work_at=ends_at - 1) == (10_000, 0)
    boa.env.timestamp = ends_at + cadence
    assert case.draw((session, 10_000), work_at=ends_at - 1) == (0, 0)
    assert case.skipped() == ["window is over"]


def test_late_work_does_not_take_from_the_new_window(case):
    session = case.ready(stake=40_000)
    worked_at = boa.env.timestamp
    assert case.draw((session, 9_000)) == (9_000, 0)
    case.next_window()
    assert case.draw((session, 9_601), work_at=worked_at + 1_600) == (0, 0)
    assert case.skipped() == ["quota exceeded"]
    assert case.draw((session, 9_600), work_at=worked_at + 1_600) == (600, 0)
    assert case.quota.account(session)[2:4] == (9_600, 0)


def test_late_overage_counts_in_the_window_it_is_settled_in(case):
    session = case.enrol(stake=1_000)
    case.allow(session, 100)
    case.next_window()
    worked_at = boa.env.timestamp
    assert case.draw((session, 340)) == (240, 100)
    case.next_window()
    assert case.draw((session, 440), work_at=worked_at + 16) == (0, 100)
    assert case.draw((session, 441), work_at=worked_at + 16) == (0, 0)
    assert case.skipped() == ["overage limit"]


def test_rates_that_change_over_midnight_leave_late_work_its_own(case):
    session = case.ready(stake=1_000)
    worked_at = boa.env.timestamp
    case.quota.set_rates([0] * 12, sender=case.owner)
    case.next_window()
    assert case.draw((session, 240), work_at=worked_at) == (240, 0)
    assert case.draw((session, 241)) == (0, 0)
