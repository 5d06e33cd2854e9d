# SPDX-License-Identifier: Apache-2.0
"""Arbitration end to end: who was right, or that nobody lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cortensor.router.prompts import read_ruling
from tests.python.router.fake_model import Script
from tests.python.router.test_strategies import done, verdicts

if TYPE_CHECKING:
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.harness import Router


def dispute(session: str, **consensus: Any) -> dict[str, Any]:
    return {
        "session_id": session,
        "mode": "arbitration",
        "claim": "Ten pages were translated.",
        "context": {"agreed": "ten pages", "delivered": "nine pages"},
        "consensus": {"replicas": 3, **consensus},
    }


@pytest.mark.parametrize(
    ("words", "outcome", "confidence"),
    [
        (["SELLER_INVALID"] * 3, "SELLER_INVALID", 0.8),
        (["SELLER_VALID", "valid", "VALID"], "SELLER_VALID", 0.8),
        (["SELLER_VALID", "SELLER_VALID", "SELLER_INVALID"], "INCONCLUSIVE", 0.0),
        (["INCONCLUSIVE", "INCONCLUSIVE", "SELLER_VALID"], "INCONCLUSIVE", 0.6),
        (["SELLER_VALID", "SELLER_INVALID", "INCONCLUSIVE"], "INCONCLUSIVE", 0.0),
    ],
)
def test_a_ruling_needs_more_than_the_largest_group(
    router: Router,
    session: str,
    model: FakeModel,
    words: list[str],
    outcome: str,
    confidence: float,
) -> None:
    verdicts(model, *words)
    data, receipt = done(router, session, router.post("validate", dispute(session)))
    assert (data["result"]["outcome"], data["result"]["verdict"]) == (outcome, outcome)
    assert data["consensus"]["confidence"] == confidence
    assert receipt["consensus"]["least_confidence_bps"] == 7000
    assert receipt["consensus"]["labels"] == ["SELLER_VALID", "SELLER_INVALID"]


def test_the_caller_says_how_sure_a_ruling_must_be(
    router: Router, session: str, model: FakeModel
) -> None:
    verdicts(model, "SELLER_VALID", "SELLER_VALID", "SELLER_INVALID")
    asked = dispute(session, least_confidence_bps=6000)
    data, _ = done(router, session, router.post("validate", asked))
    assert data["result"]["outcome"] == "SELLER_VALID"


def test_replicas_are_asked_for_a_ruling(router: Router, session: str, model: FakeModel) -> None:
    verdicts(model, *["SELLER_VALID"] * 3)
    done(router, session, router.post("validate", dispute(session)))
    schema = model.requests[0]["response_format"]["json_schema"]["schema"]
    words = schema["properties"]["verdict"]["enum"]
    assert words == ["SELLER_VALID", "SELLER_INVALID", "INCONCLUSIVE"]
    assert "What the seller says it delivered" in model.requests[0]["messages"][-1]["content"]


def test_a_dispute_nobody_answers_costs_nothing(
    router: Router, session: str, model: FakeModel
) -> None:
    model.default = Script("no idea")
    answer = router.post("validate", dispute(session))
    assert answer.json()["code"] == "all_replicas_failed"
    assert router.ledger() == {session: (0, 0)}


def test_ensemble_model_does_not_arbitrate(router: Router, session: str) -> None:
    answer = router.post("validate", dispute(session, strategy="ensemble_model"))
    assert (answer.status_code, answer.json()["field"]) == (422, "consensus.strategy")


@pytest.mark.parametrize(
    ("text", "ruling"),
    [
        ('{"verdict": "SELLER_VALID"}', "SELLER_VALID"),
        (json.dumps("inconclusive"), "INCONCLUSIVE"),
        ("INVALID.", "SELLER_INVALID"),
        ("SELLER_VALID or SELLER_INVALID", None),
        ("not SELLER_VALID", None),
        ('{"verdict": 1}', None),
    ],
)
def test_a_ruling_is_one_word(text: str, ruling: str | None) -> None:
    assert read_ruling(text) == ruling
