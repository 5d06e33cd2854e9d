# SPDX-License-Identifier: Apache-2.0
"""Logarithm and logistic function against 60 digits of decimal arithmetic."""

from __future__ import annotations

from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.consensus.fixed_point import ln_micro, log_odds_micro, logistic
from cortensor.errors import InvalidInput

DIGITS = 60
naturals = st.one_of(st.integers(1, 200), st.integers(1, 10**12), st.integers(1, 10**40))
margins = st.one_of(st.integers(-50, 50), st.integers(-12_000_000, 12_000_000))
temperatures = st.integers(6_667, 100_000)


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [(3, 1, 1_098_612), (1, 3, -1_098_612), (9, 1, 2_197_225), (7, 7, 0), (2, 1, 693_147)],
)
def test_logarithms_have_known_values(numerator: int, denominator: int, expected: int) -> None:
    assert ln_micro(numerator, denominator) == expected


@given(naturals, naturals)
def test_a_logarithm_is_the_nearest_millionth(numerator: int, denominator: int) -> None:
    with localcontext() as context:
        context.prec = DIGITS
        exact = (Decimal(numerator) / Decimal(denominator)).ln() * 10**6
        assert ln_micro(numerator, denominator) == exact.to_integral_value(ROUND_HALF_EVEN)


@given(margins, temperatures, st.sampled_from([10_000, 1_000_000]))
def test_a_probability_is_rounded_down(margin: int, temperature: int, unit: int) -> None:
    with localcontext() as context:
        context.prec = DIGITS
        exponent = Decimal(-margin) * 10_000 / (Decimal(10**6) * temperature)
        exact = (unit / (1 + exponent.exp())).to_integral_value(ROUND_FLOOR)
        assert logistic(margin, temperature, unit) == exact


@given(st.integers(-(10**12), 10**12))
def test_no_log_odds_are_a_certainty(margin: int) -> None:
    assert 0 <= logistic(margin) <= 9_999
    assert logistic(margin) + logistic(-margin) in {9_999, 10_000}


@given(margins, st.integers(0, 1_000_000), temperatures)
def test_more_log_odds_are_no_less_probable(margin: int, more: int, temperature: int) -> None:
    assert logistic(margin + more, temperature) >= logistic(margin, temperature)


@given(margins, st.lists(margins, min_size=1, max_size=5))
def test_log_odds_of_one_label_are_against_the_sum_of_all_others(
    score: int, others: list[int]
) -> None:
    with localcontext() as context:
        context.prec = DIGITS
        total = sum((Decimal(other) / 10**6).exp() for other in others)
        exact = score - total.ln() * 10**6
        assert log_odds_micro(score, others) == exact.to_integral_value(ROUND_HALF_EVEN)


def test_log_odds_survive_scores_far_apart() -> None:
    assert log_odds_micro(0, [10**9, -(10**9), -(10**9)]) == -(10**9)
    assert log_odds_micro(5, [5, 5, 5]) == -1_098_612


@pytest.mark.parametrize(("numerator", "denominator"), [(0, 1), (1, 0), (-1, 2), (1, -2)])
def test_what_is_not_positive_has_no_logarithm(numerator: int, denominator: int) -> None:
    with pytest.raises(InvalidInput):
        ln_micro(numerator, denominator)


def test_a_probability_needs_a_temperature_and_a_unit() -> None:
    for temperature, unit in ((0, 10_000), (-1, 10_000), (10_000, 0), (10_000, 1_000_001)):
        with pytest.raises(InvalidInput):
            logistic(1, temperature, unit)
    with pytest.raises(InvalidInput):
        log_odds_micro(1, [])
