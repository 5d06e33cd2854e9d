# SPDX-License-Identifier: Apache-2.0
"""Delegate and validate end to end: consensus, bill, receipt, bundle."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from cortensor.pricing import Terms, Usage, quote
from cortensor.receipts.bundle import Bundle
from cortensor.receipts.keccak import keccak256
from cortensor.receipts.verify import verify_bundle
from tests.python.router.fake_model import Script
from tests.python.router.harness import CARD, COR, PAYER, STRANGER_KEY, session_number, token

if TYPE_CHECKING:
    from cortensor.store.address import DatabaseAddress
    from tests.python.router.conftest import Start
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.fake_node import FakeNode
    from tests.python.router.harness import Router


@pytest.fixture
def ledger_at(database: DatabaseAddress) -> DatabaseAddress:
    return database


def delegate(session: str, **changes: Any) -> dict[str, Any]:
    return {"session_id": session, "objective": "Say something", "input": "hello", **changes}


def validate(session: str, replicas: int = 3, policy: str = "return_all") -> dict[str, Any]:
    consensus = {"replicas": replicas, "disagreement_policy": policy}
    return {"session_id": session, "claim": "Water is wet.", "consensus": consensus}


def verdicts(model: FakeModel, *texts: str) -> None:
    for name, text in zip(("201", "202", "203"), texts, strict=True):
        model.scripts[name] = Script(json.dumps({"verdict": text}))


def test_delegate_bills_actual_usage(router: Router, session: str) -> None:
    answer = router.post("delegate", delegate(session))
    assert answer.status_code == 200, answer.text
    data = answer.json()
    assert data["result"]["output"] == "an answer"
    assert data["consensus"]["agreement"] == 1.0
    assert data["consensus"]["replica_results"][0]["output"] == "an answer"
    terms = Terms.unpack(int(data["bill"]["terms"], 16))
    bill = quote(CARD, 0, terms, Usage(input_units=20, output_units=5))
    assert data["charge_wei"] == str(bill.total)
    assert router.ledger() == {session: (bill.total, 0)}


def test_the_receipt_and_its_bundle_verify(router: Router, session: str, model: FakeModel) -> None:
    verdicts(model, "VALID", "VALID", "INVALID")
    data = router.post("validate", validate(session)).json()
    assert data["result"] == {
        "outcome": "VALID",
        "verdict": "VALID",
        "output": None,
        "data": None,
    }
    consensus = data["consensus"]
    assert (consensus["agreement"], consensus["confidence"]) == (0.6666, 0.6)
    assert consensus["votes"] == {"VALID": 2, "INVALID": 1}
    path = f"/api/v4/receipt/{data['receipt_id']}"
    receipt = router.get(path, auth=token(session)).json()
    assert receipt["anchor"]["state"] == "waiting"
    assert receipt["charge"]["charge"] == data["charge_wei"]
    full = router.get(f"{path}?bundle=1", auth=token(session))
    bundle = Bundle.load(full.content)
    assert len(bundle.evidence) == 3
    result = verify_bundle(bundle)
    assert not result.failures, result.failures
    assert bundle.request is not None
    salted = bytes.fromhex(data["request_salt"][2:]) + bundle.request.canonical.encode()
    assert receipt["receipt"]["request_commitment"] == "0x" + keccak256(salted).hex()


def test_a_stranger_sees_what_a_dispute_needs_and_no_answer(
    router: Router, node: FakeNode, session: str, model: FakeModel
) -> None:
    verdicts(model, "VALID", "VALID", "INVALID")
    data = router.post("validate", validate(session)).json()
    path = f"/api/v4/receipt/{data['receipt_id']}"
    whole = router.get(path, auth=token(session)).json()
    assert whole["receipt"]["result"]["verdict"] == "VALID"
    plain = router.get(path)
    assert plain.json() == {**whole, "receipt": None}
    assert "VALID" not in plain.text
    other = node.open(session_number(2), PAYER, COR)
    assert router.get(f"{path}?bundle=1").status_code == 401
    for wrong in (token(session, STRANGER_KEY), token(other), token(session, expires=1)):
        for query in ("", "?bundle=1"):
            refused = router.get(path + query, auth=wrong)
            assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")


def test_a_quote_shows_the_balance_to_its_holder_only(
    router: Router, node: FakeNode, session: str
) -> None:
    other = node.open(session_number(2), PAYER, COR)
    sizes = f"/api/v4/quote?session_id={session}"
    assert router.post("quote", delegate(session), auth="").json()["available_wei"] is None
    assert router.get(sizes).json()["available_wei"] is None
    assert router.post("quote", delegate(session)).json()["available_wei"] == str(COR)
    assert router.get(sizes, auth=token(session)).json()["available_wei"] == str(COR)
    assert router.post("quote", delegate(session), auth=token(other)).status_code == 401
    assert router.get(sizes, auth=token(session, STRANGER_KEY)).status_code == 401


def test_a_request_with_fractions_gets_a_receipt(router: Router, session: str) -> None:
    body = delegate(session, input={"price": 19.5}, metadata={"x": 0.25})
    data = router.post("delegate", body).json()
    full = router.get(f"/api/v4/receipt/{data['receipt_id']}?bundle=1", auth=token(session))
    assert not verify_bundle(Bundle.load(full.content)).failures


def test_structured_output_is_parsed_and_agreed(
    router: Router, session: str, model: FakeModel
) -> None:
    model.scripts["201"] = Script('{"total": 19.50, "name": "ACME"}')
    model.scripts["202"] = Script('```json\n{"name": "acme", "total": 19.5}\n```')
    model.scripts["203"] = Script('{"total": "many"}')
    schema = {
        "type": "object",
        "properties": {"total": {"type": "number"}, "name": {"type": "string"}},
        "required": ["total", "name"],
    }
    body = delegate(session, output_schema=schema, consensus={"replicas": 3})
    data = router.post("delegate", body).json()
    assert data["result"]["data"]["total"] == 19.5
    assert data["result"]["data"]["name"].casefold() == "acme"
    assert data["consensus"]["equivalence"] == "json"
    assert [r["status"] for r in data["consensus"]["replica_results"]] == ["OK", "OK", "ERROR"]
    assert data["consensus"]["replica_results"][2]["reason"] == "schema_mismatch"
    assert model.requests[0]["response_format"]["json_schema"]["schema"] == schema


def test_fail_hard_is_a_problem_that_is_charged(
    router: Router, session: str, model: FakeModel
) -> None:
    verdicts(model, "VALID", "INVALID", "maybe")
    answer = router.post("validate", validate(session, policy="fail_hard"))
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    data = answer.json()
    assert data["code"] == "consensus_failed"
    assert "charged" in data["detail"]
    assert router.ledger() == {session: (int(data["charge_wei"]), 0)}
    path = f"/api/v4/receipt/{data['receipt_id']}"
    receipt = router.get(path, auth=token(session)).json()["receipt"]
    assert receipt["result"]["outcome"] == "NO_CONSENSUS"
    assert "output" not in data["consensus"]["replica_results"][0]


def test_return_all_shows_a_tie_best_effort_decides_it(
    router: Router, session: str, model: FakeModel
) -> None:
    verdicts(model, "VALID", "INVALID", "neither")
    tied = router.post("validate", validate(session)).json()
    assert tied["result"]["outcome"] == "NO_CONSENSUS"
    assert tied["consensus"]["replica_results"][2]["reason"] == "unparsable"
    decided = router.post("validate", validate(session, policy="best_effort")).json()
    assert decided["result"]["outcome"] == "VALID"
    assert decided["consensus"]["low_confidence"] is True
    assert decided["consensus"]["strong_disagreement"] is True


def test_failed_and_late_replicas_lower_the_bill(
    start: Start, session: str, model: FakeModel
) -> None:
    router = start(limits={"late_grace_ms": 20_000})
    verdicts(model, "VALID", "VALID", "VALID")
    whole = router.post("validate", validate(session)).json()
    model.scripts["202"] = Script(status=500)
    model.scripts["203"] = Script('{"verdict": "VALID"}', delay_s=3.5)
    body = {**validate(session), "timeout_ms": 2500}
    part = router.post("validate", body).json()
    results = part["consensus"]["replica_results"]
    assert [r["status"] for r in results] == ["OK", "ERROR", "OK"]
    assert [r["late"] for r in results] == [False, False, True]
    usage = Usage.unpack(int(part["bill"]["usage"], 16))
    assert (usage.failed_replicas, usage.late_replicas) == (1, 1)
    assert int(part["charge_wei"]) < int(whole["charge_wei"])


def test_a_replica_over_the_hard_deadline_times_out(
    router: Router, session: str, model: FakeModel
) -> None:
    verdicts(model, "VALID", "VALID", "VALID")
    model.scripts["203"] = Script('{"verdict": "INVALID"}', delay_s=9)
    began = time.monotonic()
    data = router.post("validate", {**validate(session), "timeout_ms": 2500}).json()
    assert time.monotonic() - began < 8
    assert data["consensus"]["replica_results"][2]["status"] == "TIMEOUT"
    assert data["consensus"]["agreement"] == 0.6666


def test_all_replicas_failed_costs_nothing(router: Router, session: str, model: FakeModel) -> None:
    model.default = Script(status=503)
    answer = router.post("delegate", delegate(session))
    assert answer.status_code == 502
    assert answer.json()["code"] == "all_replicas_failed"
    assert answer.json()["replica_results"][0]["reason"] == "upstream_error"
    assert router.ledger() == {session: (0, 0)}


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 10**9, "completion_tokens": 10**9},
        {"prompt_tokens": -5, "completion_tokens": -1},
    ],
)
def test_lying_usage_is_held_to_the_quote(
    router: Router, session: str, model: FakeModel, usage: dict[str, int]
) -> None:
    model.default = Script("fine", usage=usage)
    most = router.post("quote", delegate(session), auth="").json()
    data = router.post("delegate", delegate(session)).json()
    assert data["consensus"]["replica_results"][0]["flags"] == ["usage_clamped"]
    assert int(data["charge_wei"]) <= int(most["max_charge_wei"])


def test_quotes_by_body_and_by_size_bound_the_charge(router: Router, session: str) -> None:
    body = delegate(session, max_tokens=50)
    exact = router.post("quote", body, auth="").json()
    size = len(body["objective"]) + len(body["input"])
    rough = router.get(
        f"/api/v4/quote?session_id={session}&endpoint=delegate&replicas=1&max_tokens=50"
        f"&input_bytes={size}"
    ).json()
    charge = int(router.post("delegate", body).json()["charge_wei"])
    assert charge < int(exact["max_charge_wei"]) <= int(rough["max_charge_wei"])
    assert exact["bill"]["lines"]["base"]


def test_the_surcharge_is_priced(router: Router, session: str) -> None:
    plain = router.post("delegate", delegate(session)).json()
    router.node.surcharges.append(1000)
    high = router.post("delegate", delegate(session, policy={"tier": "best_effort"})).json()
    assert high["bill"]["surcharge_epoch"] == 1
    assert int(high["bill"]["lines"]["surcharge"]) > 0
    assert int(high["charge_wei"]) > int(plain["charge_wei"])


def test_receipt_false_still_charges_with_a_receipt(router: Router, session: str) -> None:
    data = router.post("delegate", delegate(session, receipt=False)).json()
    assert data["receipt"] is None
    assert router.get(f"/api/v4/receipt/{data['receipt_id']}").status_code == 200


def test_a_high_risk_is_always_answered_with_the_receipt(
    router: Router, session: str, model: FakeModel
) -> None:
    verdicts(model, "VALID", "VALID", "INVALID")
    asked = {**validate(session), "receipt": False}
    assert router.post("validate", asked).json()["receipt"] is None
    for policy in ({"risk": "high"}, {"tier": "oracle"}):
        data = router.post("validate", {**asked, "policy": policy}).json()
        told = data["receipt"]
        assert told["receipt_id"] == data["receipt_id"]
        assert told["summary"] == (
            "VALID: 2 of 3 replicas agree (66.66%), confidence 60.00%, 3 known operators, "
            f"{data['charge_cor']} COR"
        )
