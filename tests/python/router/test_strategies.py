# SPDX-License-Identifier: Apache-2.0
"""Strategies end to end: what is applied, what is billed, and a receipt that can be redone."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from cortensor.consensus import GoldItem, Vote
from cortensor.errors import InvalidInput
from cortensor.pricing import CONSENSUS_METHODS, Terms
from cortensor.receipts.bundle import Bundle
from cortensor.receipts.verify import verify_bundle
from cortensor.store.gold import Answered
from cortensor.store.store import Store
from tests.python.router.fake_model import Script
from tests.python.router.harness import token

if TYPE_CHECKING:
    from pathlib import Path

    from tests.python.router.conftest import Start
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.harness import Router

RECORDS = {
    "201": {"right": 95, "total": 100, "audited": 100},
    "202": {"right": 55, "total": 100, "audited": 100},
    "203": {"right": 55, "total": 100, "audited": 100},
}
MEASURED = {"records": RECORDS, "gold_items": 100}


def body(session: str, consensus: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "session_id": session,
        "claim": "Water is wet.",
        "consensus": {"replicas": 3, **consensus},
        **changes,
    }


def task(session: str, consensus: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "session_id": session,
        "objective": "Rate it.",
        "consensus": {"replicas": 3, **consensus},
        **changes,
    }


def say(model: FakeModel, *texts: str) -> None:
    for name, text in zip(("201", "202", "203"), texts, strict=True):
        model.scripts[name] = Script(text)


def verdicts(model: FakeModel, *words: str) -> None:
    say(model, *[json.dumps({"verdict": word}) for word in words])


def done(router: Router, session: str, answer: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the answer's data and the receipt, which verifies."""
    assert answer.status_code == 200, answer.text
    data = answer.json()
    path = f"/api/v4/receipt/{data['receipt_id']}?bundle=1"
    bundle = Bundle.load(router.get(path, auth=token(session)).content)
    verification = verify_bundle(bundle)
    assert not verification.failures, verification.failures
    return data, bundle.receipt.to_json()


def method(data: dict[str, Any]) -> str:
    return CONSENSUS_METHODS[Terms.unpack(int(data["bill"]["terms"], 16)).consensus_method]


def test_a_plain_majority_keeps_format_1(router: Router, session: str, model: FakeModel) -> None:
    verdicts(model, "VALID", "INVALID", "INVALID")
    data, receipt = done(router, session, router.post("validate", body(session, {})))
    assert receipt["format"] == "cortensor-receipt/1"
    assert "weighing" not in receipt["consensus"]
    assert "weight_micro" not in receipt["replicas"][0]
    assert (method(data), data["consensus"]["n_history"]) == ("majority", 0)


def test_audited_accuracy_turns_a_majority(start: Start, session: str, model: FakeModel) -> None:
    router = start(consensus=MEASURED)
    verdicts(model, "VALID", "INVALID", "INVALID")
    asked = body(session, {"strategy": "weighted"})
    data, receipt = done(router, session, router.post("validate", asked))
    assert data["result"]["verdict"] == "VALID"
    assert data["consensus"]["agreement"] == 0.3333
    assert data["consensus"]["strong_disagreement"] is True
    assert data["consensus"]["weight_by"] == "reputation"
    assert data["consensus"]["confidence_method"] == "posterior"
    assert data["consensus"]["n_eff"] is not None
    assert data["consensus"]["replica_results"][0]["weight"] > 2
    assert receipt["format"] == "cortensor-receipt/2"
    assert receipt["consensus"]["labels"] == ["VALID", "INVALID"]
    assert method(data) == "weighted"
    assert int(data["bill"]["lines"]["consensus"]) > 0


def test_a_vote_of_who_is_mostly_wrong_is_read_backwards(
    start: Start, session: str, model: FakeModel
) -> None:
    wrong = {"201": {"right": 10, "total": 100, "audited": 100}, "202": RECORDS["201"]}
    router = start(consensus={"records": wrong, "gold_items": 100})
    verdicts(model, "VALID", "VALID", "VALID")
    asked = body(session, {"replicas": 1, "session_pool": ["201"], "strategy": "weighted"})
    data, receipt = done(router, session, router.post("validate", asked))
    assert (data["result"]["verdict"], data["consensus"]["winner"]) == ("INVALID", [])
    assert data["consensus"]["low_confidence"] is True
    assert receipt["replicas"][0]["weight_micro"] < 0


def test_without_gold_a_strategy_falls_back_and_is_priced_so(
    router: Router, session: str, model: FakeModel
) -> None:
    verdicts(model, "VALID", "INVALID", "INVALID")
    for strategy in ("weighted", "ensemble_model"):
        asked = body(session, {"strategy": strategy})
        most = router.post("quote", asked, auth="").json()
        data, receipt = done(router, session, router.post("validate", asked))
        assert data["result"]["verdict"] == "INVALID"
        assert data["consensus"]["strategy"] == "majority"
        assert "25 gold items, there are 0" in data["consensus"]["fallback"]
        assert receipt["consensus"]["weighing"]["fallback"] == data["consensus"]["fallback"]
        assert method(data) == method(most) == "majority"


