# SPDX-License-Identifier: Apache-2.0
"""A router that was taken for dead: its commit is refused, the retry gets the other's receipt."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from cortensor.store.address import PostgresAddress
from cortensor.store.store import Store
from tests.python.router.test_api_keys import issue
from tests.python.router.test_once import body

if TYPE_CHECKING:
    from tests.python.router.conftest import Start
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.harness import Router


@pytest.fixture
def ledger_at(postgres_url: str) -> PostgresAddress:
    return PostgresAddress(postgres_url)


def lose_lease(router: Router) -> None:
    """Let whoever holds a reservation pass for dead."""
    with Store(router.config.database_address) as store, store.database.transaction() as sql:
        sql.execute("DELETE FROM owners WHERE owner IN (SELECT owner FROM reservations)")


def test_a_commit_after_a_lost_lease_says_so_and_the_retry_gets_the_receipt(
    start: Start, session: str, model: FakeModel
) -> None:
    slow, quick = start(limits={"lease_ms": 60_000}), start(limits={"lease_ms": 60_000})
    model.gate = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        lost = pool.submit(slow.post, "delegate", body(session), key="k")
        assert model.arrived.acquire(timeout=20)
        lose_lease(slow)
        taken = pool.submit(quick.post, "delegate", body(session), key="k")
        assert model.arrived.acquire(timeout=20)
        model.gate.set()
        refused, made = lost.result(30), taken.result(30)
    assert made.ok, made.text
    assert (refused.status_code, refused.json()["code"]) == (503, "lease_lost")
    assert refused.headers["content-type"] == "application/problem+json"
    assert int(refused.headers["retry-after"]) > 0
    again = slow.post("delegate", body(session), key="k")
    assert again.content == made.content
    assert again.headers["idempotent-replayed"] == "true"
    assert slow.ledger() == {session: (int(made.json()["charge_wei"]), 0)}


def test_routers_know_how_many_they_are(ledger_at: PostgresAddress) -> None:
    with Store(ledger_at) as one, Store(ledger_at) as two:
        assert one.owners.living() == 1  # without a lease: itself
        one.owners.renew(60_000)
        two.owners.renew(60_000)
        assert (one.owners.living(), two.owners.living()) == (2, 2)
        two.owners.leave()
        assert one.owners.living() == 1


def test_routers_on_one_database_share_a_keys_rate(start: Start, session: str) -> None:
    limits = {"lease_ms": 1000}
    one, two = start(limits=limits), start(limits=limits)
    time.sleep(1)  # the first one has seen the second by now
    key = issue(one, session, scopes=["receipts"], per_minute=8)
    told = [each.get("/api/v4/tasks", auth=key).status_code for each in (one, two) * 8]
    assert told.count(200) == 8
    assert set(told) == {200, 429}
