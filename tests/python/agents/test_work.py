# SPDX-License-Identifier: Apache-2.0
"""What failures mean, how long they wait, what an hour may cost, and threads that end nobody."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cortensor.agents.budget import HOUR_S, HourlyBudget
from cortensor.agents.doctor import Step
from cortensor.agents.settings import Retries, load_settings
from cortensor.agents.work import Work, failure_of, is_node
from cortensor.agents.workers import Workers
from cortensor.chain.erc8004_registries import ValidationRequest
from cortensor.client import BillRefused, Unsettled
from cortensor.client.problems import Conflict, PaymentRequired, Rejected, Unauthorized
from cortensor.client.problems import Unavailable as RouterUnavailable
from cortensor.errors import Error, InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
REQUEST = ValidationRequest(0, "data:,x", b"\1" * 32, 1)


def problem(code: str) -> dict[str, str]:
    return {"code": code, "detail": "because"}


@pytest.mark.parametrize(
    ("error", "reason", "is_final"),
    [
        (InvalidInput("x", code="bad_payload"), "bad_payload", True),
        (Unavailable("x", code="unreachable"), "unreachable", False),
        (PaymentRequired(problem("over_budget"), 402), "over_budget", False),
        (Rejected(problem("invalid_field"), 422), "router_invalid_field", True),
        (Rejected(problem("body_timeout"), 408), "router_body_timeout", False),
        (Rejected(problem("method_not_allowed"), 405), "router_method_not_allowed", False),
        (Conflict(problem("request_in_progress"), 409), "router_request_in_progress", False),
        (Conflict(problem("session_expired"), 409), "router_session_expired", False),
        (Conflict(problem("idempotency_conflict"), 409), "router_idempotency_conflict", True),
        (Unauthorized(problem("bad_grant"), 401), "router_bad_grant", False),
        (Unsettled("late", "k"), "no_answer_in_time", False),
        (BillRefused(["too dear"], "urn:x"), "receipt_refused", True),
    ],
)
def test_a_failure_has_a_name_and_is_final_or_not(
    error: Error, reason: str, is_final: bool
) -> None:
    found = failure_of(error)
    assert (found.reason, found.is_final) == (reason, is_final)
    assert found.detail


def test_only_our_own_node_stops_everything() -> None:
    code = "chain_unavailable"
    assert is_node(Unavailable("x", code=code))
    assert not is_node(RouterUnavailable(problem(code), 503))
    assert not is_node(Unavailable("x", code="unreachable"))


def test_what_strangers_write_is_only_shown() -> None:
    event = Work(REQUEST).event("skipped", "bad_payload", "kind \x1b[31mred\n and more")
    assert event.line() == (
        f"agent 0, request 0x{'01' * 32}: skipped, bad_payload: kind ?[31mred? and more"
    )
    assert Step("file", "ok", "Evil\x07").line() == "ok       file: Evil?"


def test_failures_wait_ever_longer_until_they_are_given_up() -> None:
    work, retries = Work(REQUEST), Retries(first_s=1.0, longest_s=5.0, give_up_after=5)
    pauses = []
    for number in range(1, 6):
        is_last = work.fail(100.0, retries)
        pauses.append(work.due - 100.0)
        assert is_last == (number == 5)
    assert pauses == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert not work.is_due(104.9)
    assert work.is_due(105.0)
    assert [work.first_time(reason) for reason in ("a", "a", "b")] == [True, False, True]


def test_an_hour_has_its_budget() -> None:
    budget = HourlyBudget(2)
    assert budget.wait_s(1000.0) == 0
    budget.note(1000.0)
    budget.note(1600.0)
    assert budget.wait_s(1600.0) == 1000.0 + HOUR_S - 1600.0
    assert budget.wait_s(1000.0 + HOUR_S) == 0
    budget.note(1700.0)
    budget.give_back()
    assert budget.wait_s(1000.0 + HOUR_S) == 0
    # Answers of before a restart come in any order.
    other = HourlyBudget(1)
    other.note(5000.0)
    other.note(100.0)
    assert other.wait_s(5000.0) == HOUR_S


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_workers_run_beside_each_other_and_survive_faults(gate: threading.Event) -> None:
    workers: Workers[str] = Workers(2)

    def waits() -> str:
        gate.wait(5)
        return "done"

    def breaks() -> str:
        raise KeyError("ours")

    workers.start("slow", waits)
    workers.start("broken", breaks)
    assert not workers.is_free
    found = dict(collected(workers, 1))
    assert isinstance(found["broken"], Error)
    assert (workers.is_free, workers.is_busy) == (True, True)
    gate.set()
    assert dict(collected(workers, 1)) == {"slow": "done"}
    assert not workers.is_busy


def collected(workers: Workers[str], count: int) -> list[tuple[str, str | Error]]:
    found: list[tuple[str, str | Error]] = []
    until = time.monotonic() + 5
    while len(found) < count and time.monotonic() < until:
        found += workers.finished()
        time.sleep(0.005)
    return found


WHOLE = """
rpc_url = "http://127.0.0.1:8545"
router_url = "http://127.0.0.1:5010"
session = "0x0000000200000000000000000000000000000007"
deployments = "records"
grant_env = "G"
"""


def test_settings_are_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "validator.toml"
    path.write_text(WHOLE)
    found = load_settings(path, {"router_url": "http://r", "session": None})
    assert (found.router_id, found.router_url) == (2, "http://r")
    assert found.deployments == str(tmp_path / "records")
    for line, field in (
        ('colour = "red"', "colour"),
        ("poll_s = 0", "poll_s"),
        ('tier = "free"', "tier"),
        ('validator = "0x12"', "deployments"),
        ('payer_key_env = "P"', "grant_env"),
        ("[budget]\nmax_price_wei = 5", "budget.max_price_wei"),
        ("x", str(path)),
    ):
        path.write_text(WHOLE + line)
        with pytest.raises(InvalidInput) as refused:
            load_settings(path)
        assert refused.value.field == field


def test_the_committed_file_is_whole_but_for_the_network(tmp_path: Path) -> None:
    found = load_settings(
        ROOT / "config" / "validator.toml", {"rpc_url": "http://n", "deployments": str(tmp_path)}
    )
    assert (found.tier, found.needs_bound, found.reach.allow_private) == ("safe", True, False)
