# SPDX-License-Identifier: Apache-2.0
"""`/metrics`: what Prometheus reads is what happened, and callers cannot make it grow."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from cortensor.receipts.api_key import hash_of, new_key, scope_bits
from cortensor.router.operations_config import (
    GoldConfig,
    HealthConfig,
    HedgingConfig,
    LogsConfig,
    MetricsConfig,
    TelemetryConfig,
)
from cortensor.store.api_keys import KeyRecord
from cortensor.store.store import Store
from tests.python.router.fake_model import Script
from tests.python.router.harness import token
from tests.python.router.test_paid_path import delegate, validate, verdicts
from tests.python.router.test_refusals import refused

if TYPE_CHECKING:
    from tests.python.router.conftest import Start
    from tests.python.router.fake_model import FakeModel
    from tests.python.router.harness import Router

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(router: Router) -> Samples:
    answer = router.get("/metrics")
    assert answer.ok, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((f"cortensor_{name}", tuple(sorted(labels.items()))))


def test_what_happened_is_counted(start: Start, session: str, model: FakeModel) -> None:
    router = start(metrics={"access": "open"}, hedging={"fallbacks": 0})
    verdicts(model, "VALID", "VALID", "INVALID")
    charged = int(router.post("validate", validate(session)).json()["charge_wei"])
    model.scripts["202"] = Script(hang_up=True)
    charged += int(router.post("validate", validate(session)).json()["charge_wei"])
    refused(router.post("delegate", {"session_id": session}), 422, "invalid_field", "objective")
    found = scrape(router)
    route = "/api/v4/validate"
    assert value(found, "http_requests_total", route=route, method="POST", status="200") == 2
    wrong = {"route": "/api/v4/delegate", "method": "POST", "status": "422"}
    assert value(found, "http_requests_total", **wrong) == 1
    assert value(found, "http_request_seconds_count", route=route) == 2
    assert value(found, "http_in_flight") == 1  # the scrape itself
    assert value(found, "replicas_total", session="201", status="OK") == 2
    assert value(found, "replicas_total", session="202", status="OK") == 1
    assert value(found, "replicas_total", session="202", status="ERROR") == 1
    assert value(found, "replica_seconds_count", session="203") == 2
    assert value(found, "tokens_total", session="201", direction="input") == 40
    assert value(found, "tokens_total", session="202", direction="output") == 5
    assert value(found, "charges_total") == 2
    assert value(found, "charged_gwei_total") == pytest.approx(charged / 10**9, rel=1e-12)
    assert router.ledger()[session][0] == charged
    assert value(found, "breaker_state", session="202", state="closed") == 1
    assert value(found, "session_failure_ratio", session="201") == 0
    assert value(found, "session_in_flight", session="201") == 0
    assert value(found, "session_places", session="201") == 8
    assert value(found, "reservations") == 0
    assert value(found, "outbox_receipts") == 2
    assert value(found, "outbox_batches") == 0
    oldest = value(found, "outbox_oldest_timestamp_seconds")
    assert oldest is not None
    assert oldest > 10**9


def test_breakers_attempts_and_money_under_way_are_shown(
    start: Start, session: str, model: FakeModel
) -> None:
    router = start(
        metrics={"access": "open"},
        consensus={"gold_items": 30, "records": {"201": {"right": 9, "total": 10, "audited": 10}}},
    )
    model.scripts["201"] = Script(status=429, headers={"Retry-After": "60"})
    assert router.post("delegate", delegate(session)).ok
    found = scrape(router)
    assert value(found, "breaker_state", session="201", state="open") == 1
    assert value(found, "breaker_state", session="201", state="closed") == 0
    assert value(found, "attempts_total", session="201", cause="first", status="ERROR") == 1
    assert value(found, "gold_accuracy_ratio", session="201") == 0.9
    assert value(found, "gold_audited", session="201") == 10
    model.gate = threading.Event()
    work = threading.Thread(target=router.post, args=("delegate", delegate(session)))
    work.start()
    model.arrived.acquire()
    model.arrived.acquire()
    model.arrived.acquire()
    found = scrape(router)
    model.gate.set()
    work.join()
    assert value(found, "reservations") == 1
    assert (value(found, "reserved_gwei") or 0) > 0


def test_callers_cannot_make_labels(start: Start, session: str) -> None:
    router = start(metrics={"access": "open"})
    before = len(scrape(router))
    for number in range(30):
        router.get(f"/nothing/{number}")
        router.get(f"/api/v4/receipt/0x{number:064x}")
        requests.request(f"X{number}", router.url + "/healthz", timeout=10)
        router.post("delegate", delegate(session, consensus={"session_pool": [f"x{number}"]}))
    names = scrape(router)
    assert len(names) - before < 100
    labels = {text for _, pairs in names for _, text in pairs}
    assert "unmatched" in labels
    assert not any("x1" in text or "nothing" in text for text in labels)


def test_the_metrics_need_a_key_unless_the_operator_opens_them(start: Start, session: str) -> None:
    router = start()
    refused(router.get("/metrics"), 401, "unauthorized")
    refused(router.get("/metrics", auth=token(session)), 403, "scope_not_granted", "authorization")
    key = new_key()
    with Store(router.config.database_address) as store:
        store.api_keys.add(
            KeyRecord(
                key_hash=hash_of(key),
                name="prometheus",
                session=None,
                scopes=scope_bits(["metrics"]),
                per_minute=2,
                day_budget=0,
                total_budget=0,
                expires=2**40,
                signature=None,
                added_at=1,
            )
        )
    assert router.get("/metrics", auth=key).ok
    assert router.get("/metrics", auth=key).ok
    refused(router.get("/metrics", auth=key), 429, "rate_limited", "authorization")


def test_the_metrics_can_be_off(start: Start) -> None:
    refused(start(metrics={"access": "off"}).get("/metrics"), 404, "unknown_route")


def test_the_runbook_lists_every_metric_and_no_other(start: Start, session: str) -> None:
    router = start(metrics={"access": "open"})
    found = text_string_to_metric_families(router.get("/metrics").text)
    # The parser gives counters without their suffix; `_created` is the library's own.
    shown = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in found
        if not family.name.endswith("_created")
    }
    page = (Path(__file__).parents[3] / "docs/runbooks/operating.md").read_text()
    assert shown == set(re.findall(r"^\| `(cortensor_\w+)` \|", page, re.MULTILINE))


def test_the_runbook_lists_every_key_of_the_tables(start: Start) -> None:
    page = (Path(__file__).parents[3] / "docs/runbooks/operating.md").read_text()
    tables = {
        "health": HealthConfig,
        "hedging": HedgingConfig,
        "gold": GoldConfig,
        "metrics": MetricsConfig,
        "logs": LogsConfig,
        "telemetry": TelemetryConfig,
    }
    for table, shape in tables.items():
        for field in msgspec.structs.fields(shape):
            told = str(field.default).lower()
            if isinstance(field.default, str):
                told = f'`"{told}"`'
            assert f"| `{table}.{field.name}` | {told} |" in page
