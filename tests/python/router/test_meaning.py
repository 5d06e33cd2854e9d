# SPDX-License-Identifier: Apache-2.0
"""Answers compared by meaning or with a tolerance, from the request into the receipt."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cortensor.embedding import MINILM, load_model, model_for
from cortensor.errors import InvalidInput, Unavailable
from cortensor.receipts.bundle import Bundle
from cortensor.receipts.verify import verify_bundle
from tests.python.router.fake_model import Script
from tests.python.router.harness import token

if TYPE_CHECKING:
    from tests.python.router.conftest import Start
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.harness import Router

ALIKE = ("The parcel arrived on Monday.", "The parcel arrived, on Monday!")
NOT = "The parcel never arrived on Monday."


def task(session: str, consensus: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "session_id": session,
        "objective": "When did it arrive?",
        "consensus": {"replicas": 3, **consensus},
        **changes,
    }


def say(model: FakeModel, *texts: str) -> None:
    for name, text in zip(("201", "202", "203"), texts, strict=False):
        model.scripts[name] = Script(text)


def done(router: Router, session: str, answer: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the answer's data and the receipt, whose likeness is proven where it has one."""
    assert answer.status_code == 200, answer.text
    data = answer.json()
    path = f"/api/v4/receipt/{data['receipt_id']}?bundle=1"
    bundle = Bundle.load(router.get(path, auth=token(session)).content)
    verification = verify_bundle(bundle, models=model_for)
    assert not verification.failures, verification.failures
    statuses = {check.name: check.status for check in verification.checks}
    assert statuses.get("likeness", "proven") == "proven"
    return data, bundle.receipt.to_json()


def refusal(answer: Any) -> tuple[int, str, str]:
    problem = answer.json()
    return answer.status_code, problem["code"], problem.get("field")


def test_answers_of_one_meaning_agree_and_a_denial_does_not(
    router: Router, session: str, model: FakeModel
) -> None:
    say(model, *ALIKE, NOT)
    asked = task(session, {"equivalence": "embedding"})
    data, receipt = done(router, session, router.post("delegate", asked))
    assert (data["consensus"]["equivalence"], data["consensus"]["winner"]) == ("embedding", [0, 1])
    assert receipt["format"] == "cortensor-receipt/3"
    likeness = receipt["consensus"]["likeness"]
    assert (likeness["model"], likeness["dispersion_bps"]) == ("wordllama/l2_supercat_256", 2_500)
    assert [pair["gate"] for pair in likeness["pairs"]] == [None, "negation", "negation"]
    assert data["result"]["output"] in ALIKE
    assert data["consensus"]["similarities"] == [
        {
            "replicas": pair["replicas"],
            "similarity": pair["similarity_bps"] / 10_000,
            "gate": pair["gate"],
        }
        for pair in likeness["pairs"]
    ]
    plain = router.post("delegate", task(session, {"equivalence": "exact"})).json()
    assert "similarities" not in plain["consensus"]


def test_the_caller_says_how_far_apart_one_answer_may_be(
    router: Router, session: str, model: FakeModel
) -> None:
    say(model, "The parcel arrived on Monday.", "The parcel came on Monday.", "It is lost.")
    winners = []
    for distance in (0, 2_500, 6_000):
        asked = task(session, {"equivalence": "embedding", "dispersion_bps": distance})
        data, receipt = done(router, session, router.post("delegate", asked))
        assert receipt["consensus"]["likeness"]["dispersion_bps"] == distance
        winners.append(data["consensus"]["winner"])
    assert winners[0] == []
    assert winners[2] == [0, 1]


def test_an_adaptive_run_compares_by_meaning(start: Start, session: str, model: FakeModel) -> None:
    names = [f"20{number}" for number in range(1, 6)]
    router = start(sessions=[{"id": n, "model": n, "miner": n, "seed": 1} for n in names])
    for name, text in zip(names, (*ALIKE, *ALIKE, NOT), strict=True):
        model.scripts[name] = Script(text)
    asked = task(session, {"equivalence": "embedding"}, policy={"tier": "adaptive"})
    del asked["consensus"]["replicas"]
    data, _ = done(router, session, router.post("delegate", asked))
    assert (data["consensus"]["stopped"], data["consensus"]["replicas"]) == ("confident", 3)


