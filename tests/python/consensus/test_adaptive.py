# SPDX-License-Identifier: Apache-2.0
"""Escalation: when to stop, when to ask more, and that a settled outcome really is."""

from __future__ import annotations

from functools import partial
from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.consensus import Record, Reputation, Vote, decide, fit_stop_bps, next_step
from cortensor.consensus.adaptive import (
    CONFIDENT,
    ESCALATE,
    EXHAUSTED,
    SETTLED,
    is_settled_by_count,
)
from cortensor.consensus.vote import Calibrated
from cortensor.errors import InvalidInput

LABELS = {"V": "VALID", "I": "INVALID", "R": "RETRY"}


def cast(text: str) -> list[Vote]:
    return [
        Vote(index=i, label=LABELS.get(letter), status="TIMEOUT" if letter == "T" else "OK")
        for i, letter in enumerate(text)
    ]


@pytest.mark.parametrize(
    ("votes", "ask", "reason"),
    [
        ("V", 2, ESCALATE),  # .6666
        ("T", 2, ESCALATE),
        ("VVV", 0, CONFIDENT),  # .8
        ("VVI", 2, ESCALATE),
        ("VIR", 2, ESCALATE),
        ("VVIVI", 0, EXHAUSTED),
    ],
)
def test_a_majority_escalates_until_three_agree(votes: str, ask: int, reason: str) -> None:
    step = next_step(cast(votes), decide)
    assert (step.ask, step.reason) == (ask, reason)
    assert step.decision == decide(cast(votes))


def test_a_settled_majority_asks_nobody_more() -> None:
    step = next_step(cast("VVV"), decide, stop_bps=9_000)
    assert (step.ask, step.reason) == (0, SETTLED)
    assert next_step(cast("VVI"), decide, stop_bps=9_000).reason == ESCALATE


def test_a_threshold_that_more_votes_could_miss_keeps_asking() -> None:
    # Three agree, but two more against them would be 3 of 5, below .61: fail_hard refuses that.
    hard = partial(decide, policy="fail_hard", threshold_bps=6_100)
    assert next_step(cast("VVV"), hard, stop_bps=9_000).reason == ESCALATE


def test_answers_settle_as_verdicts_do() -> None:
    rule = partial(decide, equivalence="exact")
    votes = [Vote(index=i, text=text) for i, text in enumerate(["Paris", "paris", "PARIS"])]
    assert next_step(votes, rule, stop_bps=9_000).reason == SETTLED
    votes[2] = Vote(index=2, text="Lyon")
    assert next_step(votes, rule, stop_bps=9_000).reason == ESCALATE


def test_answers_that_are_alike_and_not_equal_are_never_settled() -> None:
    # Each is like the next and no other. Two more like C draw B and C away from A.
    words = [letter * 3 for letter in "abcdefghijklmnopqr"]
    a, b, c, d = (" ".join(words[i : i + 12]) for i in (0, 2, 4, 6))
    rule = partial(decide, equivalence="overlap")
    votes = [Vote(index=i, text=text) for i, text in enumerate((a, b, c))]
    now = rule(votes)
    assert now.winner == (0, 1, 2)
    assert rule([*votes, Vote(index=3, text=d), Vote(index=4, text=d)]).winner == (1, 2, 3, 4)
    assert next_step(votes, rule, stop_bps=9_000).reason == ESCALATE
    assert not is_settled_by_count(now, 2)
    near = partial(decide, equivalence="json", tolerance_millionths=100_000)
    numbers = [Vote(index=i, text=text) for i, text in enumerate(("100", "110", "120"))]
    assert near(numbers).winner == (0, 1, 2)
    assert next_step(numbers, near, stop_bps=9_000).reason == ESCALATE
    assert not is_settled_by_count(near(numbers), 2)


def test_scores_are_not_called_settled() -> None:
    votes = [Vote(index=i, value=5) for i in range(3)]
    assert next_step(votes, partial(decide, strategy="median"), stop_bps=9_000).reason == ESCALATE


