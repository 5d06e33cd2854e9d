# SPDX-License-Identifier: Apache-2.0
"""Sums over columns, against the same told row by row."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.errors import InvalidInput
from cortensor.rewards.collusion import Pair
from cortensor.rewards.credit import with_credit
from cortensor.rewards.metrics import MODEL_TASKS, Metrics, NodeCounts, measure
from cortensor.rewards.records import (
    AGREED,
    DISSENTED,
    ERROR,
    HEARTBEAT,
    PAID,
    SCHEMA,
    TIMEOUT,
    UNDECIDED,
    record_frame,
)
from tests.python.rewards.receipt_bodies import END, START, roster

ROSTER = roster({5: [1, 2], 6: [3], 7: [4]})
NODES = range(4)
ROW = st.fixed_dictionaries(
    {
        "task": st.integers(0, 12),
        "node": st.sampled_from(NODES),
        "at": st.integers(START - 5, END + 5),
        "kind": st.sampled_from([PAID, PAID, PAID, HEARTBEAT]),
        "outcome": st.sampled_from([AGREED, AGREED, DISSENTED, TIMEOUT, ERROR, UNDECIDED]),
        "contest_bps": st.sampled_from([0, 2_000, 3_333, 4_000]),
        "units": st.integers(0, 2**32 - 1),
        "model": st.integers(0, 2),
        "latency_ms": st.integers(0, 9),
    }
)
ROWS = st.lists(ROW, max_size=24, unique_by=lambda row: (row["task"], row["node"]))


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    whole = [row | {"operator": ROSTER.operator_of[row["node"]]} for row in rows]
    return record_frame({name: [row[name] for row in whole] for name in SCHEMA})


@st.composite
def flagged(draw: st.DrawFn) -> list[Pair]:
    found = []
    for node in NODES:
        for other in range(node + 1, 4):
            later = draw(st.sampled_from(["no pair", None, node, other]))
            if later != "no pair":
                found.append(Pair(node, other, 20, 20, 9, later))
    return found


def credit_of(row: dict[str, Any], rows: list[dict[str, Any]], pairs: list[Pair]) -> int:
    credit = 10_000
    for pair in pairs:
        other = {pair.node: pair.other, pair.other: pair.node}.get(row["node"])
        if row["kind"] == PAID and any(
            r["node"] == other and r["task"] == row["task"] and r["kind"] == PAID for r in rows
        ):
            share = 5_000 if pair.later is None else 0 if pair.later == row["node"] else 10_000
            credit = min(credit, share)
    return credit


def told(rows: list[dict[str, Any]], pairs: list[Pair]) -> list[NodeCounts]:
    found = [defaultdict(int) for _ in NODES]
    for row in sorted(rows, key=lambda row: row["task"]):
        sums = found[row["node"]]
        answered = row["outcome"] in {AGREED, DISSENTED, UNDECIDED}
        if row["kind"] == HEARTBEAT:
            sums["beats"] += 1
            sums["beats_answered"] += answered
            continue
        credit = credit_of(row, rows, pairs)
        sums["asked"] += 1
        sums["answered"] += answered
        sums["tasks"] += credit > 0
        if row["outcome"] == AGREED and credit:
            sums["won"] += 1
            sums["won_since"] += 1
        if row["outcome"] in {DISSENTED, TIMEOUT, ERROR}:
            sums["lost"] += 1
            sums["won_since"] = 0
        if answered:
            sums["work"] += min(row["units"], 2**24 - 1) * credit
        weight = row["contest_bps"] * credit // 10_000
        if row["outcome"] in {AGREED, DISSENTED}:
            sums["contest"] += weight
        if row["outcome"] == AGREED:
            sums["contest_won"] += weight
    return [NodeCounts(**sums) for sums in found]


def models_told(rows: list[dict[str, Any]], pairs: list[Pair], operator: int) -> int:
    won = Counter(
        row["model"]
        for row in rows
        if ROSTER.operator_of[row["node"]] == operator
        and (row["kind"], row["outcome"]) == (PAID, AGREED)
        and credit_of(row, rows, pairs)
    )
    return sum(count >= MODEL_TASKS for count in won.values())


@pytest.mark.fuzz
@given(ROWS, flagged())
def test_columns_add_up_to_what_the_rows_say(rows: list[dict[str, Any]], pairs: list[Pair]) -> None:
    found = measure(frame(rows), ROSTER, START, END, pairs)
    assert found.nodes == told(rows, pairs)
    for number, operator in enumerate(found.operators):
        mine = [found.nodes[n] for n in NODES if ROSTER.operator_of[n] == number]
        assert operator.models == models_told(rows, pairs, number)
        assert operator.contest == sum(entry.contest for entry in mine)
        assert operator.contest_won == sum(entry.contest_won for entry in mine)
        assert sum(won for won, _ in operator.slices) == sum(entry.won for entry in mine)
        counted = sum(entry.won + entry.lost for entry in mine)
        assert sum(count for _, count in operator.slices) == counted


@pytest.mark.fuzz
@given(ROWS, flagged())
def test_credit_is_the_strictest_of_the_pairs(
    rows: list[dict[str, Any]], pairs: list[Pair]
) -> None:
    found = with_credit(frame(rows), pairs).collect().sort(list(SCHEMA))
    expected = [credit_of(row, rows, pairs) for row in frame(rows).to_dicts()]
    assert found["credit_bps"].to_list() == expected


def one(**changes: int) -> dict[str, Any]:
    return {
        "task": 0, "node": 0, "at": START, "kind": PAID, "outcome": AGREED, "contest_bps": 0,
        "units": 10, "model": 0, "latency_ms": 1,
    } | changes  # fmt: skip


def measured(rows: list[dict[str, Any]]) -> Metrics:
    return measure(frame(rows), ROSTER, START, END)


def test_a_model_counts_when_paid_answers_win_with_it_often_enough() -> None:
    rows = [one(task=n, model=n % 2, node=n % 2) for n in range(2 * MODEL_TASKS)]
    few = [one(task=60 + n, model=2) for n in range(MODEL_TASKS - 1)]
    assert measured(rows + few).operators[0].models == 2
    assert measured([*rows, *few, one(task=70, model=2)]).operators[0].models == 3


@pytest.mark.parametrize(
    "change",
    [
        *({"outcome": outcome} for outcome in (DISSENTED, UNDECIDED, TIMEOUT, ERROR)),
        {"kind": HEARTBEAT},
    ],
    ids=["dissented", "undecided", "timeout", "error", "heartbeat"],
)
def test_no_model_counts_by_what_did_not_win(change: dict[str, int]) -> None:
    rows = [one(task=n, model=1, **change) for n in range(9)]
    assert measured(rows).operators[0].models == 0


def test_no_model_counts_by_answers_that_were_copied() -> None:
    rows = [one(task=n, node=node, model=node) for n in range(9) for node in (0, 2)]
    copied = measure(frame(rows), ROSTER, START, END, [Pair(0, 2, 20, 20, 9, later=2)])
    assert [operator.models for operator in copied.operators] == [1, 0, 0]


def test_slices_are_equal_spans_of_the_epoch() -> None:
    eighth = (END - START) // 8
    rows = [one(task=n, at=START + n * eighth + (eighth - 1) * (n % 2)) for n in range(8)]
    rows.append(one(task=9, at=END + 7, outcome=DISSENTED))
    assert measured(rows).operators[0].slices == [(1, 1)] * 7 + [(1, 2)]


def test_rows_of_others_than_the_rosters_nodes_are_refused() -> None:
    wrong = frame([one()]).with_columns(pl.lit(3, pl.UInt32).alias("operator"))
    beyond = frame([one()]).with_columns(pl.lit(9, pl.UInt32).alias("node"))
    for rows in (wrong, beyond):
        with pytest.raises(InvalidInput, match="of the roster"):
            measure(rows, ROSTER, START, END)
    with pytest.raises(InvalidInput, match="after the start"):
        measure(frame([]), ROSTER, END, END)


@pytest.mark.parametrize("change", [{"kind": 2}, {"outcome": 5}, {"contest_bps": 10_001}])
def test_values_without_a_meaning_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(InvalidInput, match="that is none"):
        measured([one(**change)])


def test_an_epoch_without_rows_measures_nothing() -> None:
    found = measured([])
    assert found.nodes == [NodeCounts()] * 4
    assert [operator.models for operator in found.operators] == [0, 0, 0]
