# SPDX-License-Identifier: Apache-2.0
"""Every fault of a backend, under every policy, with 1, 3 and 5 replicas: its outcome and its bill.

The tables here are those of docs/spec/router.md (What a faulty backend costs), and the last test
compares them. The charge of each cell is recomputed to the wei, its receipt verified.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cortensor.pricing import DISAGREEMENT_POLICIES, Terms, Usage, quote
from cortensor.receipts.bundle import Bundle
from cortensor.receipts.verify import verify_bundle
from tests.python.router.faulty_model import USAGE, FaultyModel
from tests.python.router.harness import (
    CARD,
    COR,
    PAYER,
    Router,
    make_config,
    make_node,
    session_number,
    token,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).resolve().parents[3] / "docs" / "spec" / "router.md"
IDS = ("201", "202", "203", "204", "205")
MAX_TOKENS = 30
TIMEOUT_MS = 150
GRACE_MS = 250  # on a busy machine an answer may come late, and is then billed as late
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
}

FAULTS = {
    "refuse": ("the connection is refused or reset", "ERROR", "unreachable"),
    "hang": ("no answer", "TIMEOUT", "timeout"),
    "slow_drip": ("an answer that drips past the deadline", "TIMEOUT", "timeout"),
    "cut_stream": ("an answer that breaks off", "ERROR", "unreachable"),
    "status_429": ("429", "ERROR", "rate_limited"),
    "status_500": ("500", "ERROR", "upstream_error"),
    "bad_json": ("an answer that is no JSON", "ERROR", "bad_reply"),
    "wrong_schema": ("a text that breaks `output_schema`", "ERROR", "schema_mismatch"),
    "huge_body": ("more than `max_response_bytes`", "ERROR", "response_too_large"),
    "lying_usage": ("more tokens than can be", "OK", "usage_clamped"),
}
"""Fault -> in words, the replica's status, its reason (or flag)."""

OUTCOMES = {
    (1, 1): ("502", "502", "502"),
    (3, 1): ("200 OK", "200 OK", "200 OK"),
    (3, 2): ("200 OK, low", "409", "200 OK, low"),
    (3, 3): ("502", "502", "502"),
    (5, 1): ("200 OK", "200 OK", "200 OK"),
    (5, 2): ("200 OK", "200 OK", "200 OK"),
    (5, 3): ("200 OK, low", "409", "200 OK, low"),
    (5, 5): ("502", "502", "502"),
}
"""Replicas, how many of them fail -> the outcome under each policy, in `POLICIES` order."""

POLICIES = ("return_all", "fail_hard", "best_effort")
CELLS = [
    (fault, policy, replicas, faulty)
    for fault in FAULTS
    for replicas, faulty in OUTCOMES
    for policy in POLICIES
]


class Bench:
    """One router for all cells, and what it has charged so far."""

    def __init__(self, router: Router, model: FaultyModel, session: str) -> None:
        self.router = router
        self.model = model
        self.session = session
        self.spent = 0


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    node, model = make_node(), FaultyModel()
    sessions = [{"id": name, "model": name, "max_concurrency": 8} for name in IDS]
    # One answer a fault: what a repaired one costs is tests/python/router/test_repair.py.
    limits = {"late_grace_ms": GRACE_MS, "breaker_failures": 10**6, "repair_attempts": 0}
    backend = {"max_response_bytes": 100_000}
    config = make_config(
        tmp_path_factory.mktemp("matrix"),
        node,
        model,  # type: ignore[arg-type]
        sessions=sessions,
        limits=limits,
        backend=backend,
    )
    router = Router(config, node, model).start()  # type: ignore[arg-type]
    yield Bench(router, model, node.open(session_number(1), PAYER, 1000 * COR))
    router.stop()
    model.close()
    node.close()


def body(session: str, policy: str, replicas: int) -> dict[str, Any]:
    return {
        "session_id": session,
        "objective": "Answer yes",
        "output_schema": SCHEMA,
        "max_tokens": MAX_TOKENS,
        "timeout_ms": TIMEOUT_MS,
        # No session is left over: else a replica that fails at once is tried on another.
        "consensus": {
            "replicas": replicas,
            "disagreement_policy": policy,
            "session_pool": list(IDS[:replicas]),
        },
    }


