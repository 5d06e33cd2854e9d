# SPDX-License-Identifier: Apache-2.0
"""Memory growth: every buffer of the router is bounded, whatever callers send and however long."""

from __future__ import annotations

import asyncio
import gc
import json
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from cortensor.errors import NotFound, Unauthorized
from cortensor.receipts.access import Access
from cortensor.receipts.api_key import KeyGrant
from cortensor.receipts.sign import sign
from cortensor.receipts.typed import AccessGrant
from cortensor.router import access, payment_sessions
from cortensor.router.access import Doorkeeper
from cortensor.router.attempts import HedgeBudget
from cortensor.router.payment_sessions import PaymentSessions
from cortensor.router.rate_limit import BUCKETS, RateLimits
from cortensor.router.session_stats import KEPT, SessionStats
from tests.python.router.fake_model import Script
from tests.python.router.harness import DOMAIN, PAYER, PAYER_KEY, ROUTER_ID, session_number
from tests.python.router.test_health import Clock
from tests.python.router.test_paid_path import delegate

if TYPE_CHECKING:
    from tests.python.router.conftest import Start
    from tests.python.router.fake_model import FakeModel

SMALL = 32
MOST_BYTES = 250_000


def test_statistics_of_a_session() -> None:
    stats = SessionStats(60)
    for number in range(20 * KEPT):
        stats.answered(float(number), 1.0)
        stats.outrun(float(number), 1.0)
    assert len(stats._recent) == KEPT


def test_signatures_that_were_recovered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "CACHE_SIZE", SMALL)
    doorkeeper = Doorkeeper(DOMAIN)
    session = session_number(1)
    for number in range(3 * SMALL):
        grant = AccessGrant(session, 2**40 + number)
        signed = Access(grant, sign(PAYER_KEY, grant.digest(DOMAIN)))
        doorkeeper.check(signed, f"0x{session:040x}", PAYER, 0)
        key = KeyGrant(
            session_id=f"0x{session:040x}",
            key_hash=f"0x{number:064x}",
            scopes=["delegate"],
            per_minute=1,
            expires=2**40,
        )
        with pytest.raises(Unauthorized):
            doorkeeper.check_key(key, sign("0x" + "c3" * 32, key.digest(DOMAIN)), PAYER)
    assert len(doorkeeper._known) == SMALL


def test_sessions_that_do_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payment_sessions, "UNKNOWN_SIZE", SMALL)

    class Nothing:
        def account(self, _: str) -> None:
            return None

        async def session(self, _: str) -> None:
            return None

    nothing: Any = Nothing()
    sessions = PaymentSessions(
        nothing,
        nothing,
        Clock(),
        router_id=ROUTER_ID,
        cache_s=60,
        surcharge_s=60,
        expiry_margin_s=0,
        max_volume_tier=0,
        fundings=["escrow"],
    )

    async def ask() -> None:
        for number in range(3 * SMALL):
            with pytest.raises(NotFound):
                await sessions.load(f"0x{session_number(number):040x}")

    asyncio.run(ask())
    assert len(sessions._unknown) == SMALL


def test_token_buckets() -> None:
    limits = RateLimits(Clock())
    for number in range(2 * BUCKETS):
        limits.take(str(number), 60)
    assert len(limits._buckets) == BUCKETS


def test_the_hedging_budget_is_not_saved_up() -> None:
    budget = HedgeBudget(10_000)
    for _ in range(10_000):
        budget.earn()
    assert sum(budget.spend() for _ in range(1000)) < 10


@pytest.mark.slow
def test_a_router_at_work(start: Start, session: str, model: FakeModel) -> None:
    """Calls that succeed, fail and are refused leave nothing behind but rows in the database."""
    limits = {"session_cache_s": 600, "surcharge_cache_s": 600}  # the node's answers are not ours
    router = start(limits=limits, hedging={"slow": "always"}, gold={"half_life_days": 1})
    model.default = Script(json.dumps({"verdict": "VALID"}))

    def work(number: int) -> None:
        model.requests.clear()
        model.headers.clear()
        assert router.post("delegate", delegate(session, input=f"{number}" * 2000)).ok
        router.post("delegate", delegate(session, consensus={"session_pool": [str(number)]}))
        router.get(f"/nothing/{number}")
        router.get("/api/v4/tasks", auth=f"ctk1_{number:043}")

    def used() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    for number in range(40):
        work(number)
    tracemalloc.start()
    try:
        for number in range(40, 60):
            work(number)
        before = used()
        for number in range(60, 160):
            work(number)
        deadline = time.monotonic() + 60
        # Doubled calls that nobody waits for any more end a little later: a leak would stay.
        while (grown := used() - before) >= MOST_BYTES and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        tracemalloc.stop()
    # A buffer of bodies would hold 400 kB and more; what grows here is the client's own caches.
    assert grown < MOST_BYTES, grown
