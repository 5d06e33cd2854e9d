# SPDX-License-Identifier: Apache-2.0
"""The worked example of docs/spec/stake-quota.md happens on chain as the page says."""

from __future__ import annotations

import boa

from tests.contracts.test_spec_examples import rows
from tests.contracts.unit.quota.conftest import DAY, RATES, Quota


def test_the_days_of_the_page():
    case = Quota()
    assert RATES[0] == 240_000
    session = case.enrol(stake=10_000)
    case.allow(session, 500, 9_700)
    first = boa.env.timestamp // DAY + 1
    steps = [list(map(int, row)) for row in rows("stake-quota", "Worked example")]
    assert len(steps) == 8
    for day, work, cumulative, free, overage, left_now, left_before, stake in steps:
        boa.env.timestamp = max(boa.env.timestamp, (first + day - 1) * DAY + 3_600)
        work_at = boa.env.timestamp - (day - work) * DAY
        assert case.draw((session, cumulative), work_at=work_at) == (free, overage)
        account = case.quota.account(session)
        assert (account.left_now, account.left_before, account.stake) == (
            left_now,
            left_before,
            stake,
        )


def test_every_reason_to_skip_is_in_the_page():
    listed = {row[0] for row in rows("stake-quota", "Drawing")}
    assert listed == {
        "unknown account",
        "window is over",
        "rate limit",
        "pool is empty",
        "pool limit reached",
        "quota exceeded",
        "overage limit",
        "stake is spent",
        "stake floor",
    }
