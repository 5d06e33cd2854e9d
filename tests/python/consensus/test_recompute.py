# SPDX-License-Identifier: Apache-2.0
"""Every strategy can be recomputed from what a receipt would hold, and a lie shows."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.consensus import (
    Calibration,
    Decision,
    EnsembleModel,
    Record,
    Reputation,
    Scale,
    Vote,
    decide,
    recompute,
)
from cortensor.consensus.confidence import Fit
from cortensor.consensus.recompute import block_of, entry_of
from cortensor.errors import VerificationFailed

LABELS = ("VALID", "INVALID")
REPUTATION = Reputation(
    records={
        "a": Record(right=90, total=100, audited=100),
        "b": Record(right=70, total=100, audited=20),
        "c": Record(right=30, total=100, audited=100),
    },
    gold_items=100,
)
MODEL = EnsembleModel(
    items={"VALID": 70, "INVALID": 30},
    raters={"a": {"VALID": {"VALID": 60, "INVALID": 10}, "INVALID": {"VALID": 5, "INVALID": 25}}},
    version="h1",
)
CALIBRATION = Calibration(
    strategy="weighted",
    weight_by="reputation",
    n_history=100,
    version="h1",
    fits={1: Fit(temperature_bps=12_000), 3: Fit(temperature_bps=15_000, ece_bps=90)},
)
TABLE = Calibration(
    strategy="majority",
    weight_by=None,
    n_history=100,
    version="h1",
    fits={1: Fit(cells={1: (70, 100), 2: (80, 100), 3: (95, 100)})},
)
RULES: list[dict[str, Any]] = [
    {},
    {"calibration": TABLE},
    {"strategy": "weighted"},
    {"strategy": "weighted", "reputation": REPUTATION},
    {"strategy": "weighted", "reputation": REPUTATION, "calibration": CALIBRATION},
    {"strategy": "weighted", "weight_by": "stake"},
    {"strategy": "weighted", "weight_by": "latency"},
    {"strategy": "ensemble_model", "model": MODEL},
]
SCORES: list[dict[str, Any]] = [
    {"strategy": "median"},
    {"strategy": "median_of_means", "scale": Scale(tolerance=3)},
    {"strategy": "trimmed_mean", "scale": Scale(tolerance=3, bounds=(0, 60))},
    {
        "strategy": "trimmed_mean",
        "scale": Scale(tolerance=3, residuals={k: tuple(range(30)) for k in range(1, 6)}),
    },
]


def receipt(votes: list[Vote], decision: Decision, scale: Scale | None = None) -> dict[str, Any]:
    """The consensus part of a receipt, through JSON."""
    by_verdict = decision.equivalence == "verdict"
    past = scale.past(len(decision.groups)) if scale is not None else None
    body = {
        "replicas": [
            {
                "index": vote.index,
                "status": vote.status,
                "verdict": vote.label if by_verdict else None,
                "cluster": None,
                "value": None if vote.value is None else str(vote.value),
                **entry_of(decision, vote.index),
            }
            for vote in votes
        ],
        "consensus": {
            "equivalence": decision.equivalence,
            "replicas": decision.replicas,
            "votes": decision.votes,
            "non_votes": decision.non_votes,
            "agreement_bps": decision.agreement_bps,
            "agreement_threshold_bps": decision.threshold_bps,
            "confidence_bps": decision.confidence_bps,
            "disagreement_policy": decision.policy,
            "winner": list(decision.winner),
            "dissent": list(decision.dissent),
            "value": None if decision.value is None else str(decision.value),
            "interval": None if decision.interval is None else [str(x) for x in decision.interval],
            "scale": None
            if scale is None
            else {
                "tolerance": str(scale.tolerance),
                "bounds": None if scale.bounds is None else [str(x) for x in scale.bounds],
                "half_width": None
                if past is None or past.half_width is None
                else str(past.half_width),
            },
            **block_of(decision),
        },
        "result": {"outcome": decision.outcome},
    }
    told: dict[str, Any] = json.loads(json.dumps(body))
    return told


ballots = st.lists(
    st.tuples(
        st.sampled_from(["OK", "OK", "OK", "TIMEOUT", "ERROR"]),
        st.sampled_from(["VALID", "INVALID", "RETRY", None]),
        st.sampled_from(["a", "b", "c", None]),
        st.sampled_from(["m1", "m2", None]),
        st.integers(0, 10**30),
    ),
    min_size=1,
    max_size=5,
)


@pytest.mark.fuzz
@given(
    ballots,
    st.sampled_from(RULES),
    st.sampled_from(["return_all", "fail_hard", "best_effort"]),
    st.sampled_from(["abstain", "ignore", "against"]),
    st.sampled_from([None, LABELS]),
    st.integers(0, 10_000),
)
def test_a_receipt_alone_gives_the_decision_again(
    ballot: list[tuple[str, str | None, str | None, str | None, int]],
    rule: dict[str, Any],
    policy: str,
    non_votes: str,
    labels: tuple[str, ...] | None,
    threshold: int,
) -> None:
    votes = [
        Vote(index=i, status=s, label=label, rater=rater, model=model, stake=n, latency_ms=n)
        for i, (s, label, rater, model, n) in enumerate(ballot)
    ]
    decision = decide(
        votes,
        policy=policy,
        non_votes=non_votes,
        labels=labels,
        threshold_bps=threshold,
        **rule,
    )
    found = recompute(receipt(votes, decision))
    assert found.differences == ()
    assert found.decision == decision


@pytest.mark.fuzz
@given(
    st.lists(st.one_of(st.none(), st.integers(-10, 100)), min_size=1, max_size=5),
    st.sampled_from(SCORES),
    st.sampled_from(["return_all", "fail_hard", "best_effort"]),
)
def test_a_receipt_of_scores_gives_the_decision_again(
    numbers: list[int | None], rule: dict[str, Any], policy: str
) -> None:
    votes = [Vote(index=i, value=n, model="m") for i, n in enumerate(numbers)]
    decision = decide(votes, policy=policy, **rule)
    found = recompute(receipt(votes, decision, rule.get("scale", Scale())))
    assert found.differences == ()
    assert found.decision == decision


def told() -> dict[str, Any]:
    votes = [
        Vote(index=0, label="VALID", rater="a", model="m"),
        Vote(index=1, label="INVALID", rater="b", model="m"),
        Vote(index=2, label="INVALID", rater="b", model="n"),
    ]
    decision = decide(
        votes,
        strategy="weighted",
        reputation=REPUTATION,
        calibration=CALIBRATION,
        labels=LABELS,
    )
    assert decision.outcome == "VALID"
    return receipt(votes, decision)


def test_a_changed_weight_changes_the_outcome_it_must_give() -> None:
    body = told()
    body["replicas"][0]["weight_micro"] = 400_000
    assert any("result.outcome" in line for line in recompute(body).differences)


def test_a_changed_confidence_margin_or_n_eff_shows() -> None:
    for name in ("confidence_bps", "margin_micro", "n_eff_milli"):
        body = told()
        body["consensus"][name] += 1
        assert [line.partition(":")[0] for line in recompute(body).differences] == [
            f"consensus.{name}"
        ]


def test_a_changed_temperature_shows_in_the_confidence() -> None:
    body = told()
    body["consensus"]["calibration"]["temperature_bps"] = 8_000
    assert "confidence_bps" in recompute(body).differences[0]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("replicas", 0, "weight_micro"), 2_200_001),
        (("replicas", 0, "weight_micro"), None),
        (("replicas", 0, "weight_micro"), "much"),
        (("consensus", "calibration", "temperature_bps"), 0),
        (("consensus", "calibration", "method"), "hunch"),
        (("consensus", "calibration"), None),
        (("consensus", "weighing", "correlation_bps"), 10_001),
        (("consensus", "weighing", "strategy"), "plurality"),
        (("consensus", "weighing"), None),
        (("consensus", "equivalence"), "alike"),
        (("consensus", "equivalence"), "score"),
    ],
)
def test_what_no_rule_gives_is_refused_not_skipped(path: tuple[Any, ...], value: object) -> None:
    body = told()
    inner = body
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(VerificationFailed):
        recompute(body)


def test_a_block_of_format_1_is_a_majority_by_laplace() -> None:
    votes = [Vote(index=i, label="VALID") for i in range(3)]
    body = receipt(votes, decide(votes))
    for name in ("weighing", "calibration", "non_vote_rule", "labels", "n_eff_milli"):
        del body["consensus"][name]
    assert recompute(body).differences == ()
    assert msgspec.to_builtins(recompute(body).decision)["confidence_bps"] == 8_000
