# SPDX-License-Identifier: Apache-2.0
"""A session that fails is left alone, longer each time, and let back in by one trial."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.router.breaker import JITTER, Breaker, BreakerRules
from cortensor.router.session_stats import SessionStats
from tests.python.router.fake_model import FakeModel, Script
from tests.python.router.harness import Router
from tests.python.router.test_paid_path import delegate

if TYPE_CHECKING:
    from tests.python.router.conftest import Start

RULES = BreakerRules(failures=3, first_s=10, longest_s=300)


def steady(rules: BreakerRules = RULES) -> Breaker:
    return Breaker(rules, chance=lambda: 0.0)


def opened(rules: BreakerRules = RULES) -> Breaker:
    breaker = steady(rules)
    for _ in range(rules.failures):
        breaker.failed(0.0)
    return breaker


def test_cooldown_skipped_on_a_second_failure() -> None:
    """Each failure counts, also those of calls that were under way when the breaker opened."""
    breaker = opened()
    assert breaker.opens_in(0.0) == 10
    breaker.failed(4.0)  # begun before it opened
    assert breaker.failures == 4
    assert breaker.opens_in(4.0) == 10
    assert breaker.state(13.9) == "open"
    assert breaker.state(14.0) == "half_open"


def test_a_success_in_between_closes_the_count() -> None:
    breaker = steady()
    for _ in range(10):
        breaker.failed(0.0)
        breaker.failed(0.0)
        breaker.succeeded()
    assert breaker.state(0.0) == "closed"


def test_half_open_lets_one_trial_through() -> None:
    breaker = opened()
    assert breaker.admit(9.9) is None
    trial = breaker.admit(10.0)
    assert trial is not None
    assert breaker.admit(10.0) is None
    assert not breaker.is_free(10.0)
    breaker.ended(trial)  # cancelled: it says nothing, the next one may try
    assert breaker.admit(10.0) is not None
    breaker.succeeded()
    assert breaker.state(10.0) == "closed"


def test_a_call_from_before_does_not_end_the_trial() -> None:
    breaker = steady()
    before = breaker.admit(0.0)
    for _ in range(RULES.failures):
        breaker.failed(0.0)
    trial = breaker.admit(10.0)
    assert trial is not None
    breaker.ended(before)
    assert breaker.admit(10.0) is None
    breaker.failed(10.0)  # another from before: it opens for longer, and the trial still runs
    assert breaker.state(30.0) == "half_open"
    assert breaker.admit(30.0) is None
    breaker.ended(trial)
    assert breaker.admit(30.0) is not None


def test_each_failed_trial_doubles_the_time_up_to_the_cap() -> None:
    breaker, now, waits = opened(), 0.0, []
    for _ in range(8):
        wait = breaker.opens_in(now)
        assert wait is not None
        waits.append(wait)
        now += wait
        trial = breaker.admit(now)
        assert trial is not None
        breaker.failed(now)
        breaker.ended(trial)
    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]
    breaker.succeeded()
    for _ in range(3):
        breaker.failed(now)
    assert breaker.opens_in(now) == 10  # it begins anew


def test_retry_after_opens_at_once_and_for_as_long() -> None:
    breaker = steady()
    breaker.failed(0.0, 42.0)
    assert breaker.state(41.9) == "open"
    assert breaker.state(42.0) == "half_open"
    far = steady()
    far.failed(0.0, 10**6)
    assert far.opens_in(0.0) == 300  # a backend cannot close itself for days


@given(st.floats(0, 1), st.floats(0.1, 250))
def test_jitter_is_never_before_the_time_that_was_named(chance: float, named: float) -> None:
    breaker = Breaker(RULES, chance=lambda: chance)
    breaker.failed(0.0, named)
    wait = breaker.opens_in(0.0)
    assert wait is not None
    least = named if named >= RULES.first_s else RULES.first_s * (1 - JITTER)
    assert least <= wait <= math.nextafter(max(named, RULES.first_s) * (1 + JITTER), math.inf)


def test_statistics_halve_with_each_half_life() -> None:
    stats = SessionStats(60)
    for _ in range(10):
        stats.failed(0.0)
    for number in range(10):
        stats.answered(600.0, 0.2, 20)
        assert stats.lately(600.0).failure_rate == pytest.approx(
            10 / 1024 / (10 / 1024 + number + 1)
        )
    lately = stats.lately(600.0)
    assert lately.latency_ms == pytest.approx(200)
    assert lately.output_units_per_s == pytest.approx(100)
    assert lately.p95_ms == pytest.approx(200)
    assert stats.lately(660.0).calls == pytest.approx(lately.calls / 2)
    assert stats.p95_s(600.0 + 5 * 60) is None  # forgotten


def test_a_rate_limited_session_is_left_alone_for_as_long_as_it_says(
    start: Start, session: str, model: FakeModel
) -> None:
    router = start(hedging={"fallbacks": 0})
    model.scripts["201"] = Script(status=429, headers={"Retry-After": "60"})
    body = delegate(session, consensus={"session_pool": ["201"]})
    assert router.post("delegate", body).status_code == 502
    state = state_of(router, "201")
    assert (state["state"], state["consecutive_failures"]) == ("open", 1)
    assert 55_000 < state["retry_in_ms"] <= 72_000
    answer = router.post("delegate", body)
    assert (answer.status_code, answer.json()["code"]) == (503, "too_few_healthy_sessions")
    assert len(model.requests) == 1


def test_a_callers_own_short_deadline_breaks_no_session(
    start: Start, session: str, model: FakeModel
) -> None:
    router = start(limits={"late_grace_ms": 0}, hedging={"fallbacks": 0})
    model.scripts["201"] = Script(delay_s=0.3)
    hasty = delegate(session, consensus={"session_pool": ["201"]}, timeout_ms=50)
    for _ in range(5):
        assert router.post("delegate", hasty).status_code == 502
    assert state_of(router, "201")["consecutive_failures"] == 0
    patient = delegate(session, consensus={"session_pool": ["201"]})
    assert router.post("delegate", patient).ok


def state_of(router: Router, name: str) -> dict[str, object]:
    states = router.get("/api/v4/sessions").json()["sessions"]
    return next(each for each in states if each["id"] == name)


def test_session_states_show_what_was_measured(
    router: Router, session: str, model: FakeModel
) -> None:
    before = state_of(router, "201")
    assert (before["failure_rate"], before["latency_ms"], before["p95_ms"]) == (None, None, None)
    assert before["retry_in_ms"] is None
    model.default = Script(delay_s=0.02)
    for _ in range(8):
        body = delegate(session, consensus={"session_pool": ["201"]})
        assert router.post("delegate", body).ok
    after = state_of(router, "201")
    assert after["failure_rate"] == 0
    assert after["model"] == "201"
    for name in ("latency_ms", "p95_ms", "output_units_per_s"):
        value = after[name]
        assert isinstance(value, float)
        assert value > 0
    assert after["latency_ms"] >= 20  # type: ignore[operator]
    assert state_of(router, "202")["latency_ms"] is None
