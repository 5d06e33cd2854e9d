# SPDX-License-Identifier: Apache-2.0
"""From receipt bodies to rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cortensor.receipts.body import PARTIES_FORMAT, Body
from cortensor.receipts.tiers import HEARTBEAT as HEARTBEAT_TIER
from cortensor.rewards.extract import Records, collect
from cortensor.rewards.records import (
    AGREED,
    DISSENTED,
    ERROR,
    HEARTBEAT,
    PAID,
    TIMEOUT,
    UNDECIDED,
)
from tests.conformance.party_samples import party_bundles
from tests.python.rewards.receipt_bodies import START, address, body, roster

ROSTER = roster({7: [11, 12, 13], 8: [14, 15]})


def rows(records: Records) -> list[dict[str, Any]]:
    return records.frame.to_dicts()


def outcomes(records: Records) -> list[int]:
    return [row["outcome"] for row in rows(records)]


def test_a_contested_receipt_gives_a_row_a_known_node() -> None:
    receipt = body(
        1,
        [
            {"side": "VALID", "miner": 11, "model": "b"},
            {"side": "INVALID", "miner": 14, "model": "a"},
            {"side": "VALID", "miner": 99},
            {"status": "TIMEOUT", "miner": 12},
            {"status": "ERROR", "miner": 15},
        ],
    )
    records = collect([receipt], ROSTER)
    assert records.models == ["a", "b", "m"]
    assert records.receipts == [bytes.fromhex(receipt[0][2:])]
    assert [(r["node"], r["operator"], r["outcome"], r["contest_bps"]) for r in rows(records)] == [
        (0, 0, AGREED, 3_333),
        (1, 0, TIMEOUT, 0),
        (3, 1, DISSENTED, 3_333),
        (4, 1, ERROR, 0),
    ]
    first = rows(records)[0]
    assert (first["at"], first["units"], first["model"], first["latency_ms"]) == (
        START + 1,
        100,
        1,
        500,
    )
    assert [row["units"] for row in rows(records)] == [100, 0, 100, 0]


def test_where_all_agree_nothing_is_contested() -> None:
    records = collect(
        [body(1, [{"side": "VALID", "miner": 11}, {"side": "VALID", "miner": 14}])], ROSTER
    )
    assert [(r["outcome"], r["contest_bps"]) for r in rows(records)] == [(AGREED, 0)] * 2


@pytest.mark.parametrize("won", [True, False])
def test_a_tie_or_no_winner_decides_nothing(won: bool) -> None:
    tie = body(1, [{"side": "VALID", "miner": 11}, {"side": "INVALID", "miner": 14}], won=won)
    assert outcomes(collect([tie], ROSTER)) == [UNDECIDED, UNDECIDED]


def test_an_answer_that_could_not_be_read_is_an_error() -> None:
    receipt = body(1, [{"side": "VALID", "miner": 11}, {"miner": 12}])
    assert outcomes(collect([receipt], ROSTER)) == [AGREED, ERROR]


def test_tasks_are_numbered_by_time_whatever_the_order_given() -> None:
    bodies = [body(n, [{"side": "VALID", "miner": 11}]) for n in (5, 2, 9)]
    one, two = collect(bodies, ROSTER), collect(bodies[::-1], ROSTER)
    assert one.frame.equals(two.frame)
    assert one.receipts == two.receipts
    assert one.frame["at"].to_list() == [START + 2, START + 5, START + 9]


def test_the_same_receipt_or_run_twice_counts_once() -> None:
    receipt = body(1, [{"side": "VALID", "miner": 11, "task": 5}])
    again = body(2, [{"side": "VALID", "miner": 11, "task": 5}])
    records = collect([receipt, receipt, again], ROSTER)
    assert len(records.frame) == 1


def test_a_receipt_that_another_replaces_does_not_count() -> None:
    old = body(1, [{"side": "VALID", "miner": 11}])
    data = body(2, [{"side": "INVALID", "miner": 12}])[1].to_json()
    rule = Body.from_json(later_format(data, old[0]))
    records = collect([old, (rule.receipt_id(), rule)], ROSTER)
    assert [row["node"] for row in rows(records)] == [1]


def later_format(data: dict[str, Any], supersedes: str) -> dict[str, Any]:
    real = next(iter(party_bundles().values()))["receipt"]
    known = real["replicas"][0] | {"miner_signature": None}
    replicas = [known | entry for entry in data["replicas"]]
    block = real["consensus"] | data["consensus"]
    return data | {
        "format": PARTIES_FORMAT,
        "replicas": replicas,
        "consensus": block,
        "payment": None,
        "supersedes": supersedes,
    }


def test_a_heartbeat_is_a_receipt_of_its_tier() -> None:
    receipt = body(
        1,
        [{"side": "VALID", "miner": 11}, {"status": "TIMEOUT", "miner": 12}],
        tier=HEARTBEAT_TIER,
    )
    found = rows(collect([receipt], ROSTER))
    assert [(row["kind"], row["outcome"]) for row in found] == [
        (HEARTBEAT, AGREED),
        (HEARTBEAT, TIMEOUT),
    ]
    paid = collect([body(1, [{"side": "VALID", "miner": 11}], tier="safe")], ROSTER)
    assert rows(paid)[0]["kind"] == PAID


def test_a_run_that_failed_and_was_replaced_counts_against_its_node() -> None:
    def attempt(status: str, miner: int, number: int) -> dict[str, Any]:
        return {
            "index": 0,
            "session_id": "201",
            "task_id": f"0x{number:032x}",
            "miner": address(miner),
            "cause": "first",
            "status": status,
            "reason": None,
            "latency_ms": 9,
        }

    attempts = [
        attempt("TIMEOUT", 12, 900),
        attempt("ERROR", 13, 901),
        attempt("MISSING", 14, 902),
        attempt("CANCELLED", 15, 903),
        attempt("OK", 15, 904),
    ]
    receipt = body(1, [{"side": "VALID", "miner": 11}], attempts=attempts)
    records = collect([receipt], ROSTER)
    assert [(row["node"], row["outcome"], row["model"]) for row in rows(records)] == [
        (0, AGREED, 0),
        (1, TIMEOUT, 1),
        (2, ERROR, 1),
    ]


REAL = sorted((Path(__file__).parents[2] / "conformance" / "vectors").glob("good-*.json"))


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_every_kind_of_receipt_gives_rows(path: Path) -> None:
    made = Body.from_json(json.loads(path.read_text())["bundle"]["receipt"])
    miners = sorted({int(entry.miner or "0", 16) for entry in made.replicas} - {0})
    found = rows(collect([(made.receipt_id(), made)], roster({1: miners})))
    named = [entry for entry in made.replicas if entry.miner]
    assert len(found) == len(named) > 0
    answered = sum(entry.status == "OK" for entry in named)
    assert sum(row["outcome"] in {AGREED, DISSENTED, UNDECIDED} for row in found) <= answered
    contests = {row["contest_bps"] for row in found if row["outcome"] in {AGREED, DISSENTED}}
    assert len(contests) <= 1
    if contests - {0}:
        assert {AGREED, DISSENTED} & {row["outcome"] for row in found}
