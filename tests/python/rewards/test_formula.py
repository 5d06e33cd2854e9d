# SPDX-License-Identifier: Apache-2.0
"""The formula: against exact rationals, and the promises that the page makes of it."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.rewards import Facts, RewardCard, amount_of, breadth_bps, next_level, score_of
from tests.python.rewards.strategies import CARD, CARDS, FACTS, WORK

BUDGETS = st.integers(0, 2**96 - 1)


def rational_score(card: RewardCard, facts: Facts, work: int) -> Fraction:
    if facts.flags != 1 or facts.tasks < card.min_tasks or facts.uptime_bps < card.min_uptime_bps:
        return Fraction(0)
    more = min(max(facts.models, 1), card.max_models) - 1
    breadth = 10_000 + floor(Fraction(card.breadth_gain_bps * more, more + card.breadth_half))
    score = Fraction(work) * card.level_bps[facts.level_before] / 10_000 * breadth / 10_000
    for part in ("agreement", "consistency", "answered", "uptime"):
        score *= Fraction(getattr(facts, f"{part}_bps"), 10_000)
    return score


@pytest.mark.fuzz
@given(CARDS, FACTS, WORK)
def test_the_score_is_the_rational_product_floored_once(
    card: RewardCard, facts: Facts, work: int
) -> None:
    score = score_of(card, facts, work)
    assert score == floor(rational_score(card, facts, work))
    assert score < 2**128


@pytest.mark.fuzz
@given(CARDS, FACTS, WORK, st.sampled_from(["agreement", "consistency", "answered", "uptime"]))
def test_the_score_never_falls_with_a_better_share(
    card: RewardCard, facts: Facts, work: int, part: str
) -> None:
    better = msgspec.structs.replace(facts, **{f"{part}_bps": 10_000})
    assert score_of(card, better, work) >= score_of(card, facts, work)


@pytest.mark.fuzz
@given(CARDS, st.integers(0, 2**16 - 2))
def test_breadth_rises_up_to_its_bound(card: RewardCard, models: int) -> None:
    low, high = breadth_bps(card, models), breadth_bps(card, models + 1)
    assert 10_000 <= low <= high <= 10_000 + card.breadth_gain_bps
    assert breadth_bps(card, card.max_models) == breadth_bps(card, card.max_models + 1)


@pytest.mark.fuzz
@given(CARDS, st.integers(1, 1000))
def test_one_more_model_never_adds_more_than_the_one_before(card: RewardCard, models: int) -> None:
    # To the rounding of a basis point.
    steps = [breadth_bps(card, models + i) for i in range(3)]
    assert steps[2] - steps[1] <= steps[1] - steps[0] + 1


@pytest.mark.fuzz
@given(CARDS, BUDGETS, st.lists(st.lists(st.integers(0, 2**101), max_size=4), max_size=6))
def test_no_operator_passes_its_cap_and_all_together_not_the_budget(
    card: RewardCard, budget: int, operators: list[list[int]]
) -> None:
    total = sum(map(sum, operators))
    paid = [
        sum(amount_of(card, budget, score, sum(scores), total) for score in scores)
        for scores in operators
    ]
    assert sum(paid) <= budget
    assert all(amount * 10_000 <= budget * card.cap_bps for amount in paid)


@pytest.mark.fuzz
@given(CARDS, BUDGETS, st.integers(1, 2**100), st.integers(2, 9))
def test_splitting_a_score_over_nodes_moves_less_than_a_wei_each(
    card: RewardCard, budget: int, part: int, nodes: int
) -> None:
    score, total = part * nodes, part * nodes * 3
    whole = amount_of(card, budget, score, score, total)
    split = nodes * amount_of(card, budget, part, score, total)
    assert 0 <= whole - split < nodes


@pytest.mark.fuzz
@given(CARDS, FACTS)
def test_a_level_moves_one_step_at_most(card: RewardCard, facts: Facts) -> None:
    level = next_level(card, facts)
    assert 0 <= level <= 10
    assert abs(level - facts.level_before) <= 1


@pytest.mark.fuzz
@given(CARDS, FACTS)
def test_without_enough_work_or_presence_nothing_is_earned_and_no_level_won(
    card: RewardCard, facts: Facts
) -> None:
    if facts.tasks < card.min_tasks or facts.uptime_bps < card.min_uptime_bps:
        assert next_level(card, facts) <= facts.level_before
        assert score_of(card, facts, 2**96 - 1) == 0


def test_hysteresis_keeps_a_level_within_the_margin() -> None:
    facts = Facts(level_before=5, tasks=100, streak_after=0, uptime_bps=10_000)
    for rate, level in ((7_000, 5), (6_500, 5), (6_499, 4)):
        assert next_level(CARD, msgspec.structs.replace(facts, rate_bps=rate)) == level
    idle = msgspec.structs.replace(facts, tasks=0, rate_bps=0)
    assert next_level(CARD, idle) == 5
    assert next_level(CARD, msgspec.structs.replace(idle, uptime_bps=4_999)) == 4


def test_nobody_scored_means_nobody_is_paid() -> None:
    assert amount_of(CARD, 10**18, 0, 0, 0) == 0
