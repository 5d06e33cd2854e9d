# SPDX-License-Identifier: Apache-2.0
"""Disputes: a ruling needs more than the largest group, anything less is inconclusive."""

from __future__ import annotations

import pytest

from cortensor.consensus import (
    INCONCLUSIVE,
    SELLER_INVALID,
    SELLER_VALID,
    Decision,
    Record,
    Reputation,
    Vote,
    arbitrate,
)
from cortensor.errors import InvalidInput

LABELS = {"V": "VALID", "I": "INVALID", "R": "RETRY", "N": "NEEDS_SPEC", "S": SELLER_VALID}


def ruled(text: str, **rule: object) -> Decision:
    votes = [
        Vote(index=i, label=LABELS.get(letter), status="TIMEOUT" if letter == "T" else "OK")
        for i, letter in enumerate(text)
    ]
    return arbitrate(votes, **rule)


@pytest.mark.parametrize(
    ("votes", "expected", "confidence"),
    [
        ("VVV", SELLER_VALID, 8_000),
        ("III", SELLER_INVALID, 8_000),
        ("VSV", SELLER_VALID, 8_000),
        ("VVVVI", SELLER_VALID, 7_142),
        # short of .70: nobody loses
        ("V", INCONCLUSIVE, 0),
        ("VVI", INCONCLUSIVE, 0),
        ("VVVII", INCONCLUSIVE, 0),
        ("VVT", INCONCLUSIVE, 0),
        # no leader
        ("VI", INCONCLUSIVE, 0),
        # replicas that favour nobody
        ("RNR", INCONCLUSIVE, 8_000),
        ("VRN", INCONCLUSIVE, 6_000),
        ("TTT", "FAILED", 0),
    ],
)
def test_rulings(votes: str, expected: str, confidence: int) -> None:
    decision = ruled(votes)
    assert (decision.outcome, decision.confidence_bps) == (expected, confidence)


def test_an_inconclusive_ruling_has_no_winner_but_keeps_the_votes() -> None:
    decision = ruled("VVI")
    assert (decision.winner, decision.dissent, decision.representative) == ((), (0, 1, 2), None)
    assert decision.votes == {SELLER_VALID: 2, SELLER_INVALID: 1}
    assert decision.agreement_bps == 6_666


def test_the_least_confidence_is_the_callers() -> None:
    assert ruled("VVI", least_confidence_bps=6_000).outcome == SELLER_VALID
    assert ruled("VVI", least_confidence_bps=6_001).outcome == INCONCLUSIVE
    assert ruled("VVVVV", least_confidence_bps=9_000).outcome == INCONCLUSIVE


def test_no_ruling_below_the_agreement_threshold() -> None:
    assert ruled("VVVVI", threshold_bps=8_001, least_confidence_bps=0).outcome == INCONCLUSIVE


def test_nobody_loses_by_votes_that_are_read_backwards() -> None:
    reputation = Reputation(
        records={"below": Record(right=5, total=100, audited=100)},
        pool=Record(right=50, total=100),
        gold_items=100,
    )
    votes = [Vote(index=i, label="VALID", rater="below") for i in range(3)]
    decision = arbitrate(votes, strategy="weighted", reputation=reputation, least_confidence_bps=0)
    assert decision.outcome == INCONCLUSIVE


@pytest.mark.parametrize("fixed", ["equivalence", "labels", "scale", "tolerance_millionths"])
def test_what_arbitration_fixes_cannot_be_chosen(fixed: str) -> None:
    with pytest.raises(InvalidInput):
        arbitrate([Vote(index=0, label="VALID")], **{fixed: None})
