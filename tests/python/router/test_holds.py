# SPDX-License-Identifier: Apache-2.0
"""No failure keeps a payer's money: releases that fail, cancellations, bugs after the work."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from cortensor.errors import InvalidInput, Unavailable
from cortensor.router import service
from cortensor.router.clock import SystemClock
from cortensor.router.holds import Holds
from cortensor.store.ledger import Ledger
from cortensor.store.records import SessionFacts
from cortensor.store.store import Store
from tests.python.router.harness import COR, PAYER, session_number

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.python.router.conftest import Start
    from tests.python.router.fake_node import FakeNode
    from tests.python.router.harness import Router

SESSION = f"0x{session_number(1):040x}"


def body(session: str) -> dict[str, Any]:
    return {"session_id": session, "objective": "x"}


def failing_once(method: Callable[..., Any]) -> Callable[..., Any]:
    left = [Unavailable("ledger: disk is full", code="ledger_unavailable")]

    def call(*values: Any) -> Any:
        if left:
            raise left.pop()
        return method(*values)

    return call


def test_a_release_that_failed_is_made_good_by_the_next_request(
    router: Router, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ledger, "commit", failing_once(Ledger.commit))
    monkeypatch.setattr(Ledger, "release", failing_once(Ledger.release))
    answer = router.post("delegate", body(session))
    assert (answer.status_code, answer.json()["code"]) == (503, "ledger_unavailable")
    assert router.ledger()[session][1] > 0
    paid = router.post("delegate", body(session))
    assert router.ledger()[session] == (int(paid.json()["charge_wei"]), 0)


def test_a_reservation_cancelled_while_it_is_made_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, gate = threading.Event(), threading.Event()
    reserve = Ledger.reserve

    def slow(*values: Any) -> None:
        entered.set()
        gate.wait(10)
        reserve(*values)

    monkeypatch.setattr(Ledger, "reserve", slow)

    async def scenario(ledger: Ledger) -> None:
        task = asyncio.create_task(Holds(ledger, SystemClock()).take(SESSION, "0x1", 40))
        await asyncio.to_thread(entered.wait, 10)
        task.cancel()
        await asyncio.sleep(0)
        gate.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    with Store(tmp_path / "router.db") as store:
        store.ledger.refresh(facts())
        asyncio.run(scenario(store.ledger))
        account = store.ledger.account(SESSION)
        assert account is not None
        assert (account.reserved, account.available) == (0, 100)


def test_a_reservation_whose_commit_got_lost_on_the_way_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server committed; its answer did not arrive."""
    reserve = Ledger.reserve

    def cut(*values: Any) -> None:
        reserve(*values)
        raise Unavailable("connection lost", code="ledger_unavailable")

    monkeypatch.setattr(Ledger, "reserve", cut)

    async def scenario(ledger: Ledger) -> None:
        with pytest.raises(Unavailable):
            await Holds(ledger, SystemClock()).take(SESSION, "0x1", 40)

    with Store(tmp_path / "router.db") as store:
        store.ledger.refresh(facts())
        asyncio.run(scenario(store.ledger))
        account = store.ledger.account(SESSION)
        assert account is not None
        assert (account.reserved, account.available) == (0, 100)


def facts() -> SessionFacts:
    return SessionFacts(
        session=SESSION,
        payer=PAYER,
        deposit=100,
        settled=0,
        expiry=2**39,
        state=1,
        volume_tier=0,
        version=1,
        surcharge_cap_bps=0,
        task_cap_wei=COR,
        fetched_at=1,
    )


def test_work_that_another_router_took_over_is_refused_and_answered_once(
    router: Router, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Ledger.commit

    def too_late(self: Ledger, reservation: str, *values: Any) -> int:
        self.release(reservation)  # as whoever finds an expired lease does
        return commit(self, reservation, *values)

    monkeypatch.setattr(Ledger, "commit", too_late)
    answer = router.post("delegate", body(session), key="k")
    assert (answer.status_code, answer.json()["code"]) == (503, "lease_lost")
    assert answer.headers["Retry-After"] == "1"
    assert router.ledger()[session] == (0, 0)
    monkeypatch.undo()
    paid = router.post("delegate", body(session), key="k")
    assert router.ledger()[session] == (int(paid.json()["charge_wei"]), 0)


def test_a_receipt_that_cannot_be_made_is_our_fault_and_free(
    router: Router, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise InvalidInput("has no canonical form", field="replicas[0].model")

    monkeypatch.setattr(service, "finish", broken)
    answer = router.post("delegate", body(session))
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "field" not in answer.json()
    assert router.ledger() == {session: (0, 0)}


def test_a_session_about_to_end_takes_no_work(start: Start, node: FakeNode) -> None:
    router = start(settlement={"expiry_margin_s": 300})
    now = int(time.time())
    ending = node.open(session_number(2), PAYER, COR, expiry=now + 200)
    answer = router.post("delegate", body(ending))
    assert (answer.status_code, answer.json()["code"]) == (409, "session_expired")
    lasting = node.open(session_number(3), PAYER, COR, expiry=now + 900)
    assert router.post("delegate", body(lasting)).ok


def test_readiness_waits_for_no_writer(router: Router, session: str) -> None:
    writer = sqlite3.connect(router.config.database_address, isolation_level=None)
    try:
        writer.execute("BEGIN IMMEDIATE")
        ready = router.get("/readyz")
    finally:
        writer.close()
    assert ready.json() == {
        "status": "ready",
        "checks": {"backend": "ok", "chain": "ok", "ledger": "ok"},
    }


def test_guessing_a_session_twice_asks_the_node_once(start: Start, node: FakeNode) -> None:
    router = start(limits={"session_cache_s": 60})
    node.calls.clear()
    for _ in range(3):
        answer = router.get(f"/api/v4/quote?session_id={SESSION}")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_session")
    assert node.calls.count("session") == 1
    node.open(session_number(2), PAYER, COR)
    assert router.get(f"/api/v4/quote?session_id=0x{session_number(2):040x}").ok


def test_an_opened_session_is_seen_when_the_cache_is_over(start: Start, node: FakeNode) -> None:
    router = start(limits={"session_cache_s": 1})
    path = f"/api/v4/quote?session_id={SESSION}"
    assert router.get(path).status_code == 404
    node.open(session_number(1), PAYER, COR)
    time.sleep(1.1)
    assert router.get(path).ok
