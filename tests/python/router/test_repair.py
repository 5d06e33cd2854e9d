# SPDX-License-Identifier: Apache-2.0
"""Answers that break the caller's schema: made again, within bounds, at the quoted price."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cortensor.router.output_schema import check_schema, faults, inlined, parse_output
from cortensor.router.problems import InvalidField
from tests.python.router.fake_model import Script

if TYPE_CHECKING:
    from tests.python.router.conftest import Start
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.harness import Router

AGE: dict[str, Any] = {
    "type": "object",
    "properties": {"age": {"type": "integer", "minimum": 0}},
    "required": ["age"],
}
GOOD, BAD = '{"age": 7}', '{"age": "seven"}'


def asked(session: str, **more: Any) -> dict[str, Any]:
    return {"session_id": session, "objective": "How old?", "output_schema": AGE, **more}


def test_a_bad_answer_goes_back_with_what_is_wrong(
    router: Router, session: str, model: FakeModel
) -> None:
    model.default = Script(
        BAD,
        usage={"prompt_tokens": 20, "completion_tokens": 9},
        then=Script(GOOD, usage={"prompt_tokens": 90, "completion_tokens": 4}),
    )
    data = router.post("delegate", asked(session)).json()
    assert data["result"]["data"] == {"age": 7}
    [replica] = data["consensus"]["replica_results"]
    assert replica["repairs"] == 1
    # Billed: the prompt as asked and the answer that was delivered, as without the repair.
    assert (replica["input_units"], replica["output_units"]) == (20, 4)
    draft, correction = model.requests[1]["messages"][-2:]
    assert draft == {"role": "assistant", "content": BAD}
    assert "$.age: 'seven' is not of type 'integer'" in correction["content"]
    model.default = Script(GOOD, usage={"prompt_tokens": 20, "completion_tokens": 4})
    plain = router.post("delegate", asked(session)).json()
    assert plain["charge_wei"] == data["charge_wei"]


def test_repairs_are_bounded_by_the_configuration_and_the_request(
    start: Start, session: str, model: FakeModel
) -> None:
    router = start(limits={"repair_attempts": 2, "default_timeout_ms": 5000, "late_grace_ms": 300})
    model.default = Script("no JSON at all")
    failed = router.post("delegate", asked(session))
    assert failed.status_code == 502
    assert failed.json()["replica_results"][0]["reason"] == "schema_mismatch"
    assert len(model.requests) == 3
    assert router.post("delegate", asked(session, repair_attempts=0)).status_code == 502
    assert len(model.requests) == 4
    more = router.post("delegate", asked(session, repair_attempts=3))
    assert (more.status_code, more.json()["field"]) == (422, "repair_attempts")
    assert router.ledger() == {session: (0, 0)}


def test_no_repair_goes_beyond_the_deadline(router: Router, session: str, model: FakeModel) -> None:
    model.default = Script(BAD, then=Script(GOOD, delay_s=2))
    failed = router.post("delegate", asked(session, timeout_ms=700))
    assert failed.json()["replica_results"][0]["reason"] == "schema_mismatch"
    assert failed.elapsed.total_seconds() < 1.9
    assert router.ledger() == {session: (0, 0)}


def test_a_repair_that_fails_leaves_the_first_answer_to_be_judged(
    router: Router, session: str, model: FakeModel
) -> None:
    model.default = Script(BAD, then=Script(status=500))
    failed = router.post("delegate", asked(session))
    assert failed.json()["replica_results"][0]["reason"] == "schema_mismatch"
    state = router.get("/api/v4/sessions").json()["sessions"][0]
    assert state["consecutive_failures"] == 0


def test_each_replica_is_repaired_by_itself(router: Router, session: str, model: FakeModel) -> None:
    model.default = Script(GOOD)
    model.scripts["202"] = Script(BAD, then=Script(GOOD))
    data = router.post("delegate", asked(session, consensus={"replicas": 3})).json()
    found = {r["session_id"]: r.get("repairs", 0) for r in data["consensus"]["replica_results"]}
    assert found == {"201": 0, "202": 1, "203": 0}
    assert data["consensus"]["agreement"] == 1


DEFS: dict[str, Any] = {
    "$defs": {
        "Point": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    },
    "type": "array",
    "items": {"$ref": "#/$defs/Point", "description": "where"},
}


def test_references_to_a_schemas_own_parts_are_followed() -> None:
    check_schema(DEFS)
    assert inlined(DEFS)["items"] == {**DEFS["$defs"]["Point"], "description": "where"}
    assert parse_output('[{"x": 1}]', DEFS) == (True, [{"x": 1}])
    assert faults('[{"x": 1}]', DEFS) == ""
    assert faults('[{"x": ""}, {}]', DEFS) == (
        "$[0].x: '' is not of type 'integer'; $[1]: 'x' is a required property"
    )
    assert faults("x = 1", DEFS) == "it is no JSON"


@pytest.mark.parametrize(
    ("schema", "field"),
    [
        ({"$ref": "http://127.0.0.1/x.json"}, "output_schema.$ref"),
        ({"$ref": "#/$defs/None"}, "output_schema.$ref"),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}, "output_schema.$ref"),
        (
            {
                "properties": {"a": {"$ref": "#/$defs/A"}},
                "$defs": {"A": {"items": {"$ref": "#/$defs/A"}}},
            },
            "output_schema.properties.a.items.$ref",
        ),
        (
            {
                "$ref": "#/$defs/a0",
                "$defs": {
                    f"a{n}": {"anyOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 30} for n in range(6)
                }
                | {"a6": {}},
            },
            "output_schema",
        ),
    ],
    ids=["remote", "missing", "itself", "its_part", "explodes"],
)
def test_references_that_lead_elsewhere_or_nowhere_are_refused(
    schema: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidField) as refused:
        check_schema(schema)
    assert refused.value.field == field
    assert len(json.dumps(schema)) < 16_384