def known(number: int) -> Answered:
    """Return a gold item: 201 is always right, 202 and 203 take turns."""
    right, wrong = ("VALID", "INVALID") if number % 2 else ("INVALID", "VALID")
    said = [right, right if number % 3 else wrong, wrong if number % 3 else right]
    votes = tuple(
        Vote(index=i, rater=rater, label=label)
        for i, (rater, label) in enumerate(zip(("201", "202", "203"), said, strict=True))
    )
    return Answered(item=f"q{number}", known=GoldItem(votes=votes, right=right))


def test_gold_items_in_the_store_are_counted(start: Start, session: str, model: FakeModel) -> None:
    router = start(consensus={"refresh_s": 1})
    verdicts(model, "VALID", "INVALID", "INVALID")
    asked = body(session, {"strategy": "weighted"})
    data, _ = done(router, session, router.post("validate", asked))
    assert (data["result"]["verdict"], method(data)) == ("INVALID", "majority")
    with Store(router.config.database_address) as store:
        assert store.gold.add([known(number) for number in range(60)], int(time.time())) == 180
    until = time.monotonic() + 20
    while time.monotonic() < until and data["consensus"]["fallback"]:
        time.sleep(0.2)
        data, _ = done(router, session, router.post("validate", asked))
    for strategy in ("weighted", "ensemble_model"):
        asked = body(session, {"strategy": strategy})
        data, receipt = done(router, session, router.post("validate", asked))
        assert data["result"]["verdict"] == "VALID"
        assert data["consensus"]["n_history"] == 60
        assert (data["consensus"]["strategy"], method(data)) == (strategy, strategy)
    assert receipt["consensus"]["weighing"]["priors"].keys() == {"VALID", "INVALID"}


def test_a_fitted_confidence_is_read_from_a_file(
    start: Start, session: str, model: FakeModel, tmp_path: Path
) -> None:
    fitted = [
        {
            "strategy": "majority",
            "weight_by": None,
            "n_history": 200,
            "version": "2026-11",
            "fits": {"3": {"cells": {"2": [60, 100], "3": [95, 100]}, "ece_bps": 120}},
        }
    ]
    path = tmp_path / "fitted.json"
    path.write_text(json.dumps(fitted))
    router = start(consensus={"calibration": str(path)})
    verdicts(model, "VALID", "INVALID", "INVALID")
    data, receipt = done(router, session, router.post("validate", body(session, {})))
    assert data["consensus"]["confidence_method"] == "margin_table"
    assert data["consensus"]["confidence"] == 0.6
    assert receipt["consensus"]["calibration"]["version"] == "2026-11"


