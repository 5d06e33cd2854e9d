# SPDX-License-Identifier: Apache-2.0
"""Gini, HHI, Lorenz and top share, against what they are by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.rewards.concentration import gini_bps, hhi_bps, lorenz_bps, top_share_bps

AMOUNTS = st.lists(st.integers(0, 10**24), max_size=12)


@pytest.mark.fuzz
@given(AMOUNTS)
def test_gini_is_the_mean_difference_over_twice_the_mean(amounts: list[int]) -> None:
    total, count = sum(amounts), len(amounts)
    apart = sum(abs(a - b) for a in amounts for b in amounts)
    assert gini_bps(amounts) == (10_000 * apart // (2 * count * total) if total else 0)


@pytest.mark.fuzz
@given(AMOUNTS)
def test_lorenz_rises_to_all_and_stays_under_the_diagonal(amounts: list[int]) -> None:
    curve = lorenz_bps(amounts, 10)
    assert curve == sorted(curve)
    assert curve[-1] == (10_000 if sum(amounts) else 0)
    assert all(value <= 1_000 * step for step, value in enumerate(curve))


def test_known_spreads() -> None:
    assert gini_bps([5, 5, 5]) == 0
    assert gini_bps([0, 0, 0, 8]) == 7_500
    assert hhi_bps([1, 1, 1, 1]) == 2_500
    assert hhi_bps([9, 0]) == 10_000
    assert hhi_bps([]) == 0
    assert top_share_bps(range(1, 11), 5) == 7_272
    assert top_share_bps([0]) == 0
    assert lorenz_bps([3, 1], 4) == [0, 0, 2_500, 2_500, 10_000]
