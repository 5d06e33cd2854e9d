# SPDX-License-Identifier: Apache-2.0
"""One worked example for each strategy over labels, and the rules around them."""

from __future__ import annotations

import pytest

from cortensor.consensus import (
    Correlation,
    Decision,
    EnsembleModel,
    Record,
    Reputation,
    Vote,
    decide,
)
from cortensor.errors import InvalidInput

UNCORRELATED = Correlation(twins_bps=0, same_model_bps=0, same_prompt_bps=0, neither_bps=0)
REPUTATION = Reputation(
    records={
        "strong": Record(right=95, total=100, audited=100),
        "fair": Record(right=65, total=100, audited=100),
        "weak": Record(right=60, total=100, audited=100),
        "below": Record(right=25, total=100, audited=100),
    },
    pool=Record(right=600, total=1_000),
    gold_items=100,
    correlation=UNCORRELATED,
)
"""(right + 4.8) / 108: .924, .646, .6, .276 -> 2.2 (cap), .602798, .405465, -.965284."""


def ballot(text: str, **fields: list[object]) -> list[Vote]:
    """Votes spelt in letters: T true, F false, - timed out; fields by position."""
    labels = {"T": "TRUE", "F": "FALSE"}
    return [
        Vote(
            index=index,
            status="TIMEOUT" if letter == "-" else "OK",
            label=labels.get(letter),
            **{name: values[index] for name, values in fields.items()},
        )
        for index, letter in enumerate(text)
    ]


def by_reputation(text: str, raters: list[str], **rule: object) -> Decision:
    return decide(
        ballot(text, rater=list(raters)),
        **{"strategy": "weighted", "reputation": REPUTATION, "labels": ("TRUE", "FALSE"), **rule},
    )


def test_majority_counts_heads() -> None:
    decision = decide(ballot("TFF"))
    assert (decision.outcome, decision.agreement_bps, decision.confidence_bps) == (
        "FALSE",
        6_666,
        6_000,
    )
    assert (decision.strategy, decision.calibration.method) == ("majority", "laplace")
    assert decision.margin_micro is None


def test_weighted_by_reputation_lets_one_strong_record_beat_two_weak_ones() -> None:
    decision = by_reputation("TFF", ["strong", "fair", "weak"])
    assert decision.outcome == "TRUE"
    assert decision.weighing.weights == {0: 2_200_000, 1: 602_798, 2: 405_465}
    assert decision.margin_micro == 2_200_000 - 602_798 - 405_465
    # 1 / (1 + exp(-1.191737)) = .76704
    assert decision.confidence_bps == 7_670
    assert decision.calibration.method == "posterior"
    # One of three is no agreement, whatever it weighs.
    assert (decision.winner, decision.agreement_bps) == ((0,), 3_333)
    assert decision.strong_disagreement


def test_fail_hard_refuses_a_winner_whom_most_contradict() -> None:
    decision = by_reputation("TFF", ["strong", "fair", "weak"], policy="fail_hard")
    assert (decision.outcome, decision.confidence_bps) == ("NO_CONSENSUS", 0)


def test_weighted_by_reputation_discounts_what_correlated_replicas_share() -> None:
    correlated = Reputation(
        records=REPUTATION.records,
        pool=REPUTATION.pool,
        gold_items=100,
        correlation=Correlation(neither_bps=4_000),
    )
    decision = by_reputation("TTF", ["fair", "weak", "strong"], reputation=correlated)
    # shared = .2 * 3.208263 / 1.4 = .458323; fair .144475, weak 0, strong 1.741677
    assert decision.margin_micro == 1_741_677 - 144_475
    assert decision.n_eff_milli == 3_000 * 10_000 // 18_000


def test_below_chance_a_vote_speaks_for_the_other_of_two_labels() -> None:
    decision = by_reputation("TTT", ["below"] * 3)
    assert (decision.outcome, decision.winner, decision.dissent) == ("FALSE", (), (0, 1, 2))
    assert (decision.agreement_bps, decision.strong_disagreement) == (0, True)
    assert decision.representative is None


def test_below_chance_a_vote_speaks_for_nothing_where_labels_are_open() -> None:
    decision = by_reputation("TTT", ["below"] * 3, labels=None)
    assert (decision.outcome, decision.confidence_bps) == ("NO_CONSENSUS", 0)
    assert by_reputation("TTT", ["below"] * 3, labels=None, policy="best_effort").outcome == "TRUE"


