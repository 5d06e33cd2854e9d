# SPDX-License-Identifier: Apache-2.0
"""What tools did is in the receipt by hash: as the caller reports it, and as a backend does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cortensor.receipts.canonical import canonical_bytes
from cortensor.receipts.keccak import keccak256, to_hex
from tests.python.router.fake_model import Script
from tests.python.router.harness import token
from tests.python.router.test_chat import raw_chat

if TYPE_CHECKING:
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.harness import Router

CALL = {"id": "c1", "type": "function", "function": {"name": "sum", "arguments": '{"a":1}'}}


def hash_of(entry: Any) -> str:
    return to_hex(keccak256(canonical_bytes(entry)))


def receipt(router: Router, session: str, receipt_id: str) -> Any:
    return router.get(f"/api/v4/receipt/{receipt_id}", auth=token(session)).json()["receipt"]


def test_a_callers_trace_is_in_the_receipt_by_hash(router: Router, session: str) -> None:
    trace = [{"tool": "search", "query": "cats", "result": ["a", "b"]}, "and a note"]
    hashes = [hash_of(entry) for entry in trace]
    for endpoint, field in (("delegate", "objective"), ("validate", "claim")):
        router.model.default = Script("VALID")
        body = {"session_id": session, field: "Do it", "tool_trace": trace}
        data = router.post(endpoint, body).json()
        assert data["tool_traces"] == hashes
        assert receipt(router, session, data["receipt_id"])["tool_traces"] == hashes


def test_what_a_backend_reports_comes_after_it(
    router: Router, session: str, model: FakeModel
) -> None:
    model.default = Script("3", tool_calls=[CALL])
    body = {"session_id": session, "objective": "1 + 2?", "tool_trace": ["mine"]}
    data = router.post("delegate", {**body, "consensus": {"replicas": 3}}).json()
    assert data["tool_traces"] == [hash_of("mine"), *[hash_of(CALL)] * 3]
    assert data["consensus"]["replica_results"][0]["tool_calls"] == [CALL]
    odd = Script("3", tool_calls=[CALL, {"id": 2**60}])  # no program would hash that alike
    model.default = odd
    data = router.post("delegate", body).json()
    assert data["tool_traces"] == [hash_of("mine"), hash_of(CALL)]
    assert "tool_calls_left_out" in data["consensus"]["replica_results"][0]["flags"]


def test_the_tools_of_a_conversation_are_its_trace(
    router: Router, session: str, model: FakeModel
) -> None:
    messages = [
        {"role": "user", "content": "1 + 2?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "3"},
    ]
    block = raw_chat(router, session, {"model": "cortensor", "messages": messages}).json()
    step = {"tool_call_id": "c1", "name": "sum", "arguments": '{"a":1}', "result": "3"}
    traces = block["cortensor"]["tool_traces"]
    assert traces == [hash_of(step)]
    assert receipt(router, session, block["cortensor"]["receipt_id"])["tool_traces"] == traces
    system, *sent = model.requests[0]["messages"]
    assert system["role"] == "system"
    assert sent[1] == {"role": "assistant", "tool_calls": [CALL]}
    assert sent[2] == {"role": "tool", "tool_call_id": "c1", "content": "3"}


def test_a_stream_reports_tools_too(router: Router, session: str, model: FakeModel) -> None:
    model.default = Script("3", tool_calls=[CALL])
    body = {"model": "cortensor", "messages": [{"role": "user", "content": "?"}], "stream": True}
    shown = raw_chat(router, session, body).text
    assert hash_of(CALL) in shown