@pytest.mark.parametrize("name", ["json", "canonical_json"])
def test_numbers_may_differ_by_a_tolerance(
    router: Router, session: str, model: FakeModel, name: str
) -> None:
    say(model, '{"total": 100}', '{"total": 100.5}', '{"total": 150}')
    asked = task(session, {"equivalence": name, "tolerance_millionths": 10_000})
    data, receipt = done(router, session, router.post("delegate", asked))
    assert (data["consensus"]["equivalence"], data["consensus"]["winner"]) == ("json", [0, 1])
    assert receipt["format"] == "cortensor-receipt/3"
    assert receipt["consensus"]["tolerance_millionths"] == 10_000
    plain = task(session, {"equivalence": name})
    data, receipt = done(router, session, router.post("delegate", plain))
    assert (data["consensus"]["winner"], receipt["format"]) == ([], "cortensor-receipt/1")


def test_words_have_two_names(router: Router, session: str, model: FakeModel) -> None:
    say(model, "it was paid on time", "on time it was paid", "never")
    for name in ("overlap", "token_overlap"):
        data, receipt = done(
            router, session, router.post("delegate", task(session, {"equivalence": name}))
        )
        assert (data["consensus"]["equivalence"], data["consensus"]["winner"]) == (
            "overlap",
            [0, 1],
        )
        assert receipt["format"] == "cortensor-receipt/1"


SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}


@pytest.mark.parametrize(
    ("consensus", "changes", "field"),
    [
        ({"equivalence": "embedding"}, {"output_schema": SCHEMA}, "equivalence"),
        ({"equivalence": "exact", "tolerance_millionths": 5}, {}, "tolerance_millionths"),
        ({"tolerance_millionths": 5}, {}, "tolerance_millionths"),
        ({"equivalence": "json", "dispersion_bps": 5}, {}, "dispersion_bps"),
        ({"equivalence": "embedding", "tolerance_millionths": 5}, {}, "tolerance_millionths"),
        ({"strategy": "median", "tolerance_millionths": 5}, {}, "tolerance_millionths"),
        ({"equivalence": "embedding", "dispersion_bps": 10_001}, {}, "dispersion_bps"),
        ({"equivalence": "meaning"}, {}, "equivalence"),
    ],
)
def test_what_an_equivalence_does_not_use_is_refused(
    router: Router, session: str, consensus: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    answer = router.post("delegate", task(session, consensus, **changes))
    assert refusal(answer) == (422, "invalid_field", f"consensus.{field}")
    assert router.ledger()[session] == (0, 0)


def test_a_verdict_is_never_compared_by_meaning(router: Router, session: str) -> None:
    body = {"session_id": session, "claim": "Water is wet."}
    for setting in ({"equivalence": "embedding"}, {"dispersion_bps": 5}):
        answer = router.post("validate", {**body, "consensus": setting})
        assert refusal(answer) == (422, "invalid_field", f"consensus.{next(iter(setting))}")


def test_an_output_schema_takes_a_tolerance(router: Router, session: str, model: FakeModel) -> None:
    say(model, '{"total": 100}', '{"total": 100.5}', '{"total": 150}')
    asked = task(session, {"tolerance_millionths": 10_000}, output_schema=SCHEMA)
    data, _ = done(router, session, router.post("delegate", asked))
    assert data["consensus"]["winner"] == [0, 1]


@pytest.mark.parametrize("missing", ["safetensors", "tokenizers", "numpy"])
def test_without_the_extra_the_call_says_what_to_install(
    router: Router, session: str, model: FakeModel, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    # What the interpreter does with a package that is not there.
    for module in ("wordllama", "files"):
        monkeypatch.delitem(sys.modules, f"cortensor.embedding.{module}", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    say(model, *ALIKE, NOT)
    asked = task(session, {"equivalence": "embedding"})
    for answer in (router.post("delegate", asked), router.post("quote", asked)):
        assert refusal(answer) == (422, "embedding_unavailable", "consensus.equivalence")
        assert "pip install 'cortensor[embedding]'" in answer.json()["detail"]
    assert router.ledger()[session] == (0, 0)
    monkeypatch.undo()
    assert router.post("delegate", asked).status_code == 200


def test_a_router_that_names_a_model_does_not_start_without_it(
    start: Start, tmp_path: Path
) -> None:
    with pytest.raises(Unavailable, match="minilm cannot be read"):
        start(consensus={"embedding": "minilm", "minilm": str(tmp_path / "nowhere")})
    for wrong in (
        {"embedding": "minilm"},
        {"minilm": "x"},
        {"embedding": "wordllama", "minilm": "x"},
    ):
        with pytest.raises(InvalidInput, match=r"consensus\.minilm"):
            start(consensus=wrong)
    assert start(consensus={"embedding": "wordllama"}).get("/healthz").status_code == 200


def test_minilm_without_a_path_is_said_to_lack_it() -> None:
    with pytest.raises(Unavailable, match="path"):
        load_model(MINILM)