def price(policy: str, usage: Usage, replicas: int) -> int:
    terms = Terms(
        replicas=replicas,
        disagreement_policy=DISAGREEMENT_POLICIES.index(policy),
        agreement_threshold_bps=5001,
        surcharge_cap_bps=2000,
    )
    return quote(CARD, 0, terms, usage).total


@pytest.mark.parametrize(("fault", "policy", "replicas", "faulty"), CELLS)
def test_cell(bench: Bench, fault: str, policy: str, replicas: int, faulty: int) -> None:
    router, asked = bench.router, body(bench.session, policy, replicas)
    lies = fault == "lying_usage"
    expected = "200 OK" if lies else OUTCOMES[replicas, faulty][POLICIES.index(policy)]
    most = router.post("quote", asked).json()
    bound = Usage.unpack(int(most["bill"]["usage"], 16)).input_units // replicas
    bench.model.faults = dict.fromkeys(IDS[:faulty], fault)
    bench.model.asked.clear()
    answer = router.post("delegate", asked)
    data = answer.json()
    assert sorted(bench.model.asked) == list(IDS[:replicas])  # one attempt a replica, never more

    status, reason = FAULTS[fault][1:]
    results = data["replica_results"] if expected == "502" else data["consensus"]["replica_results"]
    for place, result in enumerate(results):
        if place >= faulty:
            assert (result["status"], result.get("reason")) == ("OK", None)
        elif lies:
            assert (result["status"], result["flags"]) == ("OK", ["usage_clamped"])
            assert (result["input_units"], result["output_units"]) == (bound, MAX_TOKENS)
        else:
            assert (result["status"], result["reason"]) == (status, reason)

    usage = Usage(
        input_units=(replicas - faulty) * USAGE["prompt_tokens"] + lies * faulty * bound,
        output_units=(replicas - faulty) * USAGE["completion_tokens"] + lies * faulty * MAX_TOKENS,
        failed_replicas=0 if lies else faulty,
        late_replicas=sum(result["late"] for result in results),
    )
    charge = 0 if expected == "502" else price(policy, usage, replicas)
    check_outcome(expected, answer.status_code, data)
    bench.spent += charge
    assert router.ledger()[bench.session] == (bench.spent, 0)
    if expected != "502":
        assert data["charge_wei"] == str(charge)
        assert charge <= int(most["max_charge_wei"])
        path = f"/api/v4/receipt/{data['receipt_id']}?bundle=1"
        bundle = Bundle.load(router.get(path, auth=token(bench.session)).content)
        assert not verify_bundle(bundle).failures


def check_outcome(expected: str, status: int, data: dict[str, Any]) -> None:
    assert str(status) == expected[:3]
    if expected == "502":
        assert data["code"] == "all_replicas_failed"
        assert "charge_wei" not in data
    elif expected == "409":
        assert data["code"] == "consensus_failed"
        assert data["consensus"]["strong_disagreement"]
    else:
        assert data["result"]["outcome"] == "OK"
        assert data["result"]["data"] == {"answer": "yes"}
        is_low = expected.endswith("low")
        assert data["consensus"]["strong_disagreement"] == is_low
        assert data["consensus"]["low_confidence"] == is_low


def tables() -> list[str]:
    faults = [
        f"| {words} | {status} | `{reason}` | {'clamped' if status == 'OK' else 'failed'} |"
        for words, status, reason in FAULTS.values()
    ]
    outcomes = [
        f"| {replicas} | {faulty} | {' | '.join(found)} |"
        for (replicas, faulty), found in OUTCOMES.items()
    ]
    return [
        "| the backend gives | replica | reason or flag | billed as |\n|---|---|---|---|\n"
        + "\n".join(faults),
        f"| replicas | failed | {' | '.join(POLICIES)} |\n|---|---|---|---|---|\n"
        + "\n".join(outcomes),
    ]


@pytest.mark.parametrize("table", tables())
def test_the_page_has_this_table(table: str) -> None:
    assert f"\n{table}\n" in PAGE.read_text("utf-8"), table
