# SPDX-License-Identifier: Apache-2.0
"""What every decision keeps, whoever votes and in whatever order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.consensus import Decision, Vote, decide_answers, decide_groups, decide_verdicts

pytestmark = pytest.mark.fuzz

policies = st.sampled_from(["return_all", "fail_hard", "best_effort"])
thresholds = st.integers(0, 10_000)
ballots = st.lists(
    st.tuples(
        st.sampled_from(["OK", "OK", "OK", "TIMEOUT", "ERROR"]),
        st.sampled_from(["VALID", "INVALID", "RETRY", None]),
    ),
    min_size=1,
    max_size=5,
)
answers = st.lists(
    st.one_of(
        st.none(),
        st.sampled_from(["Paris", "paris", "Lyon", '{"a": 1}', '{"a":1.0}', "not Paris"]),
        st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=7).map(" ".join),
    ),
    min_size=1,
    max_size=5,
)
rungs = st.sampled_from(["exact", "json", "overlap"])


def decide(ballot: list[tuple[str, str | None]], policy: str, threshold: int) -> Decision:
    votes = [Vote(index=i, status=s, label=label) for i, (s, label) in enumerate(ballot)]
    return decide_verdicts(votes, policy=policy, threshold_bps=threshold)


def facts(decision: Decision) -> tuple[object, ...]:
    """What must not depend on the order of the replicas."""
    return (
        sorted(decision.votes.values()),
        decision.non_votes,
        decision.agreement_bps,
        decision.confidence_bps,
        decision.strong_disagreement,
        len(decision.winner),
    )


@given(ballots, policies, thresholds)
def test_the_numbers_add_up(
    ballot: list[tuple[str, str | None]], policy: str, threshold: int
) -> None:
    decision = decide(ballot, policy, threshold)
    assert sum(decision.votes.values()) + decision.non_votes == len(ballot)
    assert len(decision.winner) + len(decision.dissent) + decision.non_votes == len(ballot)
    assert set(decision.winner).isdisjoint(decision.dissent)
    assert 0 <= decision.confidence_bps <= 10_000
    assert bool(decision.winner) == (decision.outcome not in {"NO_CONSENSUS", "FAILED"})
    assert (decision.outcome == "FAILED") == (not decision.votes)


@given(ballots, policies, thresholds, st.randoms(use_true_random=False))
def test_order_of_replicas_is_irrelevant(
    ballot: list[tuple[str, str | None]], policy: str, threshold: int, random: object
) -> None:
    votes = [Vote(index=i, status=s, label=label) for i, (s, label) in enumerate(ballot)]
    decision = decide_verdicts(votes, policy=policy, threshold_bps=threshold)
    random.shuffle(votes)  # type: ignore[attr-defined]
    assert decide_verdicts(votes, policy=policy, threshold_bps=threshold) == decision
    # And with the indices dealt anew only who leads a best-effort tie may change.
    dealt = [Vote(index=i, status=v.status, label=v.label) for i, v in enumerate(votes)]
    again = decide_verdicts(dealt, policy=policy, threshold_bps=threshold)
    assert facts(again) == facts(decision)


@given(answers, policies, rungs, st.randoms(use_true_random=False))
def test_grouping_depends_on_the_answers_alone(
    texts: list[str | None], policy: str, name: str, random: object
) -> None:
    votes = [Vote(index=i, text=text) for i, text in enumerate(texts)]
    decision = decide_answers(votes, policy=policy, equivalence=name)
    order = list(range(len(texts)))
    random.shuffle(order)  # type: ignore[attr-defined]
    dealt = [Vote(index=i, text=texts[source]) for i, source in enumerate(order)]
    again = decide_answers(dealt, policy=policy, equivalence=name)
    assert facts(again) == facts(decision)
    together = {(a, b) for a, x in decision.groups for b, y in decision.groups if x == y}
    moved = {(order[a], order[b]) for a, x in again.groups for b, y in again.groups if x == y}
    assert moved == together


@given(st.integers(1, 5), st.sampled_from(["VALID", "INVALID"]), policies, thresholds)
def test_unanimity_wins_everywhere(count: int, label: str, policy: str, threshold: int) -> None:
    decision = decide([("OK", label)] * count, policy, threshold)
    assert decision.outcome == label
    assert decision.agreement_bps == 10_000
    assert decision.confidence_bps == 10_000 * (count + 1) // (count + 2)
    assert not decision.strong_disagreement


@st.composite
def ties(draw: st.DrawFn) -> list[tuple[str, str | None]]:
    each = draw(st.integers(1, 2))
    cast = ["VALID"] * each + ["INVALID"] * each
    lone = draw(st.sampled_from([["RETRY"], [None], []] if each == 2 else [[None], []]))
    dealt = draw(st.permutations([*cast, *lone]))
    return [("OK", label) for label in dealt]


@given(ties(), thresholds)
def test_a_tie_has_a_winner_only_by_best_effort(
    ballot: list[tuple[str, str | None]], threshold: int
) -> None:
    largest = max(decide(ballot, "return_all", threshold).votes.values())
    assert decide(ballot, "return_all", threshold).outcome == "NO_CONSENSUS"
    assert decide(ballot, "fail_hard", threshold).outcome == "NO_CONSENSUS"
    best = decide(ballot, "best_effort", threshold)
    leaders = {i for i, label in best.groups if best.votes[label] == largest}
    assert best.winner[0] == min(leaders)
    assert best.strong_disagreement


@given(ballots, policies, thresholds)
def test_a_non_vote_never_helps(
    ballot: list[tuple[str, str | None]], policy: str, threshold: int
) -> None:
    before = decide(ballot, policy, threshold)
    after = decide([*ballot, ("TIMEOUT", None)], policy, threshold)
    assert after.agreement_bps <= before.agreement_bps
    assert after.confidence_bps <= before.confidence_bps
    assert after.strong_disagreement >= before.strong_disagreement


@given(answers, policies, rungs)
def test_labels_alone_reproduce_the_decision(
    texts: list[str | None], policy: str, name: str
) -> None:
    votes = [Vote(index=i, text=text) for i, text in enumerate(texts)]
    decision = decide_answers(votes, policy=policy, equivalence=name)
    again = decide_groups(
        [(i, decision.group_of(i)) for i in range(len(texts))],
        equivalence=name,
        policy=policy,
        threshold_bps=5001,
    )
    assert facts(again) == facts(decision)
    assert (again.winner, again.dissent, again.votes, again.outcome) == (
        decision.winner,
        decision.dissent,
        decision.votes,
        decision.outcome,
    )