def test_a_weighted_outcome_is_settled_only_for_known_candidates() -> None:
    reputation = Reputation(
        records={
            "strong": Record(right=90, total=100, audited=100),
            "weak": Record(right=52, total=100, audited=100),
        },
        pool=Record(right=60, total=100),
        gold_items=100,
    )
    rule = partial(decide, strategy="weighted", reputation=reputation, labels=("VALID", "INVALID"))
    votes = [Vote(index=i, label="VALID", rater="strong") for i in range(3)]
    step = partial(next_step, votes, rule, stop_bps=9_990, labels=("VALID", "INVALID"))
    assert step().reason == ESCALATE
    assert step(candidates=[Vote(index=0, rater="weak")] * 2).reason == SETTLED
    assert step(candidates=[Vote(index=0, rater="weak")]).reason == ESCALATE


@pytest.mark.parametrize("plan", [(), (0, 1), (3, 1), (1, 1)])
def test_a_plan_ascends(plan: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match="plan"):
        next_step(cast("V"), decide, plan=plan)


def test_a_plan_can_be_longer() -> None:
    step = next_step(cast("VVIIR"), decide, plan=(1, 3, 5, 9))
    assert (step.ask, step.reason) == (4, ESCALATE)


raters = st.sampled_from(["ace", "good", "fair", "coin", "liar", "new"])
records = {
    "ace": Record(right=97, total=100, audited=100),
    "good": Record(right=80, total=100, audited=30),
    "fair": Record(right=65, total=100, audited=0),
    "coin": Record(right=50, total=100, audited=100),
    "liar": Record(right=20, total=100, audited=100),
}
pool = Reputation(records=records, gold_items=100)


@pytest.mark.fuzz
@given(
    st.lists(st.tuples(raters, st.sampled_from("VIT")), min_size=3, max_size=4),
    st.lists(raters, min_size=2, max_size=2),
    st.sampled_from(["return_all", "best_effort", "fail_hard"]),
    st.sampled_from(["abstain", "ignore", "against"]),
    st.booleans(),
)
def test_no_completion_changes_a_settled_outcome(
    given_: list[tuple[str, str]],
    waiting: list[str],
    policy: str,
    non_votes: str,
    weighted: bool,
) -> None:
    rule = partial(decide, policy=policy, non_votes=non_votes, labels=("VALID", "INVALID"))
    if weighted:
        rule = partial(rule, strategy="weighted", reputation=pool)
    votes = [
        msgspec.structs.replace(vote, rater=given_[vote.index][0])
        for vote in cast("".join(letter for _, letter in given_))
    ]
    candidates = [Vote(index=0, rater=rater) for rater in waiting]
    step = next_step(
        votes, rule, stop_bps=10_001, labels=("VALID", "INVALID"), candidates=candidates
    )
    if step.reason != SETTLED:
        return
    for answers in product("VIT", repeat=5 - len(votes)):
        late = [
            msgspec.structs.replace(vote, index=len(votes) + i, rater=waiting[i])
            for i, vote in enumerate(cast("".join(answers)))
        ]
        assert rule([*votes, *late]).outcome == step.decision.outcome


def test_the_stopping_confidence_keeps_within_the_replicas_allowed() -> None:
    # Half of the rounds start with .8 (one of one, calibrated so), half with two against one.
    def rule(votes: list[Vote]) -> object:
        confidence = {"a": 8_000, "b": 6_000}[votes[0].rater or ""] + 100 * len(votes)
        return msgspec.structs.replace(
            decide(votes), confidence_bps=confidence, calibration=Calibrated(n_history=99)
        )

    rounds = [[Vote(index=i, label="VALID", rater=rater) for i in range(5)] for rater in "aabb"]
    # All five each: 5; a stops at one: 3; all stop at one: 1.
    assert fit_stop_bps(rounds, rule, mean_replicas_milli=5_000) == 10_000
    assert fit_stop_bps(rounds, rule, mean_replicas_milli=4_000) == 8_300  # a at three
    assert fit_stop_bps(rounds, rule, mean_replicas_milli=3_000) == 8_100
    assert fit_stop_bps(rounds, rule, mean_replicas_milli=1_000) == 6_100
    with pytest.raises(InvalidInput):
        fit_stop_bps([], decide, mean_replicas_milli=3_000)
    with pytest.raises(InvalidInput, match="history"):
        fit_stop_bps(rounds, decide, mean_replicas_milli=3_000)
