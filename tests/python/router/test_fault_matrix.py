# SPDX-License-Identifier: Apache-2.0
"""Every fault of a backend, under every policy, with 1, 3 and 5 replicas: its outcome and its bill.

The tables here are those of docs/spec/router.md (What a faulty backend costs), and the last test
compares them. The charge of each cell is recomputed to the wei, its receipt verified.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

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

    import requests

PAGE = Path(__file__).resolve().parents[3] / "docs" / "spec" / "router.md"
MOST = 5
MAX_TOKENS = 30
TIMEOUT_MS, LONG_MS = 500, 20_000
GRACE_MS = 2000  # on a busy machine an answer may come late, and is then billed as late
AT_ONCE = 10
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
    (5, 4): ("200 OK, low", "409", "200 OK, low"),
    (5, 5): ("502", "502", "502"),
}
"""Replicas, how many of them fail -> the outcome under each policy, in `POLICIES` order."""

POLICIES = ("return_all", "fail_hard", "best_effort")


class Cell(NamedTuple):
    """One of the matrix; `faulty` of its replicas run on sessions that have the fault."""

    fault: str
    policy: str
    replicas: int
    faulty: int

    @property
    def pool(self) -> list[str]:
        """Compute sessions, the faulty ones first, and no spare.

        Else a replica that fails at once is tried on another.
        """
        places = range(self.replicas)
        return [f"{self.fault if place < self.faulty else 'good'}-{place}" for place in places]


# Those that wait for a deadline are spread among the others.
CELLS = [
    Cell(fault, policy, replicas, faulty)
    for replicas, faulty in OUTCOMES
    for policy in POLICIES
    for fault in FAULTS
]


class Bench:
    """One router for all cells, each of which is paid by a session of its own."""

    def __init__(self, router: Router, model: FaultyModel, sessions: dict[Cell, str]) -> None:
        self.router = router
        self.model = model
        self.sessions = sessions
        with ThreadPoolExecutor(AT_ONCE) as pool:
            self.answers = dict(zip(CELLS, pool.map(self._ask, CELLS), strict=True))
        self.ledger = router.ledger()

    def _ask(self, cell: Cell) -> requests.Response:
        return self.router.post("delegate", self.body(cell))

    def body(self, cell: Cell) -> dict[str, Any]:
        consensus = {
            "replicas": cell.replicas,
            "disagreement_policy": cell.policy,
            "session_pool": cell.pool,
        }
        return {
            "session_id": self.sessions[cell],
            "objective": "Answer yes",
            "input": self.sessions[cell],  # by which the model tells cells apart
            "output_schema": SCHEMA,
            "max_tokens": MAX_TOKENS,
            "timeout_ms": TIMEOUT_MS if FAULTS[cell.fault][1] == "TIMEOUT" else LONG_MS,
            "consensus": consensus,
        }


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    node, model = make_node(), FaultyModel()
    names = [f"{kind}-{place}" for kind in (*FAULTS, "good") for place in range(MOST)]
    model.faults = {name: kind for name in names if (kind := name.partition("-")[0]) in FAULTS}
    sessions = [{"id": name, "model": name, "max_concurrency": 64} for name in names]
    # One answer a fault: what a repaired one costs is tests/python/router/test_repair.py.
    limits = {
        "late_grace_ms": GRACE_MS,
        "breaker_failures": 10**6,
        "repair_attempts": 0,
        "session_cache_s": 600,
        "surcharge_cache_s": 600,
    }
    backend = {"max_response_bytes": 100_000}
    config = make_config(
        tmp_path_factory.mktemp("matrix"),
        node,
        model,  # type: ignore[arg-type]
        sessions=sessions,
        limits=limits,
        backend=backend,
    )
    paid = {
        cell: node.open(session_number(number), PAYER, COR) for number, cell in enumerate(CELLS, 1)
    }
    router = Router(config, node, model).start()  # type: ignore[arg-type]
    yield Bench(router, model, paid)
    router.stop()
    model.close()
    node.close()


def price(policy: str, usage: Usage, replicas: int) -> int:
    terms = Terms(
        replicas=replicas,
        disagreement_policy=DISAGREEMENT_POLICIES.index(policy),
        agreement_threshold_bps=5001,
        surcharge_cap_bps=2000,
    )
    return quote(CARD, 0, terms, usage).total


@pytest.mark.parametrize("cell", CELLS, ids=["-".join(map(str, cell)) for cell in CELLS])
def test_cell(bench: Bench, cell: Cell) -> None:
    fault, policy, replicas, faulty = cell
    router, session = bench.router, bench.sessions[cell]
    lies = fault == "lying_usage"
    expected = "200 OK" if lies else OUTCOMES[replicas, faulty][POLICIES.index(policy)]
    most = router.post("quote", bench.body(cell)).json()
    bound = Usage.unpack(int(most["bill"]["usage"], 16)).input_units // replicas
    answer = bench.answers[cell]
    data = answer.json()
    # One attempt a replica, never more.
    assert sorted(bench.model.asked_by(session)) == sorted(cell.pool)

    status, reason = FAULTS[fault][1:]
    results = data["replica_results"] if expected == "502" else data["consensus"]["replica_results"]
    assert sorted(result["session_id"] for result in results) == sorted(cell.pool)
    for result in results:
        if result["session_id"].startswith("good"):
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
    assert bench.ledger[session] == (charge, 0)
    if expected != "502":
        assert data["charge_wei"] == str(charge)
        assert charge <= int(most["max_charge_wei"])
        path = f"/api/v4/receipt/{data['receipt_id']}?bundle=1"
        bundle = Bundle.load(router.get(path, auth=token(session)).content)
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
