# SPDX-License-Identifier: Apache-2.0
"""Every refusal has a stable code, names the field, and costs nothing."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.python.router.fake_model import Script
from tests.python.router.harness import COR, PAYER, STRANGER_KEY, session_number, token

if TYPE_CHECKING:
    from tests.python.router.conftest import Start
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.fake_node import FakeNode
    from tests.python.router.harness import Router

UNKNOWN = f"0x{session_number(999):040x}"


def refused(
    answer: requests.Response, status: int, code: str, field: str | None = None
) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    data: dict[str, Any] = answer.json()
    assert data["type"] == f"urn:cortensor:problem:{code}"
    assert (data["code"], data["status"], data.get("field")) == (code, status, field)
    assert data["title"]
    assert data["detail"]
    return data


def free(router: Router) -> None:
    assert all(amounts == (0, 0) for amounts in router.ledger().values())


BODIES: list[tuple[str, dict[str, Any], int, str, str | None]] = [
    ("delegate", {"consensus": {"replicas": 2}}, 422, "invalid_field", "consensus.replicas"),
    ("delegate", {"consensus": {"replicas": "3"}}, 422, "invalid_field", "consensus.replicas"),
    (
        "delegate",
        {"consensus": {"replicas": 1, "min_replicas": 2}},
        422,
        "invalid_field",
        "consensus.min_replicas",
    ),
    (
        "delegate",
        {"consensus": {"replicas": 3, "min_replicas": 0}},
        422,
        "invalid_field",
        "consensus.min_replicas",
    ),
    (
        "delegate",
        {"consensus": {"session_pool": []}},
        422,
        "invalid_field",
        "consensus.session_pool",
    ),
    (
        "delegate",
        {"consensus": {"session_pool": ["201", "201"]}},
        422,
        "invalid_field",
        "consensus.session_pool",
    ),
    (
        "delegate",
        {"consensus": {"session_pool": ["nowhere"]}},
        422,
        "unknown_compute_session",
        "consensus.session_pool",
    ),
    (
        "delegate",
        {"consensus": {"replicas": 5}},
        503,
        "too_few_healthy_sessions",
        "consensus.session_pool",
    ),
    (
        "validate",
        {"consensus": {"replicas": 3, "session_pool": ["201"]}},
        503,
        "too_few_healthy_sessions",
        "consensus.session_pool",
    ),
    (
        "delegate",
        {"consensus": {"strategy": "loudest"}},
        422,
        "invalid_field",
        "consensus.strategy",
    ),
    ("validate", {"consensus": {"quorum": 2}}, 422, "unknown_field", "consensus.quorum"),
    ("delegate", {"colour": "red"}, 422, "unknown_field", "colour"),
    ("delegate", {"objective": ""}, 422, "invalid_field", "objective"),
    ("delegate", {"objective": 5}, 422, "invalid_field", "objective"),
    ("delegate", {"max_tokens": 0}, 422, "invalid_field", "max_tokens"),
    ("delegate", {"max_tokens": 10**6}, 422, "invalid_field", "max_tokens"),
    ("delegate", {"timeout_ms": 10**9}, 422, "invalid_field", "timeout_ms"),
    ("delegate", {"metadata": {"x": "y" * 5000}}, 422, "invalid_field", "metadata"),
    ("delegate", {"input": 2**60}, 422, "invalid_field", "$"),
    ("delegate", {"policy": {"tier": "low"}}, 422, "invalid_field", "policy.tier"),
    ("validate", {"policy": {"tier": "high"}}, 422, "invalid_field", "policy.tier"),
    ("quote", {"policy": {"tier": "medium"}}, 422, "invalid_field", "policy.tier"),
    ("delegate", {"policy": {"tier": "gold"}}, 422, "invalid_field", "policy.tier"),
    ("delegate", {"output_schema": {"$ref": "x"}}, 422, "invalid_field", "output_schema.$ref"),
    ("delegate", {"output_schema": {"type": "thing"}}, 422, "invalid_field", "output_schema.type"),
    ("validate", {"output_schema": {}}, 422, "unknown_field", "output_schema"),
    (
        "validate",
        {"consensus": {"equivalence": "exact"}},
        422,
        "invalid_field",
        "consensus.equivalence",
    ),
    ("delegate", {"session_id": UNKNOWN}, 404, "unknown_session", "session_id"),
    ("delegate", {"session_id": "0x" + "09" * 20}, 404, "unknown_session", "session_id"),
]


def body_of(endpoint: str, session: str, changes: dict[str, Any]) -> dict[str, Any]:
    base = {"claim": "x"} if endpoint == "validate" else {"objective": "x"}
    return {"session_id": session, **base, **changes}


def test_each_bad_body_is_named_and_free(router: Router, session: str) -> None:
    for endpoint, changes, status, code, field in BODIES:
        refused(router.post(endpoint, body_of(endpoint, session, changes)), status, code, field)
        free(router)
    assert router.model.requests == []


def test_bad_transport_is_named_and_free(router: Router, session: str) -> None:
    body = body_of("delegate", session, {})
    bearer = token(session)
    for raw in (b"{", b"", b"\xff", b"[1]", b'"x"', b"[" * 100_000):
        refused(router.post("delegate", body, raw=raw, auth=bearer), 400, "malformed_json", "$")
    for kind in ("text/plain", "", "application/jsonp"):
        refused(
            router.post("delegate", body, content_type=kind),
            415,
            "unsupported_media_type",
            "Content-Type",
        )
    assert router.post("delegate", body, content_type="application/json; charset=utf-8").ok
    refused(router.post("nothing", body), 404, "unknown_route")
    refused(router.get("/api/v4/delegate"), 405, "method_not_allowed")
    refused(router.get("/api/v4/receipt/0x12"), 404, "unknown_receipt", "receipt_id")
    refused(router.get("/api/v4/receipt/0x" + "00" * 32), 404, "unknown_receipt", "receipt_id")
    refused(router.get("/api/v4/batch/0x00"), 404, "unknown_batch", "root")
    refused(router.get("/api/v4/batch/0x00/receipts"), 404, "bodies_not_published")
    refused(router.get("/api/v4/quote?session_id=1"), 422, "invalid_field", "session_id")
    refused(
        router.get(f"/api/v4/quote?session_id={session}&colour=1"), 422, "unknown_field", "colour"
    )
    refused(
        router.get(f"/api/v4/quote?session_id={session}&tier=high"),
        422,
        "invalid_field",
        "policy.tier",
    )
    refused(
        router.get(f"/api/v4/quote?session_id={session}&replicas=3&min_replicas=4"),
        422,
        "invalid_field",
        "consensus.min_replicas",
    )
    refused(
        router.get(f"/api/v4/quote?session_id={session}&replicas=2"),
        422,
        "invalid_field",
        "consensus.replicas",
    )


def test_a_repeated_key_is_refused_at_any_depth(router: Router, session: str) -> None:
    start = f'{{"session_id":"{session}","objective":"x","max_tokens":10'
    for more in (
        '"objective":"y"',
        '"input":[{"a":1,"b":{"c":1,"c":1}}]',
        r'"input":{"a":1,"\u0061":1}',
    ):
        raw = f"{start},{more}}}".encode()
        for endpoint in ("delegate", "quote"):
            answer = router.post(endpoint, {}, raw=raw, auth=token(session))
            refused(answer, 400, "malformed_json", "$")
    free(router)
    raw = f'{start},"input":[{{"a":1.5}},{{"a":2e3}}]}}'.encode()
    assert router.post("delegate", {}, raw=raw, auth=token(session)).ok


def test_a_ten_megabyte_body_is_refused_early(router: Router, session: str) -> None:
    big = json.dumps(body_of("delegate", session, {"input": "x" * 10_000_000})).encode()
    answer = router.post("delegate", {}, raw=big, auth=token(session))
    refused(answer, 413, "too_large", "$")

    def chunks() -> Any:
        for _ in range(100):
            yield b"x" * 100_000

    answer = requests.post(
        f"{router.url}/api/v4/delegate",
        data=chunks(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token(session)}"},
        timeout=30,
    )
    refused(answer, 413, "too_large", "$")
    # By announcement alone, before a byte of the body is sent:
    host, _, port = router.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        head = (
            f"POST /api/v4/delegate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {token(session)}\r\nContent-Length: 10000000\r\n\r\n"
        )
        raw.sendall(head.encode())
        assert raw.recv(64).startswith(b"HTTP/1.1 413 ")
    free(router)


def test_a_slow_body_times_out(start: Start, session: str) -> None:
    router = start(limits={"body_timeout_ms": 200})
    host, _, port = router.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        head = (
            f"POST /api/v4/delegate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {token(session)}\r\nContent-Length: 100\r\n\r\n{{"
        )
        raw.sendall(head.encode())
        assert raw.recv(64).startswith(b"HTTP/1.1 408 ")


def test_grants_are_checked(router: Router, node: FakeNode, session: str) -> None:
    other = node.open(session_number(2), PAYER, COR)
    body = body_of("delegate", session, {})
    good = token(session)
    refused(router.post("delegate", body, auth=""), 401, "unauthorized")
    refused(router.post("delegate", body, auth="ctx1.x"), 401, "unauthorized", "authorization")
    refused(router.post("delegate", body, auth=token(session, STRANGER_KEY)), 401, "unauthorized")
    refused(router.post("delegate", body, auth=token(session, expires=1)), 401, "unauthorized")
    refused(router.post("delegate", body, auth=token(other)), 401, "unauthorized", "session_id")
    refused(router.post("delegate", body, auth=good[:-2] + "05"), 401, "unauthorized")
    refused(router.post("delegate", body, auth=good[:-130] + "00" * 65), 401, "unauthorized")
    free(router)
    assert router.post("delegate", body, auth=good).ok


def test_over_budget_carries_the_quote(router: Router, node: FakeNode) -> None:
    poor = node.open(session_number(3), PAYER, 10)
    data = refused(
        router.post("delegate", body_of("delegate", poor, {})), 402, "over_budget", "session_id"
    )
    assert int(data["quote"]["max_charge_wei"]) > 10
    assert data["quote"]["available_wei"] == "10"
    capped = node.open(session_number(4), PAYER, COR, task_cap_gwei=1)
    data = refused(
        router.post("delegate", body_of("delegate", capped, {})), 402, "over_budget", "session_id"
    )
    assert data["quote"]["task_cap_wei"] == str(10**9)
    free(router)
    node.open(session_number(3), PAYER, COR)  # a top-up is seen at once
    assert router.post("delegate", body_of("delegate", poor, {})).ok


def test_a_volume_tier_nobody_granted_is_refused(router: Router, node: FakeNode) -> None:
    greedy = node.open(session_number(5), PAYER, COR, volume_tier=3)
    body = body_of("delegate", greedy, {})
    refused(router.post("delegate", body), 403, "volume_tier_not_granted", "session_id")
    free(router)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"state": 2}, "session_closed"),
        ({"state": 3}, "session_closed"),
        ({"expiry": 1}, "session_expired"),
    ],
)
def test_ended_sessions_take_no_work(
    router: Router, node: FakeNode, facts: dict[str, int], code: str
) -> None:
    ended = node.open(session_number(5), PAYER, COR, **facts)
    answer = router.post("delegate", body_of("delegate", ended, {}))
    refused(answer, 409, code, "session_id")
    free(router)


def test_a_ledger_behind_the_chain_signs_nothing(router: Router, node: FakeNode) -> None:
    settled = node.open(session_number(6), PAYER, COR, settled=5)
    answer = router.post("delegate", body_of("delegate", settled, {}))
    refused(answer, 409, "ledger_behind_chain", "session_id")


def test_a_dead_node_is_unavailable_and_free(router: Router, node: FakeNode, session: str) -> None:
    assert router.get("/readyz").json()["status"] == "ready"
    node.down = True
    answer = router.post("delegate", body_of("delegate", session, {}))
    refused(answer, 503, "chain_unavailable")
    assert answer.headers["retry-after"] == "1"
    ready = router.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"]["ledger"] == "ok"
    assert ready.json()["checks"]["chain"] != "ok"
    assert router.get("/healthz").json() == {"status": "ok"}
    node.down = False
    free(router)


def test_broken_sessions_are_left_out_until_they_recover(
    router: Router, session: str, model: FakeModel
) -> None:
    model.default = Script(hang_up=True)
    one = {"consensus": {"session_pool": ["201"]}}
    for _ in range(3):
        refused(
            router.post("delegate", body_of("delegate", session, one)), 502, "all_replicas_failed"
        )
    states = {s["id"]: s["state"] for s in router.get("/api/v4/sessions").json()["sessions"]}
    assert states["201"] in ("open", "half_open")
    assert states["202"] == "closed"
    model.default = Script()
    three = {"consensus": {"replicas": 3, "min_replicas": 3}}
    deadline = 50
    while not (answer := router.post("delegate", body_of("delegate", session, three))).ok:
        refused(answer, 503, "too_few_healthy_sessions", "consensus.session_pool")
        deadline -= 1
        assert deadline
    assert router.get("/api/v4/sessions").json()["sessions"][0]["state"] == "closed"


def test_openapi_names_every_route(router: Router) -> None:
    document = router.get("/openapi.json").json()
    paths = {route.path.replace(":path}", "}") for route in router.routes}
    assert set(document["paths"]) == paths
    assert paths >= {
        "/api/v4/delegate",
        "/api/v4/validate",
        "/api/v4/factcheck",
        "/api/v3/delegate",
        "/api/v3/validate",
        "/api/v3/factcheck",
        "/api/v3/completions",
        "/api/v3/completions/{session_id}",
        "/api/v2/delegate",
        "/api/v2/validate",
        "/api/v2/factcheck",
        "/api/v2/completions",
        "/api/v2/completions/{session_id}",
        "/api/v4/quote",
        "/api/v4/receipt/{receipt_id}",
        "/api/v4/batch/{root}",
        "/api/v4/batch/{root}/receipts",
        "/api/v4/sessions",
        "/healthz",
        "/readyz",
    }
    components = document["components"]["schemas"]
    assert "DelegateRequest" in components
    assert set(components["ConsensusV3"]["properties"]) == {
        "replicas",
        "session_pool",
        "aggregation",
        "strategy",
        "disagreement_policy",
    }
    assert "consensus" not in components["DelegateRequestV2"]["properties"]
    assert components["ValidateAnswerV3"]["properties"]["consensus"] == {
        "$ref": "#/components/schemas/ConsensusResultV3"
    }
    by_path = document["paths"]["/api/v2/completions/{session_id}"]["post"]
    assert {"name": "session_id", "in": "path", "required": True}.items() <= by_path["parameters"][
        -1
    ].items()
    assert "text/event-stream" in by_path["responses"]["200"]["content"]
