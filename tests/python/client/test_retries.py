# SPDX-License-Identifier: Apache-2.0
"""Sent again until it is answered, charged once: over a proxy that loses and breaks."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from cortensor.client import AsyncClient, Rejected, TooManyRequests, Unavailable, Unsettled
from cortensor.client.core import Core, opened
from cortensor.client.flow import Lost, Open, Reply, Sleep
from cortensor.client.retrying import LONGEST_WAIT_S, MAX_ATTEMPTS, wait_before
from cortensor.store.claims import IN_PROGRESS
from tests.python.client.clients import TRUST, escrow, keyed
from tests.python.client.flaky_proxy import Answer, CutReply, LoseReply, LoseRequest
from tests.python.router.fake_model import Script

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.python.client.flaky_proxy import FlakyProxy
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.harness import Router

    Connect = Callable[..., Any]


def problem(status: int, code: str, **headers: str) -> Answer:
    body = json.dumps({"type": "x", "title": "x", "status": status, "detail": "x", "code": code})
    return Answer(status, body.encode(), Content_Type="application/problem+json", **headers)


def reply(status: int, code: str | None = None, **headers: str) -> Reply:
    kind = {} if code is None else {"content-type": "application/problem+json"}
    return Reply(status, {**kind, **headers}, json.dumps({"code": code}).encode())


FAULTS = [
    LoseRequest(),
    LoseReply(),
    CutReply(),
    Answer(502),
    problem(429, "overloaded", Retry_After="0"),
    problem(503, "ledger_unavailable", Retry_After="0"),
    problem(500, "internal"),
]


@pytest.mark.parametrize("pays", [escrow, keyed])
def test_whatever_gets_lost_is_charged_once(
    router: Router,
    proxy: FlakyProxy,
    session: str,
    keyed_session: str,
    connect: Connect,
    model: FakeModel,
    pays: Any,
) -> None:
    paying = session if pays is escrow else keyed_session
    client = connect(proxy.url, pays(paying))
    proxy.faults = list(FAULTS[:4])
    first = client.delegate("Say something")
    proxy.faults = list(FAULTS[4:])
    second = client.delegate("Say something")
    assert first.replayed
    assert not second.replayed
    assert first.receipt_id != second.receipt_id
    assert router.ledger()[paying] == (first.charge_wei + second.charge_wei, 0)
    assert len(model.requests) == 2
    # Each attempt of a call is the same to the byte: key, body, salt, signature.
    for attempts in (proxy.seen[:5], proxy.seen[5:]):
        same = {
            (path, headers["Idempotency-Key"], headers.get("X-Cortensor-Request-Signature"), body)
            for path, headers, body in attempts
        }
        assert len(same) == 1
    assert proxy.seen[0][1]["Idempotency-Key"] != proxy.seen[5][1]["Idempotency-Key"]


def test_what_does_not_pass_is_not_tried_again(
    proxy: FlakyProxy, session: str, connect: Connect, model: FakeModel
) -> None:
    client = connect(proxy.url, escrow(session))
    with pytest.raises(Rejected):
        client.delegate("x", max_tokens=10**6)
    model.default = Script(status=500)
    with pytest.raises(Exception, match="no replica delivered"):
        client.delegate("x")
    assert len(proxy.seen) == 2


def test_one_deadline_bounds_all_attempts(
    proxy: FlakyProxy, session: str, connect: Connect
) -> None:
    client = connect(proxy.url, escrow(session))
    started = time.monotonic()
    proxy.faults = [problem(503, "chain_unavailable", Retry_After="60")]
    with pytest.raises(Unavailable):
        client.delegate("x", deadline_s=30)
    proxy.faults = [problem(429, "overloaded", Retry_After="60")]
    with pytest.raises(TooManyRequests):
        client.delegate("x", deadline_s=30)
    proxy.faults = [LoseReply() for _ in range(20)]
    with pytest.raises(Unsettled):
        client.delegate("x", deadline_s=1)
    assert time.monotonic() - started < 30


def test_an_answer_holds_though_the_wait_after_it_outlasts_the_deadline() -> None:
    until = time.monotonic() + 1
    call = opened(Core("http://router", None), "GET", "/", until)
    busy = reply(503, "chain_unavailable")
    assert isinstance(next(call), Open)
    assert isinstance(call.send(busy), Sleep)
    time.sleep(max(0.0, until - time.monotonic()))
    with pytest.raises(StopIteration) as ended:
        next(call)
    assert ended.value.value is busy


def test_a_call_that_ran_out_of_time_is_fetched_by_its_key(
    router: Router, session: str, connect: Connect, model: FakeModel
) -> None:
    client = connect(router.url, escrow(session))
    model.gate = threading.Event()
    with pytest.raises(Unsettled) as caught:
        client.delegate("x", deadline_s=0.5)
    model.gate.set()
    late = client.delegate("x", idempotency_key=caught.value.idempotency_key)
    assert len(model.requests) == 1
    assert router.ledger()[session] == (late.charge_wei, 0)


def test_a_router_that_is_not_there_is_no_answer(session: str, connect: Connect) -> None:
    client = connect("http://127.0.0.1:9", escrow(session))
    with pytest.raises(Unsettled):
        client.delegate("x", deadline_s=0.5)


def test_a_cancelled_call_goes_on_at_the_router(
    router: Router, session: str, model: FakeModel
) -> None:
    model.gate = threading.Event()

    async def scenario() -> tuple[Any, Any]:
        async with AsyncClient(router.url, escrow(session), trust=TRUST) as client:
            running = asyncio.create_task(client.delegate("x", idempotency_key="k"))
            await asyncio.to_thread(model.arrived.acquire)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert model.gate is not None
            model.gate.set()
            return await client.delegate("x", idempotency_key="k"), await client.tasks()

    again, tasks = asyncio.run(scenario())
    assert len(model.requests) == 1
    assert tasks.count == 0
    assert router.ledger()[session] == (again.charge_wei, 0)


def test_waits_grow_keep_what_the_router_asks_and_end() -> None:
    waits = [wait_before(Lost("x"), attempt) for attempt in range(1, MAX_ATTEMPTS)]
    assert all(wait is not None and 0.1 <= wait <= LONGEST_WAIT_S for wait in waits)
    assert waits[0] < waits[-1]
    assert wait_before(Lost("x"), MAX_ATTEMPTS) is None
    assert wait_before(reply(429, "overloaded", **{"retry-after": "9"}), 1) == 9
    assert wait_before(reply(502, "all_replicas_failed"), 1) is None
    assert wait_before(reply(409, "consensus_failed"), 1) is None
    assert wait_before(reply(409, "request_already_charged"), 1) is None
    assert wait_before(reply(409, IN_PROGRESS), 1) is not None  # at another router
    assert wait_before(reply(200), 1) is None
    assert wait_before(reply(404), 1) is None
    assert wait_before(reply(504), 1) is not None
