# SPDX-License-Identifier: Apache-2.0
"""What is learnt from gold items: records, correlation, confusion counts, calibration."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.consensus import (
    Correlation,
    GoldItem,
    Record,
    Reputation,
    Vote,
    calibrate,
    correlation_of,
    decide,
    model_of,
    records_of,
)
from cortensor.consensus.calibrate import brier_bps, expected_error_bps, fit_temperature_bps
from cortensor.consensus.confidence import Calibration, Fit, confidence_bps, most_bps
from cortensor.consensus.fixed_point import logistic
from cortensor.consensus.history import isqrt
from cortensor.consensus.vote import Calibrated, Weighing
from cortensor.errors import InvalidInput


def item(right: str, **votes: str | None) -> GoldItem:
    return GoldItem(
        right=right,
        votes=tuple(
            Vote(index=i, label=label, rater=rater, model=rater[0], prompt=rater[1:] or None)
            for i, (rater, label) in enumerate(votes.items())
        ),
    )


def test_records_count_right_votes_and_no_non_votes() -> None:
    items = [item("T", a="T", b="F"), item("F", a="T", b=None), item("T", a="T")]
    assert records_of(items) == {
        "a": Record(right=2, total=3, audited=3),
        "b": Record(right=0, total=1, audited=1),
    }


def test_correlation_is_measured_by_what_raters_share() -> None:
    # a1 and a2 err together on every item; b1 errs on its own.
    items = [
        item("T", a1="F", a2="F", b1="T"),
        item("T", a1="F", a2="F", b1="F"),
        item("T", a1="T", a2="T", b1="F"),
        item("T", a1="T", a2="T", b1="T"),
    ]
    found = correlation_of(items)
    assert (found.same_model_bps, found.same_prompt_bps, found.neither_bps) == (10_000, 0, 0)
    assert found.twins_bps == Correlation().twins_bps  # no such pair: the default


def test_correlation_without_variance_keeps_the_defaults() -> None:
    assert correlation_of([item("T", a1="T", b2="T")] * 3) == Correlation()
    assert correlation_of([]) == Correlation()


@given(st.integers(0, 10**60))
def test_the_integer_root_is_exact(value: int) -> None:
    root = isqrt(value)
    assert root * root <= value < (root + 1) ** 2


def test_confusion_counts_leave_out_what_is_no_label() -> None:
    items = [item("T", a="T", b="F"), item("F", a="T"), item("RETRY", a="T"), item("T", a="RETRY")]
    model = model_of(items, ("T", "F"), "h1")
    assert model.items == {"T": 2, "F": 1}
    assert model.raters == {"a": {"T": {"T": 1}, "F": {"T": 1}}, "b": {"T": {"F": 1}}}
    assert (model.gold_items, model.version, model.is_enough()) == (3, "h1", False)


def pairs_at(temperature_bps: int) -> list[tuple[int, int]]:
    """Margins whose outcomes are right as often as that temperature says."""
    found = []
    for margin in range(-500_000, 4_000_001, 500_000):
        right = logistic(margin, temperature_bps, 1_000)
        found += [(margin, 1)] * right + [(margin, 0)] * (1_000 - right)
    return found


@pytest.mark.parametrize("temperature", [7_000, 10_000, 18_000, 40_000])
def test_the_temperature_behind_the_data_is_found(temperature: int) -> None:
    assert abs(fit_temperature_bps(pairs_at(temperature)) - temperature) < temperature * 0.01


def test_temperatures_have_limits() -> None:
    assert fit_temperature_bps([(1_000_000, 1)] * 30) == 5_000
    assert fit_temperature_bps([(1_000_000, 0)] * 30) == 100_000
    assert fit_temperature_bps([]) == 5_000


def test_calibration_error_and_brier_score_are_known() -> None:
    # .8 claimed, 3 of 4 right: error .05; squares (.04 * 3 + .64) / 4 = .19
    scored = [(8_000, 1), (8_000, 1), (8_000, 1), (8_000, 0)]
    assert (expected_error_bps(scored), brier_bps(scored)) == (500, 1_900)
    # Two bins do not cancel out.
    assert expected_error_bps([(9_500, 0), (500, 1)]) == 9_500
    for measure in (expected_error_bps, brier_bps):
        with pytest.raises(InvalidInput):
            measure([])


def rounds_of(count: int) -> list[tuple[list[Vote], str]]:
    """Rounds of three: unanimous ones are right 9 times in 10, others 6 in 10."""
    rounds = []
    for number in range(count):
        split = number % 2
        right = number % 20 < (12 if split else 18)
        labels = ["T", "T", "F" if split else "T"]
        votes = [Vote(index=i, label=label, rater=f"r{i}") for i, label in enumerate(labels)]
        rounds.append((votes, "T" if right else "F"))
    return rounds


def test_a_majority_is_calibrated_by_a_table_of_margins() -> None:
    calibration = calibrate(rounds_of(200), decide, n_history=200, version="h2")
    assert (calibration.strategy, calibration.weight_by) == ("majority", None)
    assert calibration.fits[3].cells == {2: (60, 100), 3: (90, 100)}
    unanimous = [Vote(index=i, label="T") for i in range(3)]
    decision = decide(unanimous, calibration=calibration)
    # 90 of 100, and Laplace's .8 for eight rounds more
    assert decision.confidence_bps == 10_000 * (90 * 5 + 8 * 4) // (108 * 5)
    assert decision.calibration == Calibrated(
        method="margin_table",
        n_history=200,
        version="h2",
        ece_bps=calibration.fits[3].ece_bps,
        brier_bps=calibration.fits[3].brier_bps,
        right=90,
        rounds=100,
    )
    assert calibration.fits[3].ece_bps < 100


def test_log_odds_are_calibrated_by_a_temperature() -> None:
    reputation = Reputation(
        records={f"r{i}": Record(right=80, total=100, audited=100) for i in range(3)},
        gold_items=100,
    )
    rule = partial(decide, strategy="weighted", reputation=reputation, labels=("T", "F"))
    calibration = calibrate(rounds_of(200), rule, n_history=100)
    assert calibration.weight_by == "reputation"
    fit = calibration.fits[3]
    assert fit.temperature_bps is not None
    votes, _ = rounds_of(1)[0]
    decision = rule(votes, calibration=calibration)
    assert decision.calibration.method == "temperature"
    assert decision.confidence_bps == logistic(decision.margin_micro or 0, fit.temperature_bps)


def test_a_calibration_serves_its_own_strategy_only_and_needs_gold() -> None:
    calibration = calibrate(rounds_of(200), decide, n_history=200)
    assert calibration.is_for(Weighing())
    assert not calibration.is_for(Weighing(strategy="weighted", weight_by="stake"))
    young = calibrate(rounds_of(200), decide, n_history=24)
    votes, _ = rounds_of(1)[0]
    assert decide(votes, calibration=young).calibration.method == "laplace"


def test_rounds_of_two_strategies_or_none_cannot_be_calibrated() -> None:
    with pytest.raises(InvalidInput):
        calibrate([], decide, n_history=100)
    with pytest.raises(InvalidInput):
        calibrate([([Vote(index=0, status="ERROR")], "T")], decide, n_history=100)


def test_another_number_of_votes_uses_the_next_lower_fit_or_the_lowest() -> None:
    calibration = Calibration(
        strategy="weighted",
        weight_by="reputation",
        n_history=100,
        version="",
        fits={3: Fit(temperature_bps=30_000), 5: Fit(temperature_bps=50_000)},
    )
    found = [calibration.cell(votes, 1).temperature_bps for votes in (1, 3, 4, 5, 9)]
    assert found == [30_000, 30_000, 30_000, 50_000, 50_000]


def test_no_confidence_is_beyond_what_the_history_can_show() -> None:
    sure = Calibrated(method="posterior", n_history=48)
    assert confidence_bps(sure, 5, 5, 11_000_000) == most_bps(48) == 9_800
    table = Calibrated(method="margin_table", n_history=48, right=10**6, rounds=10**6)
    assert confidence_bps(table, 5, 5, None) == 9_800


def test_a_method_needs_what_it_works_on() -> None:
    with pytest.raises(InvalidInput):
        confidence_bps(Calibrated(method="temperature", n_history=50), 3, 3, None)
    with pytest.raises(InvalidInput):
        confidence_bps(Calibrated(method="hunch"), 3, 3, None)


@pytest.mark.parametrize(
    "fields",
    [{"n_history": -1}, {"temperature_bps": 0}, {"right": 2, "rounds": 1}, {"right": -1}],
)
def test_a_calibration_that_cannot_be_is_refused(fields: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        Calibrated(**fields)
