# SPDX-License-Identifier: Apache-2.0
"""Traces and logs tell what was done, and never what was said."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cortensor.router import logs
from cortensor.router.adapters.opentelemetry import OpenTelemetryTracer
from cortensor.router.operations_config import TelemetryConfig
from cortensor.router.tracing import ATTRIBUTES
from tests.python.router.fake_model import FakeModel, Script
from tests.python.router.harness import KEY_ENV, SIGNER_KEY, Router, make_config, token
from tests.python.router.test_api_keys import issue
from tests.python.router.test_health import until
from tests.python.router.test_paid_path import delegate, validate, verdicts

if TYPE_CHECKING:
    from pathlib import Path

    from tests.python.router.conftest import Start
    from tests.python.router.fake_node import FakeNode

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
ROUTE = "POST /api/v4/validate"
PROMPT = "xyzzy-the-secret-question"
ANSWER = "plugh-the-secret-answer"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traced(
    tmp_path: Path, node: FakeNode, model: FakeModel, spans: InMemorySpanExporter
) -> Iterator[Router]:
    tracer = OpenTelemetryTracer(TelemetryConfig(), SimpleSpanProcessor(spans))
    router = Router(make_config(tmp_path, node, model), node, model, tracer).start()
    yield router
    router.stop()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.JsonFormatter())
    # As `logs.configure` does it, but the router's own loggers tell everything.
    root, own = logging.getLogger(), logging.getLogger("cortensor")
    levels = root.level, own.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    own.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(levels[0])
    own.setLevel(levels[1])


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_a_request_is_one_trace_from_its_caller_to_its_backends(
    traced: Router, session: str, model: FakeModel, spans: InMemorySpanExporter
) -> None:
    verdicts(model, "VALID", "VALID", "INVALID")
    more = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-Id": "mine-1"}
    answer = traced.post("validate", validate(session), more=more)
    assert answer.headers["x-request-id"] == "mine-1"
    until(lambda: len(spans.get_finished_spans()) == 9)  # the request's ends after its answer
    found = {span.name: span for span in spans.get_finished_spans()}
    assert found.keys() == {ROUTE, "quote", "reserve", "replica", "consensus", "sign", "commit"}
    whole = spans.get_finished_spans()
    assert [span.name for span in whole].count("replica") == 3
    assert {f"{span.context.trace_id:032x}" for span in whole} == {TRACE}
    request = found[ROUTE]
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == PARENT
    assert dict(request.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/api/v4/validate",
        "http.response.status_code": 200,
        "request_id": "mine-1",
    }
    for span in whole:
        if span.name != ROUTE:
            assert span.parent is not None
            assert span.parent.span_id == request.context.span_id
    commit = dict(found["commit"].attributes or {})
    assert commit["receipt_id"] == "0x" + answer.json()["receipt_id"].rpartition("0x")[2]
    assert commit["charge_wei"] == answer.json()["charge_wei"]
    # Each backend call carries the trace, with its own replica's span as parent.
    sent = {headers["traceparent"] for headers in model.headers}
    replicas = {span.context.span_id for span in whole if span.name == "replica"}
    assert sent == {f"00-{TRACE}-{span_id:016x}-01" for span_id in replicas}


def test_a_trace_that_its_caller_does_not_sample_is_not_sampled(
    traced: Router, session: str, model: FakeModel, spans: InMemorySpanExporter
) -> None:
    more = {"traceparent": f"00-{TRACE}-{PARENT}-00"}
    assert traced.post("delegate", delegate(session), more=more).ok
    assert spans.get_finished_spans() == ()
    assert model.headers[0]["traceparent"].startswith(f"00-{TRACE}-")


def test_a_malformed_trace_or_id_is_replaced(
    traced: Router, session: str, spans: InMemorySpanExporter
) -> None:
    more = {"traceparent": "junk", "X-Request-Id": "a b\tc"}
    answer = traced.post("delegate", delegate(session), more=more)
    assert answer.ok
    assert len(answer.headers["x-request-id"]) == 16
    until(lambda: bool(spans.get_finished_spans()))
    assert f"{spans.get_finished_spans()[0].context.trace_id:032x}" != TRACE


def test_neither_prompt_nor_answer_nor_key_reaches_traces_or_logs(
    traced: Router,
    session: str,
    model: FakeModel,
    spans: InMemorySpanExporter,
    logged: io.StringIO,
) -> None:
    key = issue(traced, session, scopes=["delegate", "validate"])
    grant = token(session)
    model.default = Script(ANSWER)
    body = delegate(session, objective=PROMPT, input={PROMPT: PROMPT}, metadata={"m": PROMPT})
    assert traced.post("delegate", body, key="idem-" + PROMPT).ok
    assert traced.post("delegate", body, auth=key).ok
    for broken in (
        Script(raw=json.dumps({"choices": ANSWER}).encode()),
        Script(raw=ANSWER.encode()),
        Script(status=500, raw=ANSWER.encode()),
        Script(hang_up=True),
    ):
        model.default = broken
        traced.post("delegate", body, auth=key)
    for wrong in (
        {**body, "objective": [PROMPT]},
        {**body, PROMPT: 1},
        {**body, "consensus": {"strategy": PROMPT}},
        {**body, "session_id": PROMPT},
    ):
        assert not traced.post("delegate", wrong, auth=grant).ok
    traced.post("delegate", body, raw=f'{{"{PROMPT}'.encode(), auth=grant)
    traced.get(f"/{PROMPT}?{PROMPT}=1", auth=key)
    traced.post("delegate", body, auth=f"ctk1_{PROMPT}")
    told = "".join(span.to_json() for span in spans.get_finished_spans()) + logged.getvalue()
    assert len(lines(logged)) > 10
    for secret in (PROMPT, ANSWER, key, grant, grant.rpartition(".")[2], SIGNER_KEY[2:]):
        assert secret not in told
    names = {name for span in spans.get_finished_spans() for name in span.attributes or {}}
    assert names <= ATTRIBUTES
    assert all(not span.events for span in spans.get_finished_spans())


def test_a_bug_is_logged_by_type_and_place_without_its_words(
    router: Router, session: str, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError(PROMPT)

    monkeypatch.setattr("cortensor.router.service.finish", broken)
    answer = router.post("delegate", delegate(session))
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    (line,) = [each for each in lines(logged) if "error" in each]
    assert line["error"] == "Error:internal < KeyError"
    assert any("service.py" in frame for frame in line["at"])
    assert line["request_id"] == answer.headers["x-request-id"]
    assert PROMPT not in logged.getvalue()
    text = logs.TextFormatter()
    error = ValueError(PROMPT)
    info = (ValueError, error, None)
    record = logging.LogRecord("n", logging.ERROR, "f", 1, "went wrong", (), info)
    shown = text.format(record)
    assert "went wrong" in shown
    assert "error=ValueError" in shown
    assert PROMPT not in shown


def test_what_asyncio_quotes_of_an_error_is_not_logged() -> None:
    quoted = f"Task exception was never retrieved\nfuture: <Task exception={PROMPT}>"
    record = logging.LogRecord("asyncio", logging.ERROR, "f", 1, quoted, (), None)
    for form in (logs.JsonFormatter(), logs.TextFormatter()):
        told = form.format(record)
        assert "never retrieved" in told
        assert PROMPT not in told


def test_each_request_has_a_line_with_its_ids(
    router: Router, session: str, logged: io.StringIO
) -> None:
    key = issue(router, session)
    answer = router.post("delegate", delegate(session), auth=key)
    until(lambda: "/api/v4/delegate" in logged.getvalue())  # it is written after the answer
    line = next(each for each in lines(logged) if each.get("route") == "/api/v4/delegate")
    assert line["level"] == "info"
    assert (line["method"], line["status"]) == ("POST", 200)
    assert line["ms"] > 0
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["payment_session"] == session
    assert line["receipt_id"] == "0x" + answer.json()["receipt_id"].rpartition("0x")[2]
    assert line["task_id"].startswith("0x")
    assert key not in logged.getvalue()
    assert line["key"].startswith("0x")


def test_traces_are_sent_to_the_configured_collector(
    start: Start, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/v1/traces"
        router = start(telemetry={"traces_url": url, "service_name": "my-router"})
        assert router.post("delegate", delegate(session)).ok
        router.stop()  # what waits is sent
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert {path for path, _ in received} == {"/v1/traces"}
    assert b"my-router" in received[0][1]
    assert any(b"reserve" in data for _, data in received)
    assert KEY_ENV.encode() not in received[0][1]
