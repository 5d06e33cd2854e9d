# SPDX-License-Identifier: Apache-2.0
"""Replicas that were asked for and never ran: how few may run, and what the payer gets back."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from cortensor.pricing import Terms, Usage, quote
from cortensor.receipts.bundle import Bundle
from cortensor.receipts.verify import verify_bundle
from cortensor.router.breaker import BreakerRules
from cortensor.router.config import ComputeSession
from cortensor.router.fanout import Deadlines, Missing, run_replicas
from cortensor.router.ports import Call, Completion
from cortensor.router.request_checks import fewest_replicas
from cortensor.router.schemas import ConsensusRequest, DelegateRequest
from cortensor.router.selection import Slot
from tests.python.router.fake_model import Script
from tests.python.router.harness import CARD, token
from tests.python.router.test_paid_path import delegate, validate, verdicts
from tests.python.router.test_refusals import free, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.python.router.conftest import Start
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.fake_node import FakeNode
    from tests.python.router.harness import Router

UNPICKED = {"reason": "no_healthy_session", "session_id": None}


@pytest.fixture
def slow_to_mend(start: Start) -> Router:
    """A router whose broken compute sessions stay broken."""
    return start(limits={"breaker_cooldown_ms": 60_000})


def break_sessions(router: Router, session: str, *names: str) -> None:
    for name in names:
        router.model.scripts[name] = Script(hang_up=True)
        body = delegate(session, consensus={"session_pool": [name]})
        for _ in range(3):
            refused(router.post("delegate", body), 502, "all_replicas_failed")
    free(router)


def usage_of(data: dict[str, Any]) -> Usage:
    return Usage.unpack(int(data["bill"]["usage"], 16))


def verified(router: Router, session: str, data: dict[str, Any]) -> dict[str, str]:
    """What each check of the receipt says; none may fail."""
    path = f"/api/v4/receipt/{data['receipt_id']}?bundle=1"
    result = verify_bundle(Bundle.load(router.get(path, auth=token(session)).content))
    assert not result.failures, result.failures
    return {check.name: check.detail for check in result.checks}


def test_a_missing_replica_is_told_and_given_back(
    slow_to_mend: Router, session: str, model: FakeModel
) -> None:
    router = slow_to_mend
    break_sessions(router, session, "201")
    verdicts(model, "VALID", "VALID", "VALID")
    asked = router.post("quote", validate(session)).json()
    assert (asked["replicas"], asked["missing_replicas"]) == (2, 1)
    data = router.post("validate", validate(session)).json()
    consensus = data["consensus"]
    assert (consensus["replicas_requested"], consensus["replicas"]) == (3, 2)
    assert consensus["missing"] == [UNPICKED]
    assert [r["session_id"] for r in consensus["replica_results"]] == ["202", "203"]
    assert consensus["confidence"] == 0.75  # two that agree are worth less than three
    terms = Terms.unpack(int(data["bill"]["terms"], 16))
    usage = usage_of(data)
    assert (terms.replicas, usage.missing_replicas, usage.failed_replicas) == (3, 1, 0)
    whole = quote(CARD, 0, terms, Usage(input_units=40, output_units=10))
    assert int(data["bill"]["lines"]["rebates"]) == whole.total // 3
    assert int(data["charge_wei"]) == whole.total - whole.total // 3
    assert int(data["charge_wei"]) <= int(asked["max_charge_wei"])
    assert verified(router, session, data)["usage"].endswith("1 missing")
    assert router.ledger() == {session: (int(data["charge_wei"]), 0)}


def test_a_caller_may_insist_on_all(slow_to_mend: Router, session: str) -> None:
    router = slow_to_mend
    break_sessions(router, session, "201")
    for consensus in (
        {"replicas": 3, "min_replicas": 3},
        {"replicas": 3, "agreement_threshold_bps": 10_000},
        {"replicas": 3, "agreement_threshold_bps": 6667},  # two of three are 6666
    ):
        for endpoint in ("delegate", "quote"):
            answer = router.post(endpoint, delegate(session, consensus=consensus))
            data = refused(answer, 503, "too_few_healthy_sessions", "consensus.session_pool")
            assert "3 of 3 replicas must run, 2 of 3" in data["detail"]
            assert answer.headers["retry-after"] == "1"
    sizes = f"/api/v4/quote?session_id={session}&replicas=3"
    assert router.get(sizes).json()["missing_replicas"] == 1
    refused(
        router.get(f"{sizes}&min_replicas=3"),
        503,
        "too_few_healthy_sessions",
        "consensus.session_pool",
    )
    free(router)


def test_too_few_for_the_threshold_are_refused_unless_allowed(
    slow_to_mend: Router, session: str, model: FakeModel
) -> None:
    router = slow_to_mend
    break_sessions(router, session, "201", "203")
    refused(
        router.post("delegate", delegate(session, consensus={"replicas": 3})),
        503,
        "too_few_healthy_sessions",
        "consensus.session_pool",
    )
    free(router)
    consensus = {"replicas": 3, "min_replicas": 1}
    data = router.post("delegate", delegate(session, consensus=consensus)).json()
    assert data["consensus"]["missing"] == [UNPICKED, UNPICKED]
    assert usage_of(data).missing_replicas == 2
    verified(router, session, data)


def test_a_router_that_runs_fewer_than_the_request_allows_is_found_out(
    slow_to_mend: Router, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = slow_to_mend
    break_sessions(router, session, "201", "202")
    for name in ("offers", "service"):
        monkeypatch.setattr(f"cortensor.router.{name}.fewest_replicas", lambda _: 1)
    for minimum, needs in (({}, 2), ({"min_replicas": 3}, 3)):
        body = delegate(session, consensus={"replicas": 3, **minimum})
        data = router.post("delegate", body).json()
        path = f"/api/v4/receipt/{data['receipt_id']}?bundle=1"
        result = verify_bundle(Bundle.load(router.get(path, auth=token(session)).content))
        assert [check.name for check in result.failures] == ["request"]
        assert f"1 ran, the request wants {needs} at least" in result.failures[0].detail


@pytest.mark.parametrize(
    ("replicas", "threshold", "fewest"),
    [
        (1, 5001, 1),
        (3, 5001, 2),
        (5, 5001, 3),
        (3, 0, 1),
        (3, 3333, 1),
        (3, 3334, 2),
        (3, 6666, 2),
        (3, 6667, 3),
        (5, 8000, 4),
        (5, 8001, 5),
        (5, 10_000, 5),
    ],
)
def test_the_fewest_could_still_carry_the_agreement(
    replicas: int, threshold: int, fewest: int
) -> None:
    asked = ConsensusRequest(replicas=replicas, agreement_threshold_bps=threshold)
    assert fewest_replicas(asked) == fewest
    assert 10_000 * fewest // replicas >= threshold
    assert fewest == 1 or 10_000 * (fewest - 1) // replicas < threshold


@pytest.fixture
def busy(start: Start, session: str, model: FakeModel) -> Iterator[Router]:
    """A router whose compute session 201 works on something else, and takes one thing at a time."""
    names = ("201", "202", "203")
    sessions = [{"id": name, "model": name, "max_concurrency": 1} for name in names]
    router = start(sessions=sessions)
    verdicts(model, "VALID", "VALID", "VALID")
    model.scripts["201"] = Script('{"verdict": "VALID"}', delay_s=4)
    alone = {**validate(session, 1), "consensus": {"session_pool": ["201"]}}
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(router.post, "validate", alone)
        assert model.arrived.acquire(timeout=10)
        yield router
        assert other.result().ok


def test_a_replica_that_gets_no_turn_is_missing_and_no_failure(busy: Router, session: str) -> None:
    body = {**validate(session), "timeout_ms": 1000}
    data = busy.post("validate", body).json()
    assert data["consensus"]["missing"] == [{"reason": "queue_timeout", "session_id": "201"}]
    usage = usage_of(data)
    assert (usage.missing_replicas, usage.failed_replicas) == (1, 0)
    assert verified(busy, session, data)["usage"].endswith("1 missing")
    states = {s["id"]: s for s in busy.get("/api/v4/sessions").json()["sessions"]}
    assert states["201"]["consecutive_failures"] == 0


def test_an_answer_of_too_few_is_not_charged(busy: Router, session: str) -> None:
    consensus = {"replicas": 3, "min_replicas": 3}
    body = {**validate(session), "consensus": consensus, "timeout_ms": 1000}
    before = busy.ledger()[session][0]
    data = refused(
        busy.post("validate", body), 503, "too_few_healthy_sessions", "consensus.session_pool"
    )
    assert "2 got a turn in time; nothing was charged" in data["detail"]
    assert busy.ledger()[session][0] == before


class Clock:
    def unix(self) -> int:
        return 1

    def monotonic(self) -> float:
        return time.monotonic()


class Backend:
    """Counts what it is asked; nothing else of it is used."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def complete(self, call: Call) -> Completion:
        self.calls.append(call.session.id)
        return Completion("an answer", "m", 1, 1)


