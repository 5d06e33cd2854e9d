# SPDX-License-Identifier: Apache-2.0
"""A replica that is slow or fails is tried elsewhere: in the receipt, and at nobody's cost."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from cortensor.pricing import Terms, Usage, quote
from cortensor.receipts.bundle import Bundle
from cortensor.receipts.verify import verify_bundle
from cortensor.router.attempts import BURST, HedgeBudget
from cortensor.router.breaker import BreakerRules
from cortensor.router.config import ComputeSession
from cortensor.router.registry import ConfiguredSessions
from cortensor.router.selection import Pool
from tests.python.router.fake_model import FakeModel, Script
from tests.python.router.harness import CARD, Router, token
from tests.python.router.test_health import Clock
from tests.python.router.test_paid_path import delegate, validate, verdicts

if TYPE_CHECKING:
    from tests.python.router.conftest import Start


def bundle_of(router: Router, session: str, data: dict[str, Any]) -> Bundle:
    path = f"/api/v4/receipt/{data['receipt_id']}?bundle=1"
    bundle = Bundle.load(router.get(path, auth=token(session)).content)
    result = verify_bundle(bundle)
    assert not result.failures, result.failures
    return bundle


def attempts_of(bundle: Bundle) -> list[tuple[int, str, str, str, str | None]]:
    found = bundle.receipt.attempts
    assert isinstance(found, list)
    return [(a.index, a.session_id, a.cause, a.status, a.reason) for a in found]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (Script(hang_up=True), "unreachable"),
        (Script(status=429), "rate_limited"),
        (Script(status=500), "upstream_error"),
        (Script(raw=b"{"), "bad_reply"),
    ],
)
def test_a_replica_that_fails_falls_back_to_another_session(
    router: Router, session: str, model: FakeModel, script: Script, reason: str
) -> None:
    model.scripts["201"] = script
    data = router.post("delegate", delegate(session)).json()
    (replica,) = data["consensus"]["replica_results"]
    assert (replica["session_id"], replica["status"]) == ("202", "OK")
    bundle = bundle_of(router, session, data)
    assert attempts_of(bundle) == [(0, "201", "first", "ERROR", reason)]
    assert data["consensus"]["attempts"] == json.loads(bundle.receipt.canonical())["attempts"]
    # Billed as if the second had been asked at once: nobody pays for the failure.
    terms = Terms.unpack(int(data["bill"]["terms"], 16))
    assert data["charge_wei"] == str(
        quote(CARD, 0, terms, Usage(input_units=20, output_units=5)).total
    )


def test_a_fallback_stays_in_the_callers_pool(
    router: Router, session: str, model: FakeModel
) -> None:
    model.scripts["201"] = Script(hang_up=True)
    only = delegate(session, consensus={"session_pool": ["201"]})
    assert router.post("delegate", only).status_code == 502
    two = delegate(session, consensus={"session_pool": ["201", "203"]})
    data = router.post("delegate", two).json()
    assert data["consensus"]["replica_results"][0]["session_id"] == "203"


def test_fallbacks_are_as_many_as_configured_and_the_first_failure_is_told(
    start: Start, session: str, model: FakeModel
) -> None:
    router = start(hedging={"fallbacks": 2})
    model.scripts["201"] = Script(status=429)
    model.scripts["202"] = Script(status=500)
    model.scripts["203"] = Script(hang_up=True)
    answer = router.post("delegate", delegate(session))
    assert answer.status_code == 502
    (told,) = answer.json()["replica_results"]
    assert (told["session_id"], told["reason"]) == ("201", "rate_limited")
    assert sorted(each["model"] for each in model.requests) == ["201", "202", "203"]
    assert router.ledger() == {session: (0, 0)}


def test_no_fallback_for_what_is_the_requests_own_fault(
    router: Router, session: str, model: FakeModel
) -> None:
    model.scripts["201"] = Script(status=400, raw=b"context_length_exceeded")
    assert router.post("delegate", delegate(session)).status_code == 502
    assert [each["model"] for each in model.requests] == ["201"]


def test_replicas_of_one_job_never_share_a_session(
    start: Start, session: str, model: FakeModel
) -> None:
    sessions = [{"id": str(n), "model": str(n), "max_concurrency": 4} for n in range(201, 206)]
    router = start(sessions=sessions)
    verdicts(model, "VALID", "VALID", "INVALID")
    model.scripts["201"] = model.scripts["202"] = Script(hang_up=True)
    for name in ("204", "205"):
        model.scripts[name] = Script(json.dumps({"verdict": "VALID"}))
    data = router.post("validate", validate(session)).json()
    ran = [each["session_id"] for each in data["consensus"]["replica_results"]]
    assert sorted(ran) == ["203", "204", "205"]
    found = attempts_of(bundle_of(router, session, data))
    assert [each[1] for each in found] == ["201", "202"]


def fast(model: FakeModel, router: Router, session: str, calls: int = 8) -> None:
    """Let 201 be known as fast."""
    model.scripts["201"] = Script()
    for _ in range(calls):
        body = delegate(session, consensus={"session_pool": ["201"]})
        assert router.post("delegate", body).ok


SOON = {"latency": "low"}


def test_a_slow_replica_is_doubled_and_the_loser_cancelled(
    router: Router, session: str, model: FakeModel
) -> None:
    fast(model, router, session)
    for name in ("202", "203"):
        model.scripts[name] = Script(delay_s=0.1)
        for _ in range(2):
            router.post("delegate", delegate(session, consensus={"session_pool": [name]}))
    model.scripts["201"] = Script(delay_s=3)
    before = router.ledger()[session][0]
    began = time.monotonic()
    data = router.post("delegate", delegate(session, policy=SOON)).json()
    assert time.monotonic() - began < 2
    (replica,) = data["consensus"]["replica_results"]
    assert replica["session_id"] in ("202", "203")
    (attempt,) = attempts_of(bundle_of(router, session, data))
    assert attempt == (0, "201", "first", "CANCELLED", None)
    terms = Terms.unpack(int(data["bill"]["terms"], 16))
    charge = quote(CARD, 0, terms, Usage(input_units=20, output_units=5)).total
    assert router.ledger()[session] == (before + charge, 0)
    states = router.get("/api/v4/sessions").json()["sessions"]
    assert all(each["in_flight"] == 0 for each in states)
    assert states[0]["consecutive_failures"] == 0  # it was outrun, that is no failure


def test_nothing_is_doubled_that_nobody_asked_to_be_quick(
    router: Router, session: str, model: FakeModel
) -> None:
    fast(model, router, session)
    model.scripts["201"] = Script(delay_s=0.4)
    data = router.post("delegate", delegate(session)).json()
    assert data["consensus"]["replica_results"][0]["session_id"] == "201"
    assert data["consensus"]["attempts"] == []
    assert "attempts" not in bundle_of(router, session, data).receipt.to_json()


def test_hedging_can_be_off(start: Start, session: str, model: FakeModel) -> None:
    router = start(hedging={"slow": "off"})
    fast(model, router, session)
    model.scripts["201"] = Script(delay_s=0.4)
    pool = {"session_pool": ["201", "202"]}
    before = len(model.requests)
    router.post("delegate", delegate(session, consensus=pool, policy=SOON))
    assert len(model.requests) == before + 1


def test_the_routers_own_budget_bounds_what_is_doubled() -> None:
    budget = HedgeBudget(500)
    assert [budget.spend() for _ in range(BURST + 1)] == [True] * BURST + [False]
    for _ in range(21):  # 5 % of 21 replicas
        budget.earn()
    assert [budget.spend(), budget.spend()] == [True, False]
    for _ in range(10_000):
        budget.earn()
    assert sum(budget.spend() for _ in range(100)) == BURST  # nothing is saved up
    assert not HedgeBudget(0).spend()


def test_miners_that_run_several_replicas_are_reported(
    start: Start, session: str, model: FakeModel
) -> None:
    sessions = [
        {"id": name, "model": name, "miner": miner, "max_concurrency": 4}
        for name, miner in (("201", "a"), ("202", "a"), ("203", "b"), ("204", "b"))
    ]
    router = start(sessions=sessions)
    model.default = Script(json.dumps({"verdict": "VALID"}))
    quoted = router.post("quote", validate(session)).json()
    assert quoted["session_pool"][:2] == ["201", "203"]  # disjoint ones first
    assert quoted["shared_miners"] == ["a"]
    data = router.post("validate", validate(session)).json()
    assert data["consensus"]["shared_miners"] == ["a"]
    alone = router.post("validate", validate(session, replicas=1)).json()
    assert alone["consensus"]["shared_miners"] == []


def test_another_session_costs_no_more_has_a_place_free_and_other_miners_come_first() -> None:
    sessions = [
        ComputeSession("a", miner="m", model_class="light"),
        ComputeSession("b", miner="m", model_class="light"),
        ComputeSession("c", miner="n", model_class="heavy"),
        ComputeSession("d", miner="n", model_class="standard", max_concurrency=2),
    ]
    rules = BreakerRules(failures=1, first_s=60, longest_s=60)
    pool = Pool(ConfiguredSessions(sessions), Clock(), rules)
    by_name = {slot.session.id: slot for slot in pool.slots}

    def spare(highest: int = 1, wanted: list[str] | None = None) -> str | None:
        found = pool.spare(wanted, {"a"}, highest, {"m"})
        return found.session.id if found else None

    assert spare() == "d"  # "b" has the miner of the job's other replicas
    assert spare(highest=0) == "b"
    assert spare(wanted=["a", "b"]) == "b"
    assert spare(wanted=["a"]) is None
    with by_name["d"].load(), by_name["d"].load():
        assert spare() == "b"
        assert spare(highest=2) == "c"
    by_name["d"].failed(100.0)
    assert spare() == "b"
