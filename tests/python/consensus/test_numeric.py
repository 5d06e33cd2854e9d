# SPDX-License-Identifier: Apache-2.0
"""Scores: one worked example for each strategy, exact rounding, intervals, agreement."""

from __future__ import annotations

from fractions import Fraction
from statistics import median as oracle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.consensus import Decision, Scale, Vote, decide
from cortensor.consensus.numeric import (
    NUMERIC,
    median,
    median_of_means,
    rounded,
    trimmed,
    trimmed_mean,
)
from cortensor.errors import InvalidInput

values = st.lists(st.integers(-(10**20), 10**20), min_size=1, max_size=5)
strategies = st.sampled_from(sorted(NUMERIC))


def scored(numbers: list[int | None], strategy: str = "trimmed_mean", **rule: object) -> Decision:
    votes = [Vote(index=i, value=number) for i, number in enumerate(numbers)]
    return decide(votes, strategy=strategy, **rule)


@pytest.mark.parametrize(
    ("strategy", "numbers", "expected"),
    [
        ("median", [10, 90, 20], 20),
        ("median", [10, 20, 30, 91], 25),
        ("median", [1, 2], 2),  # 1.5, half to even
        ("median", [2, 3], 2),  # 2.5
        ("median", [-2, -3], -2),
        # groups by order: {10, 40}, {20, 90}, {30} -> 25, 55, 30
        ("median_of_means", [10, 20, 30, 40, 90], 30),
        ("median_of_means", [10, 20, 90], 20),
        ("median_of_means", [10, 21], 16),  # 15.5
        # without 10 and 90: (20 + 30 + 41) / 3 = 30.33
        ("trimmed_mean", [10, 20, 30, 41, 90], 30),
        ("trimmed_mean", [10, 20, 90], 20),
        ("trimmed_mean", [10, 21], 16),
        ("trimmed_mean", [7], 7),
    ],
)
def test_estimates(strategy: str, numbers: list[int], expected: int) -> None:
    assert scored(numbers, strategy).value == expected


def test_estimates_are_exact_rationals() -> None:
    assert trimmed_mean([10, 20, 30, 41, 90]) == Fraction(91, 3)
    assert median_of_means([1, 2, 4, 4, 4]) == Fraction(3)
    big = 10**30
    assert trimmed_mean([big, big + 1, big + 2]) == big + 1


@given(values)
def test_the_median_is_the_median(numbers: list[int]) -> None:
    assert median(numbers) == oracle([Fraction(number) for number in numbers])


@given(values, strategies)
def test_an_estimate_is_within_its_scores(numbers: list[int], strategy: str) -> None:
    assert min(numbers) <= NUMERIC[strategy](numbers) <= max(numbers)


@given(values, strategies)
def test_negating_all_scores_negates_the_result(numbers: list[int], strategy: str) -> None:
    plus = rounded(NUMERIC[strategy](numbers))
    assert rounded(NUMERIC[strategy]([-number for number in numbers])) == -plus


@given(values, strategies, st.integers(0, 4), st.integers(0, 10**20))
def test_a_higher_score_never_lowers_the_result(
    numbers: list[int], strategy: str, which: int, more: int
) -> None:
    raised = list(numbers)
    raised[which % len(numbers)] += more
    assert NUMERIC[strategy](raised) >= NUMERIC[strategy](numbers)


@given(values, st.sampled_from(["median", "trimmed_mean"]), st.randoms(use_true_random=False))
def test_the_order_of_replicas_is_irrelevant(
    numbers: list[int], strategy: str, random: object
) -> None:
    dealt = list(numbers)
    random.shuffle(dealt)  # type: ignore[attr-defined]
    assert NUMERIC[strategy](dealt) == NUMERIC[strategy](numbers)


@given(
    st.lists(st.integers(40, 60), min_size=4, max_size=4),
    st.integers(-(10**9), 10**9),
    st.integers(0, 4),
    strategies,
)
def test_one_liar_of_five_cannot_pull_the_result_from_the_honest_scores(
    honest: list[int], lie: int, place: int, strategy: str
) -> None:
    numbers = [*honest[:place], lie, *honest[place:]]
    low, high = min(honest), max(honest)
    if strategy == "median_of_means":
        # A liar spoils its own group of two at most; the middle of the others stays.
        assert low <= median_of_means(numbers) <= high
    else:
        assert low <= NUMERIC[strategy](numbers) <= high


