# SPDX-License-Identifier: Apache-2.0
"""Pairs that agree more than their tasks explain."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import exp, log

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.rewards.network import Machine, network_of, run_epoch
from cortensor.rewards import collusion
from cortensor.rewards.collusion import (
    MIN_SHARED,
    contested,
    divergence_micro,
    find_pairs,
    window,
)
from cortensor.rewards.records import AGREED, DISSENTED, PAID, SCHEMA, record_frame


def rows_of(tasks: list[dict[int, bool]], latencies: dict[int, int] | None = None) -> pl.DataFrame:
    """Tasks as node -> whether it dissented."""
    columns: dict[str, list[int]] = {name: [] for name in SCHEMA}
    for task, sides in enumerate(tasks):
        contest = 10_000 * sum(sides.values()) // len(sides)
        for node, dissents in sides.items():
            values = (
                task, node, node, task, PAID, DISSENTED if dissents else AGREED, contest, 1, node,
                (latencies or {}).get(node, 100),
            )  # fmt: skip
            for column, value in zip(columns.values(), values, strict=True):
                column.append(value)
    return record_frame(columns)


@pytest.mark.fuzz
@given(
    st.lists(st.integers(4, 2_048), min_size=3, max_size=5).flatmap(
        lambda odds: st.tuples(st.just(odds), st.integers(1, len(odds) - 1))
    )
)
def test_the_chance_of_one_side_is_that_of_the_conditional_bernoulli_law(
    case: tuple[list[int], int],
) -> None:
    odds, k = case
    a, b = odds[:2]
    powers = [sum(o**i for o in odds) for i in (1, 2, 3)]
    table = pl.DataFrame(
        {
            "odds": [a],
            "odds_b": [b],
            "k": [k],
            "s1": [powers[0]],
            "s2": [powers[1]],
            "s3": [powers[2]],
        }
    )
    found = table.select(collusion._same_side_bps()).item()
    whole = same = 0
    for dissenters in combinations(range(len(odds)), k):
        weight = 1
        for member in dissenters:
            weight *= odds[member]
        whole += weight
        same += weight if (0 in dissenters) == (1 in dissenters) else 0
    assert found == -(-10_000 * same // whole)


@pytest.mark.fuzz
@given(st.integers(1, 500), st.data())
def test_the_divergence_is_that_of_kullback_and_leibler(shared: int, data: st.DataObject) -> None:
    expected = data.draw(st.integers(1, shared * 10_000 - 1))
    same = data.draw(st.integers(-(-expected // 10_000), shared))
    p, q = same / shared, expected / shared / 10_000
    exact = p * log(p / q) + ((1 - p) * log((1 - p) / (1 - q)) if same < shared else 0)
    assert -2 * shared - 2 <= divergence_micro(shared, same, expected) - shared * exact * 1e6 <= 2


def test_hoeffdings_bound_is_over_the_exact_tail() -> None:
    chances = [Fraction(k, 10) for k in (3, 4, 5, 6, 7)] * 4
    law = {0: Fraction(1)}
    for p in chances:
        law = {s: law.get(s, 0) * (1 - p) + law.get(s - 1, 0) * p for s in range(len(law) + 1)}
    expected = int(sum(chances) * 10_000)
    for same in range(11, 21):
        tail = sum(law[s] for s in range(same, 21))
        assert exp(-divergence_micro(20, same, expected) / 1e6) >= tail


HONEST = [
    {0: True, 1: False, 2: False},
    {0: False, 1: True, 2: False},
    {0: False, 1: False, 2: True},
]


def test_three_that_dissent_by_turns_are_not_flagged() -> None:
    found = find_pairs(rows_of(HONEST * 30))
    assert (found.pairs, found.tested) == ([], 3)


def test_nothing_is_tested_under_the_least_shared_tasks() -> None:
    assert find_pairs(rows_of([{0: True, 1: False, 2: False}] * (MIN_SHARED - 1))).tested == 0
    assert find_pairs(rows_of([])).tested == 0
    assert find_pairs(rows_of([{0: False, 1: False, 2: False}] * 50)).tested == 0


def ring_tasks() -> list[dict[int, bool]]:
    """0 and 1 are always on one side; each is alone in other tasks as often."""
    together = [
        {0: n % 2 == 0, 1: n % 2 == 0, 2 + n % 5: False, 3 + n % 5: n % 2 == 1, 4 + n % 5: False}
        for n in range(60)
    ]
    apart = [{n % 2: n % 4 < 2, 2 + n % 5: n % 4 >= 2, 3 + n % 5: False} for n in range(60)]
    return together + apart


@pytest.mark.parametrize(
    ("latencies", "later"), [({0: 100, 1: 250}, 1), ({0: 250, 1: 100}, 0), ({}, None)]
)
def test_a_pair_always_on_one_side_is_flagged_and_the_later_one_named(
    latencies: dict[int, int], later: int | None
) -> None:
    found = find_pairs(rows_of(ring_tasks(), latencies))
    assert [(pair.node, pair.other, pair.later) for pair in found.pairs] == [(0, 1, later)]
    (pair,) = found.pairs
    assert (pair.shared, pair.same) == (60, 60)
    assert pair.expected_bps < 600_000


def test_what_no_pair_is_taken_from_does_not_matter() -> None:
    rows = rows_of(ring_tasks())
    assert find_pairs(rows) == find_pairs(contested(rows))
    beats = rows.with_columns(pl.lit(1, pl.UInt8).alias("kind"))
    assert find_pairs(beats).tested == 0


@pytest.mark.parametrize("rows_at_a_time", [1, 2, 7])
def test_how_many_rows_are_laid_beside_each_other_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, rows_at_a_time: int
) -> None:
    rows = rows_of(ring_tasks(), {0: 100, 1: 250})
    found = find_pairs(rows)
    monkeypatch.setattr(collusion, "_CHUNK", rows_at_a_time)
    assert find_pairs(rows) == found


def test_the_window_holds_the_latest_epochs_up_to_a_number_of_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frames = [rows_of(HONEST * n) for n in range(1, 5)]
    assert window(frames) == frames
    monkeypatch.setattr(collusion, "WINDOW_ROWS", 9 * 7)
    assert window(frames) == frames[2:]
    monkeypatch.setattr(collusion, "WINDOW_ROWS", 1)
    assert window(frames) == frames[3:]
    monkeypatch.setattr(collusion, "WINDOW_EPOCHS", 2)
    monkeypatch.setattr(collusion, "WINDOW_ROWS", 1_000)
    assert window(frames) == frames[2:]


def test_a_copier_is_found_and_named_among_honest_machines() -> None:
    machines = [Machine(operator=n, copies=(0,) if n == 1 else ()) for n in range(8)]
    network = network_of(machines)
    pairs = find_pairs(run_epoch(network, 0, 2_000, 3)).pairs
    assert [(pair.node, pair.other, pair.later) for pair in pairs] == [(0, 1, 1)]


def test_machines_that_share_a_model_err_together_without_being_flagged() -> None:
    machines = [Machine(operator=n, models=1, first_model=n % 2, kin_bps=2_000) for n in range(10)]
    network = network_of(machines)
    assert find_pairs(run_epoch(network, 0, 3_000, 3)).pairs == []