def test_no_replica_is_begun_on_a_session_that_broke_while_it_waited() -> None:
    backend: Any = Backend()
    rules = BreakerRules(failures=1, first_s=60, longest_s=60)
    slots = [Slot(ComputeSession(name), rules) for name in ("201", "202")]
    calls = [Call(slot.session, "", "", 1, 1) for slot in slots]
    ended: list[tuple[int, str]] = []

    async def scenario() -> None:
        now = time.monotonic()
        await slots[0].gate.acquire()
        running = asyncio.ensure_future(
            run_replicas(
                DelegateRequest(session_id="0x", objective="x"),
                slots,
                calls,
                backend=backend,
                clock=Clock(),
                deadlines=Deadlines(started=now, soft=now + 5, hard=now + 5),
                on_end=lambda index, status: ended.append((index, status)),
            )
        )
        await asyncio.sleep(0.05)
        slots[0].failed(time.monotonic())  # by the work that held it
        slots[0].gate.release()
        ran = await running
        assert [replica.session.id for replica in ran.replicas] == ["202"]
        assert ran.missing == [Missing(slots[0].session, "breaker_open")]

    asyncio.run(scenario())
    assert backend.calls == ["202"]
    assert sorted(ended) == [(0, "MISSING"), (1, "OK")]
    assert [slot.in_flight for slot in slots] == [0, 0]


def test_a_receipt_is_not_dated_before_what_the_chain_says(
    router: Router, node: FakeNode, session: str
) -> None:
    def issued_at(data: dict[str, Any]) -> int:
        path = f"/api/v4/receipt/{data['receipt_id']}"
        found: int = router.get(path, auth=token(session)).json()["receipt"]["issued_at"]
        return found

    began = int(time.time())
    assert issued_at(router.post("delegate", delegate(session)).json()) >= began
    node.now = began + 1000  # this clock is behind: a surcharge of then would be priced
    assert issued_at(router.post("delegate", delegate(session)).json()) == began + 1000
