# SPDX-License-Identifier: Apache-2.0
"""Quiet sessions are probed, busy ones are not, and a probe is what lets a broken one back in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cortensor.router.breaker import BreakerRules
from cortensor.router.config import ComputeSession
from cortensor.router.health import Prober
from cortensor.router.metrics import Metrics
from cortensor.router.operations_config import HealthConfig
from cortensor.router.ports import BackendError, Call, Completion
from cortensor.router.registry import ConfiguredSessions
from cortensor.router.selection import Pool
from tests.python.router.fake_model import FakeModel, Script
from tests.python.router.test_breaker import state_of
from tests.python.router.test_paid_path import delegate

if TYPE_CHECKING:
    from tests.python.router.conftest import Start

RULES = BreakerRules(failures=1, first_s=10, longest_s=10)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def unix(self) -> int:
        return int(self.now)

    def monotonic(self) -> float:
        return self.now


class Backend:
    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.error: BackendError | None = None

    async def complete(self, call: Call) -> Completion:
        self.calls.append(call)
        if self.error is not None:
            raise self.error
        return Completion("x", "m", 1, 1)


def made(interval_s: int = 30) -> tuple[Pool, Prober, Clock, Backend]:
    clock, backend = Clock(), Backend()
    pool = Pool(ConfiguredSessions([ComputeSession("a"), ComputeSession("b")]), clock, RULES)
    config = HealthConfig(probe_interval_s=interval_s)
    real: Any = backend
    return pool, Prober(pool, real, clock, config, Metrics()), clock, backend


def probed(prober: Prober) -> list[str]:
    async def run() -> list[str]:
        due = prober.due()
        for slot in due:
            await prober.probe(slot)
        return [slot.session.id for slot in due]

    return asyncio.run(run())


def test_quiet_sessions_are_probed_with_one_token_and_spread() -> None:
    pool, prober, clock, backend = made()
    assert probed(prober) == []
    clock.now += 36.1  # the interval and its jitter
    assert probed(prober) == ["a", "b"]
    assert [call.max_tokens for call in backend.calls] == [1, 1]
    assert probed(prober) == []
    assert len(set(prober._due.values())) == 2
    assert all(24 <= due - clock.now <= 36 for due in prober._due.values())
    assert all(slot.stats.last_at is None for slot in pool.slots)  # no measure of speed


def test_a_session_with_calls_of_its_own_is_not_probed() -> None:
    pool, prober, clock, _ = made()
    clock.now += 36.1
    pool.slots[0].succeeded(clock.now - 1, 0.5)
    with pool.slots[1].load():
        assert probed(prober) == []


def test_a_failed_probe_opens_and_a_good_one_closes() -> None:
    pool, prober, clock, backend = made()
    slot = pool.slots[0]
    backend.error = BackendError("unreachable")
    clock.now += 36.1
    probed(prober)
    assert slot.breaker.state(clock.now) == "open"
    assert probed(prober) == []  # not before its time is over
    backend.error = None
    clock.now += 10.1
    assert slot.breaker.state(clock.now) == "half_open"
    assert probed(prober) == ["a", "b"]  # at once, not at the next interval
    assert slot.breaker.state(clock.now) == "closed"


def test_a_refusal_of_the_probe_itself_is_no_failure() -> None:
    pool, prober, clock, backend = made()
    backend.error = BackendError("refused", healthy=True)
    clock.now += 36.1
    probed(prober)
    assert pool.slots[0].breaker.failures == 0


def until(is_so: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_running_router_probes_bills_nobody_and_recovers_without_a_payers_call(
    start: Start, session: str, model: FakeModel
) -> None:
    router = start(health={"probe_interval_s": 1}, hedging={"fallbacks": 0})
    until(lambda: len(model.requests) >= 3)
    assert all(each["max_tokens"] == 1 for each in model.requests)
    assert router.ledger() == {}
    model.scripts["201"] = Script(hang_up=True)
    until(lambda: state_of(router, "201")["state"] != "closed")
    model.scripts["201"] = Script()
    until(lambda: state_of(router, "201")["state"] == "closed")
    assert router.post("delegate", delegate(session)).ok
