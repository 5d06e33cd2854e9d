# SPDX-License-Identifier: Apache-2.0
"""v2, v3 and v4 of a call are shapes of one: same work, same verdict, same charge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from cortensor.receipts.bundle import Bundle
from cortensor.receipts.verify import verify_bundle
from tests.python.router.fake_model import Script
from tests.python.router.harness import (
    COR,
    KEYED,
    PAYER,
    session_number,
    signed,
    token,
)

if TYPE_CHECKING:
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.fake_node import FakeNode
    from tests.python.router.harness import Router

TASK = {"objective": "Say something", "input": {"word": "hello"}}
CLAIM = {"claim": "Water is wet.", "context": "Physics."}
THREE = {"replicas": 3, "session_pool": ["201", "202", "203"]}


def post(
    router: Router,
    session: str,
    path: str,
    body: dict[str, Any],
    *,
    key: str | None = None,
    more: dict[str, str] | None = None,
) -> requests.Response:
    headers = {"Authorization": f"Bearer {token(session)}", **(more or {})}
    if key is not None:
        headers["Idempotency-Key"] = key
    return requests.post(f"{router.url}/api/{path}", json=body, headers=headers, timeout=30)


def verdicts(model: FakeModel, *words: str) -> None:
    for name, word in zip(("201", "202", "203"), words, strict=True):
        model.scripts[name] = Script(json.dumps({"verdict": word}))


def refused(answer: requests.Response, status: int, code: str, field: str | None) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    data = answer.json()
    assert (data["code"], data.get("field")) == (code, field)
    assert data["detail"]


def prompts(model: FakeModel) -> list[tuple[str, str, int]]:
    seen = [(r["model"], r["messages"][1]["content"], r["max_tokens"]) for r in model.requests]
    model.requests.clear()
    return sorted(seen)


def test_a_delegation_is_the_same_under_v2_v3_and_v4(
    router: Router, session: str, model: FakeModel
) -> None:
    one = {"replicas": 1, "session_pool": ["202"]}
    bodies = {
        "v4": {**TASK, "session_id": session, "consensus": one, "max_tokens": 40},
        "v3": {**TASK, "session_id": "202", "consensus": {"replicas": 1}, "max_tokens": 40},
        "v2": {**TASK, "session_id": 202, "execution": {"max_tokens": 40, "max_steps": 3}},
    }
    answers, sent = {}, {}
    for version, body in bodies.items():
        answer = post(router, session, f"{version}/delegate", body)
        assert answer.status_code == 200, answer.text
        answers[version], sent[version] = answer.json(), prompts(model)
    assert sent["v2"] == sent["v3"] == sent["v4"]
    assert [name for name, _, _ in sent["v2"]] == ["202"]
    assert len({answer["charge_wei"] for answer in answers.values()}) == 1
    assert answers["v4"]["result"]["output"] == "an answer"
    for version in ("v2", "v3"):
        assert answers[version]["result"] == "an answer"
        assert answers[version]["status"] == "OK"
        assert [s["session_id"] for s in answers[version]["evidence"]["steps"]] == ["202"]
    assert "consensus" not in answers["v2"]
    shared = {name: answers["v4"]["consensus"][name] for name in ("agreement", "confidence")}
    assert shared.items() <= answers["v3"]["consensus"].items()


def test_a_validation_is_the_same_under_v3_and_v4(
    router: Router, session: str, model: FakeModel
) -> None:
    verdicts(model, "VALID", "VALID", "INVALID")
    new = post(router, session, "v4/validate", {**CLAIM, "session_id": session, "consensus": THREE})
    asked = {**THREE, "aggregation": "majority", "disagreement_policy": "return_all"}
    old = post(router, session, "v3/validate", {**CLAIM, "session_id": "201", "consensus": asked})
    v4, v3 = new.json(), old.json()
    assert v3["verdict"] == v3["status"] == v4["result"]["verdict"] == "VALID"
    assert v3["charge_wei"] == v4["charge_wei"]
    assert v3["consensus"] == {
        "replicas": 3,
        "replicas_requested": 3,
        "agreement": v4["consensus"]["agreement"],
        "verdicts": ["VALID", "VALID", "INVALID"],
        "strategy": "majority",
        "aggregation": "majority",
        "confidence": v4["consensus"]["confidence"],
        "disagreement_policy": "return_all",
        "low_confidence": False,
        "fallback": None,
    }
    assert v3["reasons"] == ["2 of 3 replicas answered VALID", "1 of 3 replicas answered INVALID"]
    assert [step["verdict"] for step in v3["evidence"]["steps"]] == ["VALID", "VALID", "INVALID"]


def test_v2_validates_on_its_session_alone_whatever_the_tier(
    router: Router, session: str, model: FakeModel
) -> None:
    verdicts(model, "VALID", "INVALID", "VALID")
    for tier in ("fast", "safe", "oracle", "adaptive"):
        body = {**CLAIM, "session_id": "202", "policy": {"tier": tier}, "actor": "seller-7"}
        data = post(router, session, "v2/validate", body).json()
        assert (data["verdict"], len(data["evidence"]["steps"])) == ("INVALID", 1)
        assert [name for name, _, _ in prompts(model)] == ["202"]
        path = f"/api/v4/receipt/{data['receipt_id']}?bundle=1"
        bundle = Bundle.load(router.get(path, auth=token(session)).content)
        assert not verify_bundle(bundle).failures
        assert bundle.request is not None
        asked = json.loads(bundle.request.canonical)["request"]
        assert asked["metadata"] == {"actor": "seller-7"}


def test_v3_tiers_and_a_session_id_without_a_pool_use_the_routers_sessions(
    router: Router, session: str, model: FakeModel
) -> None:
    body = {**TASK, "session_id": 201, "policy": {"tier": "safe"}}
    data = post(router, session, "v3/delegate", body).json()
    assert data["consensus"]["replicas"] == 3
    assert data["consensus"]["verdicts"] == ["OK", "OK", "OK"]
    fast = post(router, session, "v3/delegate", {**body, "policy": {"tier": "fast"}}).json()
    assert [step["session_id"] for step in fast["evidence"]["steps"]] == ["201"]


def test_a_v3_delegation_labels_replicas_that_failed(
    router: Router, session: str, model: FakeModel
) -> None:
    model.scripts["203"] = Script(status=500)
    data = post(router, session, "v3/delegate", {**TASK, "consensus": THREE}).json()
    assert data["consensus"]["verdicts"] == ["OK", "OK", "ERROR"]
    assert data["evidence"]["steps"][2]["reason"] == "upstream_error"
    assert data["result"] == "an answer"


def test_no_consensus_is_retry_and_a_null_result(
    router: Router, session: str, model: FakeModel
) -> None:
    verdicts(model, "VALID", "INVALID", "neither")
    tied = post(router, session, "v3/validate", {**CLAIM, "consensus": THREE}).json()
    assert tied["verdict"] == tied["status"] == "RETRY"
    assert "compute session 203 gave no vote: unparsable" in tied["reasons"]
    for name, text in (("201", "blue"), ("202", "a triangle"), ("203", "seven")):
        model.scripts[name] = Script(text)
    apart = post(router, session, "v3/delegate", {**TASK, "consensus": THREE}).json()
    assert (apart["status"], apart["result"]) == ("NO_CONSENSUS", None)
    assert [step["output"] for step in apart["evidence"]["steps"]] == [
        "blue",
        "a triangle",
        "seven",
    ]


def test_v3_fail_hard_is_charged_and_best_effort_is_tagged(
    router: Router, session: str, model: FakeModel
) -> None:
    verdicts(model, "VALID", "INVALID", "neither")
    hard = {**CLAIM, "consensus": {**THREE, "disagreement_policy": "fail_hard"}}
    answer = post(router, session, "v3/validate", hard)
    refused(answer, 409, "consensus_failed", None)
    problem = answer.json()
    assert router.ledger() == {session: (int(problem["charge_wei"]), 0)}
    assert problem["consensus"]["verdicts"] == ["VALID", "INVALID", "ERROR"]
    soft = {**CLAIM, "consensus": {**THREE, "disagreement_policy": "best_effort"}}
    data = post(router, session, "v3/validate", soft).json()
    assert data["verdict"] == "VALID"
    assert data["consensus"]["low_confidence"] is True


def test_v3_arbitrates(router: Router, session: str, model: FakeModel) -> None:
    verdicts(model, "SELLER_INVALID", "SELLER_INVALID", "SELLER_INVALID")
    body = {**CLAIM, "mode": "arbitration", "consensus": THREE}
    data = post(router, session, "v3/validate", body).json()
    assert data["verdict"] == data["status"] == "SELLER_INVALID"
    verdicts(model, "SELLER_INVALID", "SELLER_VALID", "INCONCLUSIVE")
    split = post(router, session, "v3/validate", body).json()
    assert split["verdict"] == "INCONCLUSIVE"
    refused(
        post(router, session, "v2/validate", {**CLAIM, "mode": "arbitration"}),
        422,
        "unknown_field",
        "mode",
    )


def test_fact_checks_say_true_and_false(router: Router, session: str, model: FakeModel) -> None:
    verdicts(model, "VALID", "INVALID", "INVALID")
    v3 = post(router, session, "v3/factcheck", {**CLAIM, "consensus": THREE}).json()
    assert (v3["verdict"], v3["consensus"]["verdicts"]) == ("FALSE", ["TRUE", "FALSE", "FALSE"])
    body = {**CLAIM, "session_id": session, "consensus": THREE}
    v4 = post(router, session, "v4/factcheck", body).json()
    check = post(router, session, "v4/validate", body).json()
    assert (v4["result"]["verdict"], v4["result"]["outcome"]) == ("FALSE", "FALSE")
    assert v4["consensus"]["votes"] == {"TRUE": 1, "FALSE": 2}
    assert check["consensus"]["votes"] == {"VALID": 1, "INVALID": 2}
    assert v4["consensus"]["confidence"] == check["consensus"]["confidence"]
    assert v3["charge_wei"] == v4["charge_wei"] == check["charge_wei"]
    v2 = post(router, session, "v2/factcheck", {**CLAIM, "session_id": "201"}).json()
    assert (v2["verdict"], v2["evidence"]["steps"][0]["verdict"]) == ("TRUE", "TRUE")
    assert "consensus" not in v2
    verdicts(model, "VALID", "INVALID", "neither")
    hard = {**CLAIM, "consensus": {**THREE, "disagreement_policy": "fail_hard"}}
    problem = post(router, session, "v3/factcheck", hard)
    refused(problem, 409, "consensus_failed", None)
    assert problem.json()["consensus"]["verdicts"] == ["TRUE", "FALSE", "ERROR"]


def test_a_key_used_under_two_versions_is_one_charge_in_two_shapes(
    router: Router, session: str, model: FakeModel
) -> None:
    first = post(router, session, "v2/delegate", {**TASK, "session_id": "201"}, key="k")
    body = {**TASK, "session_id": "201", "consensus": {"replicas": 1}}
    second = post(router, session, "v3/delegate", body, key="k")
    assert second.headers["idempotent-replayed"] == "true"
    assert second.json()["receipt_id"] == first.json()["receipt_id"]
    assert second.json()["consensus"]["replicas"] == 1
    assert router.ledger() == {session: (int(first.json()["charge_wei"]), 0)}
    other = post(router, session, "v3/delegate", {**body, "objective": "Other"}, key="k")
    refused(other, 409, "idempotency_conflict", "Idempotency-Key")


def test_a_session_key_signs_the_v4_form(router: Router, node: FakeNode) -> None:
    keyed = node.open(session_number(7), PAYER, COR, session_key=KEYED)
    body = {**TASK, "session_id": "201"}
    refused(
        post(router, keyed, "v2/delegate", body),
        401,
        "request_not_signed",
        "X-Cortensor-Request-Salt",
    )
    whole = {
        **TASK,
        "session_id": keyed,
        "consensus": {"replicas": 1, "session_pool": ["201"]},
    }
    answer = post(router, keyed, "v2/delegate", body, more=signed(whole))
    assert answer.status_code == 200, answer.text


REFUSALS: list[tuple[str, dict[str, Any], int, str, str]] = [
    ("v2/delegate", {"consensus": {"replicas": 3}}, 422, "unknown_field", "consensus"),
    ("v2/delegate", {"session_id": "nowhere"}, 422, "unknown_compute_session", "session_id"),
    ("v2/delegate", {"tools": ["search"]}, 422, "invalid_field", "tools"),
    ("v2/delegate", {"workflow": {"steps": []}}, 422, "invalid_field", "workflow"),
    ("v2/delegate", {"execution": {"tools": ["x"]}}, 422, "invalid_field", "execution.tools"),
    (
        "v2/delegate",
        {"execution": {"timeout_ms": 10**9}},
        422,
        "invalid_field",
        "execution.timeout_ms",
    ),
    (
        "v2/delegate",
        {"execution": {"max_tokens": 9}, "max_tokens": 8},
        422,
        "invalid_field",
        "execution.max_tokens",
    ),
    ("v2/delegate", {"objective": 1}, 422, "invalid_field", "objective"),
    ("v2/delegate", {"policy": {"tier": "high"}}, 422, "invalid_field", "policy.tier"),
    ("v2/validate", {"verdict": "VALID"}, 422, "unknown_field", "verdict"),
    (
        "v2/validate",
        {"actor": "a", "metadata": {"actor": "b"}},
        422,
        "invalid_field",
        "actor",
    ),
    ("v3/delegate", {"consensus": {"replicas": 2}}, 422, "invalid_field", "consensus.replicas"),
    (
        "v3/delegate",
        {"consensus": {"replicas": 1, "weight_by": "stake"}},
        422,
        "unknown_field",
        "consensus.weight_by",
    ),
    (
        "v3/delegate",
        {"consensus": {"session_pool": ["nowhere"]}},
        422,
        "unknown_compute_session",
        "consensus.session_pool",
    ),
    (
        "v3/delegate",
        {"session_id": "203", "consensus": {"session_pool": ["201", "202"]}},
        422,
        "invalid_field",
        "session_id",
    ),
    (
        "v3/delegate",
        {"consensus": {"strategy": "majority", "aggregation": "median"}},
        422,
        "invalid_field",
        "consensus.aggregation",
    ),
    (
        "v3/validate",
        {"consensus": {"aggregation": "median"}},
        422,
        "invalid_field",
        "consensus.aggregation",
    ),
    (
        "v3/delegate",
        {"session_id": "nowhere", "consensus": {"replicas": 1}},
        422,
        "unknown_compute_session",
        "session_id",
    ),
    (
        "v3/delegate",
        {"session_id": "201", "policy": {"tier": "oracle"}},
        503,
        "too_few_healthy_sessions",
        "consensus.session_pool",
    ),
    ("v2/factcheck", {"consensus": {}}, 422, "unknown_field", "consensus"),
    ("v3/factcheck", {"mode": "arbitration"}, 422, "unknown_field", "mode"),
    ("v4/factcheck", {"mode": "arbitration"}, 422, "unknown_field", "mode"),
    ("v2/completions", {"prompt": ""}, 422, "invalid_field", "prompt"),
    ("v2/completions", {"prompt_template": "[INST]"}, 422, "invalid_field", "prompt_template"),
    ("v2/completions", {"timeout": 86400}, 422, "invalid_field", "timeout"),
    ("v2/completions", {"max_tokens": 10**6}, 422, "invalid_field", "max_tokens"),
    ("v2/completions/201", {"session_id": 202}, 422, "invalid_field", "session_id"),
    ("v2/completions/999", {}, 422, "unknown_compute_session", "session_id"),
    ("v3/completions", {"consensus": {"replicas": 4}}, 422, "invalid_field", "consensus.replicas"),
]


def whole_body(path: str, session: str) -> dict[str, Any]:
    if "completions" in path:
        return {"prompt": "Say something"}
    body: dict[str, Any] = dict(TASK if "delegate" in path else CLAIM)
    return {**body, "session_id": session} if path.startswith("v4") else body


def test_refusals_name_the_callers_own_field_and_cost_nothing(router: Router, session: str) -> None:
    for path, changes, status, code, field in REFUSALS:
        answer = post(router, session, path, {**whole_body(path, session), **changes})
        refused(answer, status, code, field)
    assert all(amounts == (0, 0) for amounts in router.ledger().values())


@pytest.mark.parametrize(
    "path",
    ["v2/delegate", "v2/validate", "v3/delegate", "v3/validate", "v3/factcheck", "v2/completions"],
)
def test_another_sessions_grant_is_refused(
    router: Router, node: FakeNode, session: str, path: str
) -> None:
    other = node.open(session_number(2), PAYER, COR)
    body = {**whole_body(path, session), "session_id": other}
    refused(post(router, session, path, body), 401, "unauthorized", "session_id")
    assert post(router, session, path, whole_body(path, session)).status_code in (200, 502)
