# SPDX-License-Identifier: Apache-2.0
"""From counts to shares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.rewards.shares import (
    AVERAGE_BPS,
    EVIDENCE_BPS,
    MAX_STREAK,
    agreement_bps,
    consistency_bps,
    share_bps,
    smoothed_rate_bps,
    streak_after,
)

PART = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(sorted)


@pytest.mark.fuzz
@given(st.lists(PART, min_size=1, max_size=5))
def test_agreement_weighed_by_contest_is_the_same_however_nodes_are_cut(
    parts: list[list[int]],
) -> None:
    won, contest = (sum(part[i] for part in parts) for i in (0, 1))
    whole = agreement_bps(won, contest, won, contest)
    by_node = [(part[1], agreement_bps(*part, won, contest)) for part in parts]
    if contest:
        mean = sum(weight * share for weight, share in by_node) // contest
        assert 0 <= whole - mean <= 1 or mean == whole
    assert all(0 <= share <= 10_000 for _, share in by_node)


def test_agreeing_on_the_obvious_shows_nothing() -> None:
    assert agreement_bps(0, 0, 0, 0) == AVERAGE_BPS
    one = agreement_bps(3_333, 3_333, 3_333, 3_333)
    many = agreement_bps(3_333 * 100, 3_333 * 100, 3_333 * 100, 3_333 * 100)
    assert AVERAGE_BPS < one < many < 10_000
    assert agreement_bps(0, 3_333, 0, 3_333) < AVERAGE_BPS
    half = agreement_bps(EVIDENCE_BPS, EVIDENCE_BPS, EVIDENCE_BPS, EVIDENCE_BPS)
    assert half == (10_000 + AVERAGE_BPS) // 2


def test_a_node_without_contested_tasks_is_taken_for_its_operators_others() -> None:
    assert agreement_bps(0, 0, 50_000, 60_000) == agreement_bps(50_000, 60_000, 50_000, 60_000)


def test_an_even_operator_is_consistent_and_a_flapping_one_is_not() -> None:
    assert consistency_bps([]) == consistency_bps([(0, 0)] * 8) == 10_000
    assert consistency_bps([(90, 100)] * 8) == 10_000
    assert consistency_bps([(93, 100), (87, 100)] * 4) == 10_000, "as much as luck does"
    flapping = consistency_bps([(950, 1_000), (0, 1_000)] * 4)
    assert flapping < 3_000
    assert consistency_bps([(950, 1_000), (700, 1_000)] * 4) > flapping


@pytest.mark.fuzz
@given(st.lists(PART, max_size=8))
def test_consistency_is_a_share(slices: list[list[int]]) -> None:
    assert 0 <= consistency_bps([(won, count) for won, count in slices]) <= 10_000


def test_rates_remember_by_tasks() -> None:
    assert smoothed_rate_bps(None, 0, 0) == 0
    assert smoothed_rate_bps(None, 9, 10) == 9_000
    assert smoothed_rate_bps(9_000, 0, 0) == 9_000
    assert smoothed_rate_bps(9_000, 0, 300) == 4_500
    assert smoothed_rate_bps(10_000, 10, 10) == 10_000


def test_streaks_run_over_epochs_until_a_failure() -> None:
    assert streak_after(5, 7, has_failed=False) == 12
    assert streak_after(5, 7, has_failed=True) == 7
    assert streak_after(MAX_STREAK, 1, has_failed=False) == MAX_STREAK


def test_a_share_of_nothing_is_what_is_said() -> None:
    assert share_bps(2, 3) == 6_666
    assert share_bps(0, 0) == 0
    assert share_bps(0, 0, otherwise=7) == 7
