# SPDX-License-Identifier: Apache-2.0
"""The majority rule, case by case; docs/spec/consensus.md has the reasons."""

from __future__ import annotations

import pytest

from cortensor.consensus import Decision, Vote, decide_answers, decide_groups, decide_verdicts
from cortensor.errors import InvalidInput


def verdicts(text: str, policy: str = "return_all", threshold_bps: int = 5001) -> Decision:
    """Votes spelt in letters: V valid, I invalid, R retry, T timeout, E error, - unreadable."""
    labels = {"V": "VALID", "I": "INVALID", "R": "RETRY"}
    states = {"T": "TIMEOUT", "E": "ERROR"}
    votes = [
        Vote(index=i, status=states.get(letter, "OK"), label=labels.get(letter))
        for i, letter in enumerate(text)
    ]
    return decide_verdicts(votes, policy=policy, threshold_bps=threshold_bps)


@pytest.mark.parametrize(
    ("votes", "policy", "expected"),
    [
        # one replica
        ("V", "return_all", ("VALID", 10_000, 6_666, False)),
        ("V", "fail_hard", ("VALID", 10_000, 6_666, False)),
        ("T", "return_all", ("FAILED", 0, 0, True)),
        # three
        ("VVV", "fail_hard", ("VALID", 10_000, 8_000, False)),
        ("VVI", "return_all", ("VALID", 6_666, 6_000, False)),
        ("VVI", "fail_hard", ("VALID", 6_666, 6_000, False)),
        ("VIR", "return_all", ("NO_CONSENSUS", 3_333, 0, True)),
        ("VIR", "fail_hard", ("NO_CONSENSUS", 3_333, 0, True)),
        ("VIR", "best_effort", ("VALID", 3_333, 4_000, True)),
        ("TIV", "best_effort", ("INVALID", 3_333, 4_000, True)),
        # non-votes count against: one vote of three is no majority
        ("VTE", "return_all", ("VALID", 3_333, 4_000, True)),
        ("VTE", "fail_hard", ("NO_CONSENSUS", 3_333, 0, True)),
        ("VTE", "best_effort", ("VALID", 3_333, 4_000, True)),
        ("VVT", "fail_hard", ("VALID", 6_666, 6_000, False)),
        ("V--", "fail_hard", ("NO_CONSENSUS", 3_333, 0, True)),
        ("TEE", "best_effort", ("FAILED", 0, 0, True)),
        # five
        ("VVVVV", "fail_hard", ("VALID", 10_000, 8_571, False)),
        ("VVVII", "fail_hard", ("VALID", 6_000, 5_714, False)),
        ("VVIIR", "return_all", ("NO_CONSENSUS", 4_000, 0, True)),
        ("IIVVR", "best_effort", ("INVALID", 4_000, 4_285, True)),
        ("VVIRT", "return_all", ("VALID", 4_000, 4_285, True)),
        ("VVIRT", "fail_hard", ("NO_CONSENSUS", 4_000, 0, True)),
    ],
)
def test_outcomes(votes: str, policy: str, expected: tuple[str, int, int, bool]) -> None:
    decision = verdicts(votes, policy)
    assert (
        decision.outcome,
        decision.agreement_bps,
        decision.confidence_bps,
        decision.strong_disagreement,
    ) == expected
    assert decision.replicas == len(votes)


def test_the_threshold_decides_what_fail_hard_accepts() -> None:
    assert verdicts("VVI", "fail_hard", 6_666).outcome == "VALID"
    assert verdicts("VVI", "fail_hard", 6_667).outcome == "NO_CONSENSUS"
    assert verdicts("VVI", "return_all", 6_667).outcome == "VALID"
    assert verdicts("VVI", "return_all", 6_667).strong_disagreement


def test_winner_dissent_and_non_votes_partition_the_replicas() -> None:
    decision = verdicts("IVTV-")
    assert decision.winner == (1, 3)
    assert decision.dissent == (0,)
    assert decision.non_votes == 2
    assert decision.votes == {"INVALID": 1, "VALID": 2}
    assert decision.representative == 1
    assert decision.group_of(0) == "INVALID"
    assert decision.group_of(2) is None


def test_without_a_winner_every_vote_dissents() -> None:
    decision = verdicts("VIR")
    assert (decision.winner, decision.dissent) == ((), (0, 1, 2))
    assert decision.representative is None


def test_answers_are_grouped_and_numbered_by_lowest_index() -> None:
    texts = ["Lyon", "Paris", None, " paris ", "PARIS"]
    votes = [
        Vote(index=i, text=text, status="OK" if text else "TIMEOUT") for i, text in enumerate(texts)
    ]
    decision = decide_answers(votes, policy="fail_hard")
    assert decision.outcome == "OK"
    assert decision.votes == {"0": 1, "1": 3}
    assert [decision.cluster_of(i) for i in range(5)] == [0, 1, None, 1, 1]
    assert decision.representative == 1


def test_a_status_other_than_ok_never_votes() -> None:
    late = [Vote(index=0, status="ERROR", label="VALID", text="x"), Vote(index=1, label="INVALID")]
    assert decide_verdicts(late, policy="return_all").votes == {"INVALID": 1}
    assert decide_answers(late, policy="return_all").outcome == "FAILED"


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: decide_verdicts([], policy="return_all"), "votes"),
        (lambda: verdicts("V", "shrug"), "consensus.disagreement_policy"),
        (lambda: verdicts("V", "return_all", 10_001), "consensus.agreement_threshold_bps"),
        (
            lambda: decide_verdicts([Vote(index=1), Vote(index=1)], policy="return_all"),
            "votes",
        ),
        (
            lambda: decide_verdicts([Vote(index=1, status="LOST")], policy="return_all"),
            "votes.status",
        ),
        (
            lambda: decide_answers([Vote(index=1)], policy="return_all", equivalence="vibes"),
            "consensus.equivalence",
        ),
        (
            lambda: decide_answers(
                [Vote(index=1)], policy="return_all", equivalence="exact", tolerance_millionths=1
            ),
            "tolerance_millionths",
        ),
        (
            lambda: decide_groups(
                [(0, "0")], equivalence="vibes", policy="return_all", threshold_bps=1
            ),
            "consensus.equivalence",
        ),
    ],
)
def test_bad_rounds_name_the_field(call: object, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call()  # type: ignore[operator]
    assert caught.value.field == field
