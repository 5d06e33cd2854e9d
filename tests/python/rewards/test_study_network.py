# SPDX-License-Identifier: Apache-2.0
"""The made-up network of the study does what its machines say, and nothing else."""

from __future__ import annotations

from math import comb

import polars as pl
import pytest

from benchmarks.rewards.bounds import upper_ppm
from benchmarks.rewards.false_flags import HONEST, again, cost
from benchmarks.rewards.network import Machine, network_of, run_epoch
from benchmarks.rewards.populations import few_whales
from cortensor.rewards.records import AGREED, DISSENTED, PAID, TIMEOUT

TASKS = 400


def paid(machines: list[Machine], seed: int = 1) -> pl.DataFrame:
    return run_epoch(network_of(machines), 0, TASKS, seed).filter(pl.col("kind") == PAID)


def machines_of(count: int = 8, **first: object) -> list[Machine]:
    return [Machine(operator=n, **(first if n == 0 else {})) for n in range(count)]


def test_a_task_asks_three_or_five_operators_once_each() -> None:
    rows = paid(list(few_whales()))
    sizes = rows.group_by("task").agg(pl.len(), pl.col("operator").n_unique().alias("operators"))
    assert set(sizes["len"]) == {3, 5}
    assert (sizes["len"] == sizes["operators"]).all()
    assert len(sizes) == TASKS


def test_who_is_larger_is_asked_more_often() -> None:
    machines = machines_of(30, capacity=4)
    counts = dict(paid(machines).group_by("node").len().iter_rows())
    assert counts[0] > 2.5 * sum(counts.values()) / 30


def test_nodes_before_a_machine_change_nothing_but_which_node_answers() -> None:
    one, four = paid(machines_of()), paid(machines_of(nodes=4))
    same = ["task", "operator", "at", "outcome", "contest_bps", "units", "model", "latency_ms"]
    assert one.select(same).sort(same).equals(four.select(same).sort(same))
    assert four.filter(pl.col("operator") == 0)["node"].n_unique() == 4


def beside(rows: pl.DataFrame) -> pl.DataFrame:
    """Answers of nodes 0 and 1 to tasks that both answered and that were decided."""
    decided = rows.filter(pl.col("outcome").is_in([AGREED, DISSENTED]))
    first, second = (decided.filter(pl.col("node") == node) for node in (0, 1))
    return first.join(second, on="task", suffix="_b")


@pytest.mark.parametrize("is_copying", [True, False])
def test_a_copier_gives_its_victims_answer_later(is_copying: bool) -> None:
    both = beside(paid(machines_of(right_bps=5_000, copies=(1,) if is_copying else ())))
    assert len(both) > 50
    assert (both["outcome"] == both["outcome_b"]).all() == is_copying
    late = both["latency_ms"].cast(pl.Int64) - both["latency_ms_b"].cast(pl.Int64)
    assert (late == 150).all() == is_copying


def copied_share(**change: object) -> float:
    rows = paid(machines_of(right_bps=5_000, copies=(1,), **change))
    both = beside(rows)
    lag = both["latency_ms"].cast(pl.Int64) - both["latency_ms_b"].cast(pl.Int64)
    return float((lag == 150).mean())


def test_a_copier_copies_in_as_many_tasks_as_it_says() -> None:
    assert 0.3 < copied_share(copy_bps=5_000) < 0.7
    assert 0.15 < copied_share(copies_easy=False) < 0.55
    assert copied_share(copy_bps=0) < 0.05


def test_two_victims_are_copied_by_turns() -> None:
    rows = paid(machines_of(right_bps=5_000, copies=(1, 2)))
    both = beside(rows).with_columns(
        lag=pl.col("latency_ms").cast(pl.Int64) - pl.col("latency_ms_b").cast(pl.Int64)
    )
    assert (both.filter(pl.col("task") % 2 == 0)["lag"] == 150).all()
    assert (both.filter(pl.col("task") % 2 == 1)["lag"] == 150).mean() < 0.1


def test_who_copies_the_first_is_never_first_and_agrees_with_who_is() -> None:
    rows = paid(machines_of(right_bps=5_000, copies_first=True))
    answered = rows.filter(pl.col("outcome") != TIMEOUT)
    first = answered.sort("latency_ms").group_by("task", maintain_order=True).first()
    mine = answered.filter((pl.col("node") == 0) & pl.col("outcome").is_in([AGREED, DISSENTED]))
    both = mine.join(first, on="task", suffix="_b")
    assert len(both) > 100
    assert (both["node_b"] == 0).mean() < 0.05, "only where nobody else answers"
    apart = both.filter(pl.col("node_b") != 0)
    assert (apart["outcome"] == apart["outcome_b"]).mean() > 0.97, "ties of time aside"


def test_a_ring_gives_one_answer_and_clones_err_as_one() -> None:
    ring = [Machine(operator=n, ring=n < 2, right_bps=5_000) for n in range(8)]
    both = beside(paid(ring))
    assert (both["outcome"] == both["outcome_b"]).all()
    clones = [Machine(operator=n, kin_bps=10_000, right_bps=5_000) for n in range(8)]
    assert (paid(clones)["contest_bps"] > 0).mean() < 0.1


def test_the_bound_is_that_of_clopper_and_pearson() -> None:
    for seen, of in ((0, 300), (1, 100), (7, 40)):
        bound = upper_ppm(seen, of)
        for share, is_over in ((bound / 1e6, True), ((bound - 1) / 1e6, False)):
            tail = sum(comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(seen + 1))
            assert (tail <= 0.05 + 1e-9) == is_over
    assert upper_ppm(0, 1_000_000) == 3, "the rule of three"
    assert upper_ppm(5, 5) == 1_000_000


def test_clones_are_flagged_in_time_and_other_honest_ones_are_not() -> None:
    assert again("close kin", 1, epochs=12).pairs_flagged == 0
    flags = again("clones", 1, epochs=12)
    assert flags.pairs_flagged > 0
    assert flags.times_flagged >= flags.pairs_flagged
    assert flags.pairs <= 20 * 19 // 2
    assert all(len(make()) == 20 for make in HONEST.values())


def test_who_is_named_as_later_loses_more_than_who_shares_the_blame() -> None:
    found = cost(20, epochs=2)
    assert 0 < found.each < found.later < 2_500