@pytest.mark.parametrize(
    ("count", "left"), [(1, 1), (2, 2), (3, 1), (4, 2), (5, 3), (6, 2), (10, 6), (11, 5)]
)
def test_a_fifth_is_trimmed_at_each_end_at_least_one_from_three_on(count: int, left: int) -> None:
    assert len(trimmed(list(range(count)))) == left


def test_agreement_is_within_the_tolerance_of_the_result() -> None:
    decision = scored([10, 20, 30, 41, 90], scale=Scale(tolerance=10))
    assert decision.groups == ((0, "1"), (1, "0"), (2, "0"), (3, "1"), (4, "1"))
    assert (decision.agreement_bps, decision.strong_disagreement) == (4_000, True)
    assert (decision.winner, decision.dissent, decision.representative) == ((1, 2), (0, 3, 4), 2)
    assert decision.votes == {"0": 2, "1": 3}
    assert (decision.outcome, decision.equivalence) == ("OK", "score")
    wide = scored([10, 20, 30, 41, 90], scale=Scale(tolerance=11))
    assert (wide.agreement_bps, wide.strong_disagreement) == (6_000, False)
    assert wide.confidence_bps == 10_000 * 4 // 7


def test_fail_hard_gives_no_score_where_most_are_far_from_it() -> None:
    decision = scored([10, 20, 30, 41, 90], policy="fail_hard")
    assert (decision.outcome, decision.value, decision.interval) == ("NO_CONSENSUS", None, None)
    assert decision.confidence_bps == 0


def test_scores_out_of_bounds_are_no_votes() -> None:
    decision = scored([10, 20, 10**6], "median", scale=Scale(bounds=(0, 100), tolerance=5))
    assert (decision.value, decision.non_votes) == (15, 1)
    assert decision.agreement_bps == 6_666
    ignoring = scored([10, 20, None], "median", scale=Scale(tolerance=5), non_votes="ignore")
    assert ignoring.agreement_bps == 10_000


def test_a_round_without_scores_failed() -> None:
    decision = scored([None, None], "median")
    assert (decision.outcome, decision.value, decision.agreement_bps) == ("FAILED", None, 0)


def test_without_history_the_interval_is_the_range_of_the_scores() -> None:
    assert scored([10, 20, 30, 41, 90]).interval == (20, 41)
    assert scored([10, 20, 90]).interval == (10, 90)
    assert scored([7]).interval == (7, 7)


def test_with_history_the_interval_holds_the_stated_share_of_past_errors() -> None:
    errors = tuple(range(1, 30))  # 29 past errors: rank ceil(30 * .9) = 27
    scale = Scale(tolerance=10, bounds=(0, 100), residuals={3: errors}, version="h1")
    decision = scored([10, 20, 30], scale=scale)
    assert decision.interval == (0, 47)
    # 10 of 29 past errors were within 10: (10 + 1) / (29 + 2)
    assert decision.confidence_bps == 110_000 // 31
    assert decision.calibration.method == "residuals"
    assert (decision.calibration.n_history, decision.calibration.version) == (29, "h1")


def test_a_short_history_makes_no_interval_and_no_confidence() -> None:
    scale = Scale(tolerance=10, residuals={3: (1, 2, 3)})
    decision = scored([10, 20, 30], scale=scale)
    assert decision.interval == (10, 30)
    assert (decision.calibration.method, decision.confidence_bps) == ("laplace", 8_000)


@given(st.lists(st.integers(-100, 100), min_size=40, max_size=40))
def test_the_interval_covers_an_exchangeable_error_as_often_as_stated(errors: list[int]) -> None:
    # Whichever of 40 errors comes last, at most 4 of the 40 choices fall outside.
    outside = 0
    for held in range(40):
        past = tuple(sorted(abs(error) for i, error in enumerate(errors) if i != held))
        half = Scale(residuals={3: past}).past(3).half_width
        assert half is not None
        outside += abs(errors[held]) > half
    assert outside <= 4


@pytest.mark.parametrize(
    "scale",
    [
        {"tolerance": -1},
        {"bounds": (1, 0)},
        {"coverage_bps": 0},
        {"coverage_bps": 10_000},
        {"residuals": {3: (2, 1)}},
        {"residuals": {3: (-1, 1)}},
    ],
)
def test_a_scale_that_cannot_be_is_refused(scale: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        Scale(**scale)  # type: ignore[arg-type]
