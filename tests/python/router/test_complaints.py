# SPDX-License-Identifier: Apache-2.0
"""What users of other gateways complain of, as tests: budgets, double billing, cooldown."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests

from cortensor.store.store import Store
from tests.python.router.fake_model import Script
from tests.python.router.harness import (
    COR,
    KEYED,
    PAYER,
    config_data,
    session_number,
    signed,
    token,
)
from tests.python.router.test_once import ask, body, toml
from tests.python.router.victims import Launched

if TYPE_CHECKING:
    from pathlib import Path

    from tests.python.router.conftest import Start
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.fake_node import FakeNode
    from tests.python.router.harness import Router
    from tests.python.router.victims import Nursery

IDS = ("201", "202", "203")


def states(router: Router) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in router.get("/api/v4/sessions").json()["sessions"]}


def only(session: str, name: str, **changes: Any) -> dict[str, Any]:
    return {**body(session), "consensus": {"session_pool": [name]}, **changes}


class TestBudgetBypass:
    def test_a_burst_never_spends_more_than_the_deposit(
        self, router: Router, node: FakeNode
    ) -> None:
        probe = node.open(session_number(7), PAYER, COR)
        most = int(router.post("quote", body(probe), auth="").json()["max_charge_wei"])
        poor = node.open(session_number(8), PAYER, 3 * most)
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda _: router.post("delegate", body(poor)), range(24)))
        spent, reserved = router.ledger()[poor]
        charges = [int(answer.json()["charge_wei"]) for answer in answers if answer.ok]
        assert spent == sum(charges) <= 3 * most
        assert reserved == 0
        assert {a.json()["code"] for a in answers if not a.ok} <= {"over_budget"}

    def test_a_dearer_request_than_the_rest_of_the_budget_does_no_work(
        self, router: Router, node: FakeNode, model: FakeModel
    ) -> None:
        probe = node.open(session_number(7), PAYER, COR)
        most = int(router.post("quote", body(probe), auth="").json()["max_charge_wei"])
        poor = node.open(session_number(8), PAYER, most - 1)
        for _ in range(3):
            assert router.post("delegate", body(poor)).json()["code"] == "over_budget"
        assert model.requests == []
        assert router.ledger()[poor] == (0, 0)


class TestLeakedReservations:
    """A budget that looks used up though nothing runs: each way out gives the money back."""

    def test_a_timeout_gives_it_back(self, start: Start, session: str, model: FakeModel) -> None:
        router = start(limits={"late_grace_ms": 50, "breaker_failures": 1000})
        model.default = Script(delay_s=0.6)
        for _ in range(3):
            answer = router.post("delegate", {**body(session), "timeout_ms": 50})
            assert answer.json()["code"] == "all_replicas_failed"
        assert router.ledger()[session] == (0, 0)

    def test_every_way_to_fail_gives_it_back(
        self, start: Start, session: str, model: FakeModel
    ) -> None:
        router = start(limits={"breaker_failures": 1000})
        for script in (Script(status=500), Script(status=429), Script(hang_up=True), Script("")):
            model.default = script
            assert router.post("delegate", body(session)).status_code == 502
            assert router.ledger()[session] == (0, 0)

    def test_a_caller_who_leaves_pays_for_the_work_and_no_more(
        self, router: Router, session: str, model: FakeModel
    ) -> None:
        model.gate = threading.Event()
        for number in range(3):
            with pytest.raises(requests.exceptions.Timeout):
                requests.post(
                    f"{router.url}/api/v4/delegate",
                    json=body(session, str(number)),
                    headers={"Authorization": f"Bearer {token(session)}"},
                    timeout=0.4,
                )
        assert router.ledger()[session][1] > 0
        model.gate.set()
        deadline = time.monotonic() + 10
        while router.get("/api/v4/tasks", auth=token(session)).json()["count"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        spent, reserved = router.ledger()[session]
        assert spent > 0
        assert reserved == 0

    def test_a_router_that_is_stopped_gives_it_back(
        self, start: Start, session: str, model: FakeModel
    ) -> None:
        router = start(limits={"shutdown_grace_s": 0})
        model.gate = threading.Event()

        def left_alone() -> None:
            with contextlib.suppress(requests.RequestException):
                router.post("delegate", body(session))

        callers = [threading.Thread(target=left_alone) for _ in range(3)]
        for caller in callers:
            caller.start()
        for _ in callers:
            assert model.arrived.acquire(timeout=10)
        router.stop()
        model.gate.set()
        for caller in callers:
            caller.join(20)
        assert router.ledger()[session] == (0, 0)

    @pytest.mark.slow
    def test_a_crash_gives_it_back(
        self, tmp_path: Path, node: FakeNode, model: FakeModel, session: str, nursery: Nursery
    ) -> None:
        config = tmp_path / "router.toml"
        config.write_text(toml(config_data(tmp_path, node, model)))
        model.gate = threading.Event()
        killed = Launched(nursery, config)
        url = killed.url

        def interrupted(number: int) -> None:
            with contextlib.suppress(requests.RequestException):
                ask(url, session, f"cut {number}", "x")

        callers = [threading.Thread(target=interrupted, args=(number,)) for number in range(3)]
        for caller in callers:
            caller.start()
        for _ in callers:
            assert model.arrived.acquire(timeout=20)
        assert killed.end(signal.SIGKILL) == -signal.SIGKILL
        model.gate.set()
        for caller in callers:
            caller.join(20)
        living = Launched(nursery, config)
        try:
            with Store(tmp_path / "router.db") as store:
                account = store.ledger.account(session)
                assert account is not None
                assert (account.spent, account.reserved) == (0, 0)
                assert store.ledger.audit() == []
        finally:
            assert living.end(signal.SIGTERM) == 0


class TestDoubleBillingOnRetry:
    def test_the_same_key_is_one_charge_however_often_and_at_once(
        self, router: Router, session: str, model: FakeModel
    ) -> None:
        with ThreadPoolExecutor(8) as pool:
            post = lambda _: router.post("delegate", body(session), key="k")  # noqa: E731
            answers = list(pool.map(post, range(16)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert len(model.requests) == 1
        assert router.ledger()[session] == (int(answers[0].json()["charge_wei"]), 0)

    def test_one_key_under_two_versions_is_one_charge(self, router: Router, session: str) -> None:
        first = router.post("delegate", only(session, "201", consensus={"replicas": 1}), key="k")
        sent = {key: value for key, value in body(session).items() if key != "session_id"}
        again = requests.post(
            f"{router.url}/api/v2/delegate",
            json=sent,
            headers={"Authorization": f"Bearer {token(session)}", "Idempotency-Key": "k"},
            timeout=30,
        )
        assert again.json()["receipt_id"] == first.json()["receipt_id"]
        assert router.ledger()[session] == (int(first.json()["charge_wei"]), 0)

    def test_a_signed_request_without_a_key_is_charged_once_too(
        self, router: Router, node: FakeNode, model: FakeModel
    ) -> None:
        session = node.open(session_number(9), PAYER, COR, KEYED)
        headers = signed(body(session))
        first = router.post("delegate", body(session), more=headers)
        for _ in range(3):
            again = router.post("delegate", body(session), more=headers)
            assert again.json()["code"] == "request_already_charged"
        assert len(model.requests) == 1
        assert router.ledger()[session] == (int(first.json()["charge_wei"]), 0)

    def test_a_failed_attempt_and_its_retry_are_one_charge(
        self, router: Router, session: str, model: FakeModel
    ) -> None:
        model.default = Script(status=500)
        assert router.post("delegate", body(session), key="k").status_code == 502
        model.default = Script()
        done = router.post("delegate", body(session), key="k")
        assert router.ledger()[session] == (int(done.json()["charge_wei"]), 0)


class TestSkippedCooldown:
    def test_each_failure_counts_also_the_same_one_again(
        self, start: Start, session: str, model: FakeModel
    ) -> None:
        router = start(limits={"breaker_failures": 3, "breaker_cooldown_ms": 60_000})
        model.scripts["201"] = Script(status=500)
        for failures in (1, 2, 3):
            assert router.post("delegate", only(session, "201")).status_code == 502
            assert states(router)["201"]["consecutive_failures"] == failures
        assert states(router)["201"]["state"] == "open"
        asked = len(model.requests)
        refused = router.post("delegate", only(session, "201"))
        assert refused.json()["code"] == "too_few_healthy_sessions"
        assert refused.headers["Retry-After"]
        assert len(model.requests) == asked  # cooling down, it is left alone

    def test_failures_at_the_same_moment_count_one_by_one(
        self, start: Start, session: str, model: FakeModel
    ) -> None:
        router = start(limits={"breaker_failures": 4, "breaker_cooldown_ms": 60_000})
        model.scripts["201"] = Script(status=500)
        model.gate = threading.Event()
        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(router.post, "delegate", only(session, "201")) for _ in range(4)]
            for _ in running:
                assert model.arrived.acquire(timeout=20)
            model.gate.set()
            assert {each.result().status_code for each in running} == {502}
        found = states(router)["201"]
        assert (found["consecutive_failures"], found["state"]) == (4, "open")

    def test_it_is_the_failing_session_that_cools_down_and_no_other(
        self, start: Start, session: str, model: FakeModel
    ) -> None:
        router = start(limits={"breaker_failures": 1, "breaker_cooldown_ms": 60_000})
        model.scripts["202"] = Script(status=500)
        whole = {**body(session), "consensus": {"replicas": 3, "min_replicas": 1}}
        assert router.post("delegate", whole).ok
        assert [states(router)[name]["state"] for name in IDS] == ["closed", "open", "closed"]
        model.requests.clear()
        assert router.post("delegate", whole).ok
        assert sorted(request["model"] for request in model.requests) == ["201", "203"]

    def test_a_success_ends_the_count(self, start: Start, session: str, model: FakeModel) -> None:
        router = start(limits={"breaker_failures": 2, "breaker_cooldown_ms": 60_000})
        for _ in range(3):
            model.scripts["201"] = Script(status=500)
            router.post("delegate", only(session, "201"))
            model.scripts["201"] = Script()
            assert router.post("delegate", only(session, "201")).ok
        assert states(router)["201"]["consecutive_failures"] == 0

    def test_the_deadline_bounds_everything_a_call_tries(
        self, start: Start, session: str, model: FakeModel
    ) -> None:
        router = start(limits={"late_grace_ms": 100, "breaker_failures": 1000})
        model.default = Script(delay_s=2)
        started = time.monotonic()
        answer = router.post(
            "delegate",
            {**body(session), "timeout_ms": 300, "consensus": {"replicas": 3}},
        )
        assert answer.json()["code"] == "all_replicas_failed"
        assert time.monotonic() - started < 1.5
        assert len(model.requests) == 3  # one attempt a replica
