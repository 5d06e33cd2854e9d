# SPDX-License-Identifier: Apache-2.0
"""Policy tiers: consensus settings by a word, and adaptive runs that ask no more than they need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cortensor.pricing import Usage
from tests.python.router.fake_model import Script
from tests.python.router.test_strategies import done

if TYPE_CHECKING:
    from tests.python.router.conftest import Start
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.harness import Router

NAMES = ("201", "202", "203", "204", "205")


@pytest.fixture
def five(start: Start) -> Router:
    sessions = [
        {"id": name, "model": name, "miner": f"m{name}", "max_concurrency": 8} for name in NAMES
    ]
    return start(sessions=sessions)


def asked(session: str, tier: str, **consensus: Any) -> dict[str, Any]:
    body = {"session_id": session, "claim": "Water is wet.", "policy": {"tier": tier}}
    return {**body, "consensus": consensus} if consensus else body


def say(model: FakeModel, *words: str) -> None:
    for name, word in zip(NAMES, words, strict=False):
        model.scripts[name] = Script(f'{{"verdict": "{word}"}}')


def missing(data: dict[str, Any]) -> int:
    return Usage.unpack(int(data["bill"]["usage"], 16)).missing_replicas


@pytest.mark.parametrize(("tier", "replicas"), [("fast", 1), ("safe", 3), ("oracle", 5)])
def test_a_tier_is_a_number_of_replicas(
    five: Router, session: str, model: FakeModel, tier: str, replicas: int
) -> None:
    say(model, *["VALID"] * 5)
    data, receipt = done(five, session, five.post("validate", asked(session, tier)))
    assert data["consensus"]["replicas"] == data["consensus"]["replicas_requested"] == replicas
    assert receipt["policy"]["tier"] == tier
    assert data["bill"]["lines"]["sla"] == "0"


def test_what_the_caller_says_itself_goes_before_the_tier(
    five: Router, session: str, model: FakeModel
) -> None:
    say(model, *["VALID"] * 5)
    body = asked(session, "oracle", replicas=3, disagreement_policy="fail_hard")
    data, _ = done(five, session, five.post("validate", body))
    assert data["consensus"]["replicas"] == 3
    assert data["consensus"]["disagreement_policy"] == "fail_hard"


@pytest.mark.parametrize(
    ("words", "ran", "stopped"),
    [
        (["VALID"] * 5, 3, "confident"),
        (["VALID", "INVALID", "VALID", "VALID", "VALID"], 5, "exhausted"),
        (["VALID", "INVALID", "INVALID", "VALID", "maybe"], 5, "exhausted"),
    ],
)
def test_an_adaptive_run_asks_as_many_as_it_needs(
    five: Router, session: str, model: FakeModel, words: list[str], ran: int, stopped: str
) -> None:
    say(model, *words)
    most = five.post("quote", asked(session, "adaptive"), auth="").json()
    data, receipt = done(five, session, five.post("validate", asked(session, "adaptive")))
    assert data["consensus"]["replicas"] == ran == len(model.requests)
    assert data["consensus"]["stopped"] == stopped
    assert [each["reason"] for each in data["consensus"]["missing"]] == ["not_needed"] * (5 - ran)
    assert missing(data) == 5 - ran
    assert receipt["consensus"]["adaptive"] == {
        "plan": [1, 3, 5],
        "stop_bps": 8000,
        "reason": stopped,
    }
    charge = int(data["charge_wei"])
    assert charge <= int(most["max_charge_wei"])
    assert five.ledger() == {session: (charge, 0)}


def test_an_adaptive_run_pays_for_what_ran(five: Router, session: str, model: FakeModel) -> None:
    say(model, *["VALID"] * 5)
    few, _ = done(five, session, five.post("validate", asked(session, "adaptive")))
    all_five, _ = done(five, session, five.post("validate", asked(session, "oracle")))
    # The bases differ by the tokens of two replicas; of the rest three fifths are left.
    assert 5 * int(few["charge_wei"]) < 3 * int(all_five["charge_wei"])
    assert int(few["bill"]["lines"]["rebates"]) > 0


def test_one_sure_rater_is_enough(start: Start, session: str, model: FakeModel) -> None:
    sessions = [{"id": name, "model": name, "max_concurrency": 8} for name in NAMES]
    record = {"right": 95, "total": 100, "audited": 100}
    known = {"records": dict.fromkeys(NAMES, record), "gold_items": 100}
    router = start(sessions=sessions, consensus=known)
    say(model, *["VALID"] * 5)
    body = asked(session, "adaptive", strategy="weighted")
    data, _ = done(router, session, router.post("validate", body))
    assert (data["consensus"]["replicas"], data["consensus"]["stopped"]) == (1, "confident")
    assert missing(data) == 4


def test_an_adaptive_run_goes_on_after_failures(
    five: Router, session: str, model: FakeModel
) -> None:
    say(model, *["VALID"] * 5)
    model.scripts["201"] = Script(status=500)
    data, _ = done(five, session, five.post("validate", asked(session, "adaptive")))
    statuses = [each["status"] for each in data["consensus"]["replica_results"]]
    assert statuses == ["ERROR", "OK", "OK", "OK", "OK"]


def test_an_adaptive_run_that_fails_all_over_costs_nothing(
    five: Router, session: str, model: FakeModel
) -> None:
    model.default = Script(status=500)
    answer = five.post("validate", asked(session, "adaptive"))
    assert answer.json()["code"] == "all_replicas_failed"
    assert len(answer.json()["replica_results"]) == 5
    assert five.ledger() == {session: (0, 0)}


def test_an_adaptive_run_asks_nobody_after_its_deadline(
    start: Start, session: str, model: FakeModel
) -> None:
    sessions = [{"id": name, "model": name, "max_concurrency": 8} for name in NAMES]
    five = start(sessions=sessions, limits={"late_grace_ms": 20_000})
    model.scripts["201"] = Script('{"verdict": "VALID"}', delay_s=1.5)
    body = {**asked(session, "adaptive"), "timeout_ms": 1000}
    data, receipt = done(five, session, five.post("validate", body))
    assert (data["consensus"]["replicas"], data["consensus"]["stopped"]) == (1, "deadline")
    assert receipt["replicas"][0]["late"] is True


def test_the_caller_bounds_an_adaptive_run(five: Router, session: str, model: FakeModel) -> None:
    say(model, "VALID", "INVALID", "VALID")
    body = asked(session, "adaptive", replicas=3)
    data, receipt = done(five, session, five.post("validate", body))
    assert receipt["consensus"]["adaptive"]["plan"] == [1, 3]
    assert (data["consensus"]["replicas"], data["consensus"]["stopped"]) == (3, "exhausted")
    body = asked(session, "adaptive", min_replicas=2)
    say(model, *["VALID"] * 5)
    _, receipt = done(five, session, five.post("validate", body))
    assert receipt["consensus"]["adaptive"]["plan"] == [3, 5]


def test_an_adaptive_run_says_where_sessions_ran_out(
    five: Router, session: str, model: FakeModel
) -> None:
    say(model, "VALID", "INVALID", "VALID", "VALID", "VALID")
    for name in ("202", "203", "204", "205"):
        model.scripts[name] = Script(status=500)
    body = asked(session, "adaptive", session_pool=list(NAMES))
    for _ in range(3):  # three failures in a row open a breaker
        five.post("validate", body)
    data, _ = done(five, session, five.post("validate", body))
    assert (data["consensus"]["replicas"], data["consensus"]["stopped"]) == (1, "unavailable")
    assert {each["reason"] for each in data["consensus"]["missing"]} == {"no_healthy_session"}


def test_a_quote_by_size_knows_tiers(five: Router, session: str) -> None:
    sizes = f"/api/v4/quote?session_id={session}&endpoint=validate&input_bytes=30"
    adaptive = five.get(f"{sizes}&tier=adaptive").json()
    oracle = five.get(f"{sizes}&tier=oracle").json()
    one = five.get(f"{sizes}&tier=oracle&replicas=1").json()
    assert adaptive["max_charge_wei"] == oracle["max_charge_wei"]
    assert int(one["max_charge_wei"]) < int(oracle["max_charge_wei"])