def test_one_of_five_cannot_turn_four_whatever_it_is_credited() -> None:
    raters = ["strong", "weak", "weak", "weak", "weak"]
    decision = by_reputation("FTTTT", raters)
    assert decision.outcome == "TRUE"
    # The bound is no belief: the log-odds say what the records say.
    assert decision.margin_micro == 4 * 405_465 - 2_200_000
    assert decision.confidence_bps < 5_000


def test_without_gold_the_majority_decides_and_the_decision_says_so() -> None:
    young = Reputation(records=REPUTATION.records, gold_items=24)
    decision = by_reputation("TFF", ["strong", "fair", "weak"], reputation=young)
    assert (decision.outcome, decision.strategy) == ("FALSE", "majority")
    assert decision.weighing.fallback == (
        "weighted by reputation needs 25 gold items, there are 24"
    )
    assert by_reputation("TFF", ["a", "b", "c"], reputation=None).weighing.fallback is not None


@pytest.mark.parametrize(
    ("weight_by", "field", "values", "expected"),
    [
        ("stake", "stake", [5, 9, 7, 6], "FALSE"),  # 11 for TRUE, 16 for FALSE
        ("latency", "latency_ms", [100, 900, 50, 120], "TRUE"),  # 220 ms to 950 ms
        ("cost", "cost", [10, 10, 10, 9], "TRUE"),
    ],
)
def test_stake_latency_and_cost_break_ties(
    weight_by: str, field: str, values: list[object], expected: str
) -> None:
    votes = ballot("TFFT", **{field: values})
    decision = decide(votes, strategy="weighted", weight_by=weight_by)
    assert (decision.outcome, decision.weighing.weight_by) == (expected, weight_by)
    assert decide(votes).outcome == "NO_CONSENSUS"


@pytest.mark.parametrize(
    ("weight_by", "field", "values"),
    [
        ("stake", "stake", [10**30, 1, 1]),
        ("latency", "latency_ms", [1, 10**6, 10**6]),
        ("cost", "cost", [0, 10**18, 10**18]),
    ],
)
def test_stake_latency_and_cost_never_turn_a_majority(
    weight_by: str, field: str, values: list[object]
) -> None:
    votes = ballot("TFF", **{field: values})
    assert decide(votes, strategy="weighted", weight_by=weight_by).outcome == "FALSE"


def test_a_preference_that_is_not_known_of_all_breaks_no_tie() -> None:
    votes = ballot("TF", stake=[5, None])
    assert decide(votes, strategy="weighted", weight_by="stake").outcome == "NO_CONSENSUS"


MODEL = EnsembleModel(
    items={"TRUE": 89, "FALSE": 9},
    raters={
        "yes-man": {"TRUE": {"TRUE": 88, "FALSE": 1}, "FALSE": {"TRUE": 8, "FALSE": 1}},
        "careful": {"TRUE": {"TRUE": 60, "FALSE": 29}, "FALSE": {"TRUE": 1, "FALSE": 8}},
    },
)


def test_ensemble_model_knows_how_common_labels_are_and_what_a_vote_of_each_rater_means() -> None:
    alone = decide(ballot("T", rater=["yes-man"]), strategy="ensemble_model", model=MODEL)
    # The prior: 90/100 and 10/100. The yes-man's TRUE says nearly nothing.
    assert alone.weighing.priors == {"TRUE": -105_361, "FALSE": -2_302_585}
    told = alone.weighing.likelihoods[0]
    assert told["TRUE"] - told["FALSE"] < 350_000
    assert alone.outcome == "TRUE"
    assert alone.confidence_bps > 9_000
    # Two careful FALSE are needed to believe the rare label.
    assert (
        decide(ballot("F", rater=["careful"]), strategy="ensemble_model", model=MODEL).outcome
        == "TRUE"
    )


def test_ensemble_model_has_the_name_of_the_v3_roadmap_too() -> None:
    decision = decide(ballot("T", rater=["careful"]), strategy="model_ensemble", model=MODEL)
    assert decision.strategy == "ensemble_model"


def test_ensemble_model_counts_correlated_votes_as_fewer() -> None:
    votes = ballot("FF", rater=["careful", "careful"])
    apart = decide(
        votes,
        strategy="ensemble_model",
        model=MODEL,
        reputation=REPUTATION,
    )
    twins = [
        Vote(index=v.index, label=v.label, rater=v.rater, model="m", prompt="p") for v in votes
    ]
    together = decide(twins, strategy="ensemble_model", model=MODEL)
    assert (together.n_eff_milli, apart.n_eff_milli) == (1_000, 2_000)
    # Both leave the common label ahead; the evidence against it counts twice or once.
    assert apart.outcome == together.outcome == "TRUE"
    assert apart.margin_micro == 571_838
    assert together.margin_micro == 1_384_531