@pytest.mark.parametrize("text", ["{", "[{}]", "[]x"])
def test_a_malformed_file_of_confidences_stops_the_start(
    start: Start, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "fitted.json"
    path.write_text(text)
    with pytest.raises(InvalidInput, match="calibration"):
        start(consensus={"calibration": str(path)})


def test_stake_breaks_a_tie_and_nothing_else(start: Start, session: str, model: FakeModel) -> None:
    sessions = [
        {"id": name, "model": name, "stake_cor": stake, "max_concurrency": 8}
        for name, stake in (("201", 1), ("202", 1000), ("203", 5))
    ]
    router = start(sessions=sessions)
    asked = body(session, {"strategy": "weighted", "weight_by": "stake"})
    say(model, '{"verdict": "VALID"}', '{"verdict": "INVALID"}', "neither")
    data, receipt = done(router, session, router.post("validate", asked))
    assert data["result"]["verdict"] == "INVALID"
    assert receipt["replicas"][1]["preference"] == str(1000 * 10**18)
    verdicts(model, "VALID", "INVALID", "VALID")
    data, _ = done(router, session, router.post("validate", asked))
    assert data["result"]["verdict"] == "VALID"
    assert method(data) == "weighted"


@pytest.mark.parametrize("weight_by", ["latency", "cost"])
def test_time_and_cost_break_a_tie_by_what_the_receipt_says_of_them(
    router: Router, session: str, model: FakeModel, weight_by: str
) -> None:
    quick = {"prompt_tokens": 5, "completion_tokens": 1}
    model.scripts["201"] = Script('{"verdict": "VALID"}', delay_s=1.5)
    model.scripts["202"] = Script('{"verdict": "INVALID"}', usage=quick)
    model.scripts["203"] = Script("neither")
    asked = body(session, {"strategy": "weighted", "weight_by": weight_by})
    data, receipt = done(router, session, router.post("validate", asked))
    assert data["result"]["verdict"] == "INVALID"
    if weight_by == "cost":
        shown = data["consensus"]["replica_results"][1]["cost_wei"]
        assert receipt["replicas"][1]["preference"] == shown == str(5 * 10**12 + 3 * 10**12)


@pytest.mark.parametrize("strategy", ["median", "median_of_means", "trimmed_mean"])
def test_scores_are_agreed_within_a_tolerance(
    router: Router, session: str, model: FakeModel, strategy: str
) -> None:
    say(model, '{"total": 19.50}', '{"total": 19.49}', '{"total": 950}')
    how = {"field": "total", "decimals": 2, "tolerance": 5, "lowest": 0, "highest": 100_000}
    asked = task(session, {"strategy": strategy, "score": how})
    data, receipt = done(router, session, router.post("delegate", asked))
    assert data["result"]["score"] == "1950"
    assert data["result"]["output"] == '{"total": 19.50}'
    assert data["consensus"]["equivalence"] == "score"
    assert data["consensus"]["winner"] == [0, 1]
    assert data["consensus"]["dissent"] == [2]
    assert [entry["value"] for entry in receipt["replicas"]] == ["1950", "1949", "95000"]
    assert receipt["consensus"]["scale"]["field"] == "total"
    assert method(data) == strategy


def test_what_is_no_score_is_no_vote_and_not_billed(
    router: Router, session: str, model: FakeModel
) -> None:
    say(model, "7", "a seven", "11")
    asked = task(session, {"strategy": "median", "score": {"lowest": 0, "highest": 10}})
    data, _ = done(router, session, router.post("delegate", asked))
    results = data["consensus"]["replica_results"]
    assert [each.get("reason") for each in results] == [None, "no_score", "out_of_bounds"]
    assert data["result"]["score"] == "7"
    assert data["consensus"]["verdicts"] == ["OK", "ERROR", "ERROR"]


def test_a_silent_replica_can_count_against_every_answer(
    router: Router, session: str, model: FakeModel
) -> None:
    say(model, '{"verdict": "VALID"}', "neither", "neither")
    plain, _ = done(router, session, router.post("validate", body(session, {})))
    assert plain["result"]["verdict"] == "VALID"
    asked = body(session, {"non_votes": "against"})
    data, receipt = done(router, session, router.post("validate", asked))
    assert data["result"]["outcome"] == "NO_CONSENSUS"
    assert receipt["consensus"]["non_vote_rule"] == "against"
    ignored = body(session, {"non_votes": "ignore"})
    data, _ = done(router, session, router.post("validate", ignored))
    assert data["consensus"]["agreement"] == 1.0


def test_the_names_of_v3_are_understood(start: Start, session: str, model: FakeModel) -> None:
    router = start(consensus=MEASURED)
    verdicts(model, "VALID", "INVALID", "INVALID")
    asked = body(session, {"aggregation": "weighted"})
    data, _ = done(router, session, router.post("validate", asked))
    assert data["result"]["verdict"] == "VALID"
    assert data["consensus"]["verdicts"] == ["VALID", "INVALID", "INVALID"]
    both = body(session, {"aggregation": "model_ensemble", "strategy": "ensemble_model"})
    data, _ = done(router, session, router.post("validate", both))
    assert data["consensus"]["fallback"].startswith("ensemble_model needs")


@pytest.mark.parametrize(
    ("endpoint", "consensus", "field"),
    [
        ("validate", {"weight_by": "stake"}, "weight_by"),
        ("validate", {"strategy": "weighted", "weight_by": "fame"}, "weight_by"),
        ("validate", {"strategy": "median"}, "strategy"),
        ("delegate", {"strategy": "ensemble_model"}, "strategy"),
        ("delegate", {"strategy": "median", "equivalence": "json"}, "equivalence"),
        ("delegate", {"score": {}}, "score"),
        ("delegate", {"strategy": "median", "score": {"lowest": 1}}, "score"),
        ("delegate", {"strategy": "median", "score": {"lowest": 2, "highest": 1}}, "score.lowest"),
        ("delegate", {"strategy": "median", "score": {"decimals": 19}}, "score.decimals"),
        ("delegate", {"non_votes": "maybe"}, "non_votes"),
        ("validate", {"least_confidence_bps": 9000}, "least_confidence_bps"),
        ("validate", {"strategy": "majority", "aggregation": "weighted"}, "aggregation"),
        ("validate", {"aggregation": "loudest"}, "strategy"),
    ],
)
def test_what_does_not_fit_is_refused_by_name_and_free(
    router: Router, session: str, endpoint: str, consensus: dict[str, Any], field: str
) -> None:
    asked = (body if endpoint == "validate" else task)(session, consensus)
    for route in (endpoint, "quote"):
        answer = router.post(route, asked)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field"), answer.text
        assert answer.json()["field"] == f"consensus.{field}"
    assert router.model.requests == []