def test_ensemble_model_without_gold_or_model_falls_back() -> None:
    small = EnsembleModel(items={"TRUE": 12, "FALSE": 12}, raters={})
    for model in (None, small):
        decision = decide(ballot("TFF"), strategy="ensemble_model", model=model)
        assert (decision.outcome, decision.strategy) == ("FALSE", "majority")
        assert "needs 25 gold items" in (decision.weighing.fallback or "")


def test_a_label_the_model_does_not_know_tells_nothing() -> None:
    votes = [Vote(index=0, label="RETRY", rater="careful")]
    decision = decide(votes, strategy="ensemble_model", model=MODEL)
    assert decision.weighing.likelihoods[0] == {"TRUE": 0, "FALSE": 0}
    assert (decision.outcome, decision.winner) == ("TRUE", ())


@pytest.mark.parametrize(
    ("non_votes", "outcome", "agreement", "confidence"),
    [
        ("abstain", "TRUE", 3_333, 4_000),
        ("ignore", "TRUE", 10_000, 6_666),
        ("against", "NO_CONSENSUS", 0, 0),
    ],
)
@pytest.mark.parametrize("status", ["TIMEOUT", "ERROR", "OK"])  # OK: the answer is unreadable
def test_timeouts_and_errors_abstain_are_ignored_or_speak_against_by_rule(
    non_votes: str, outcome: str, agreement: int, confidence: int, status: str
) -> None:
    votes = [Vote(index=0, label="TRUE"), *(Vote(index=i, status=status) for i in (1, 2))]
    decision = decide(votes, non_votes=non_votes)
    assert (decision.outcome, decision.agreement_bps, decision.confidence_bps) == (
        outcome,
        agreement,
        confidence,
    )
    assert (decision.non_votes, decision.non_vote_rule) == (2, non_votes)


def test_best_effort_gives_the_best_answer_that_there_is_even_against_timeouts() -> None:
    assert decide(ballot("T--"), non_votes="against", policy="best_effort").outcome == "TRUE"


def test_timeouts_of_strong_records_weigh_more_against() -> None:
    strong = by_reputation("T-", ["weak", "strong"], non_votes="against")
    weak = by_reputation("T-", ["strong", "weak"], non_votes="against")
    assert (strong.outcome, weak.outcome) == ("NO_CONSENSUS", "TRUE")


def test_answers_are_weighted_as_groups() -> None:
    votes = [
        Vote(index=0, text="Paris", rater="strong"),
        Vote(index=1, text="Lyon", rater="fair"),
        Vote(index=2, text="lyon ", rater="weak"),
    ]
    decision = decide(votes, strategy="weighted", reputation=REPUTATION, equivalence="exact")
    assert (decision.outcome, decision.representative, decision.votes) == (
        "OK",
        0,
        {"0": 1, "1": 2},
    )
    # Open labels: "something else" competes with log-score 0.
    # ln(exp(1.008263) + 1) = 1.319309
    assert decision.margin_micro == 2_200_000 - 1_319_309


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"strategy": "plurality"}, "consensus.strategy"),
        ({"strategy": "weighted", "weight_by": "age"}, "consensus.weight_by"),
        ({"strategy": "majority", "weight_by": "stake"}, "consensus.weight_by"),
        ({"strategy": "median", "weight_by": "stake"}, "consensus.weight_by"),
        ({"policy": "maybe"}, "consensus.disagreement_policy"),
        ({"threshold_bps": 10_001}, "consensus.agreement_threshold_bps"),
        ({"non_votes": "maybe"}, "consensus.non_votes"),
        ({"labels": ("TRUE", "TRUE")}, "consensus.labels"),
        ({"labels": ("TRUE", "")}, "consensus.labels"),
        ({"equivalence": "alike"}, "consensus.equivalence"),
        ({"tolerance_millionths": 5}, "tolerance_millionths"),
        ({"equivalence": "embedding"}, "embedding"),
    ],
)
def test_what_is_no_rule_is_refused(rule: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        decide(ballot("TFF"), **rule)
    assert caught.value.field == field


def test_an_empty_label_is_refused() -> None:
    with pytest.raises(InvalidInput, match="label"):
        decide([Vote(index=0, label="")])


def test_a_model_needs_two_labels() -> None:
    with pytest.raises(InvalidInput):
        EnsembleModel(items={"TRUE": 30}, raters={})
