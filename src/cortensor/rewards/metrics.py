# SPDX-License-Identifier: Apache-2.0
"""What an epoch's rows add up to: counts of each node and of each operator, all whole numbers.

Columnar: millions of rows are summed here, streamed, and only the sums leave. The shares of a leaf
follow from them in `shares`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from cortensor.errors import InvalidInput
from cortensor.rewards.credit import with_credit
from cortensor.rewards.records import (
    AGREED,
    ANSWERED,
    DISSENTED,
    ENGINE,
    FAILED,
    HEARTBEAT,
    MAX_UNITS,
    PAID,
    UNDECIDED,
)
from cortensor.rewards.shares import SLICES
from cortensor.rewards.words import BPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.rewards.collusion import Pair
    from cortensor.rewards.roster import Roster

MODEL_TASKS: Final = 3
"""Paid answers with the winner by which a model counts as served: any answer at all would let a
node name models that it does not have, and one could be luck."""


class NodeCounts(NamedTuple):
    """One node's sums.

    Attributes:
        tasks: paid runs that count: all but those without credit.
        asked: paid runs.
        answered: of those asked, how many it answered.
        won: runs with the winner that count.
        lost: dissents, timeouts and errors.
        won_since: of `won`, those after the last of `lost`.
        work: units of answers times their credit: in 1/10000 of a token.
        contest_won: contest (bps) of contested runs with the winner, by their credit.
        contest: contest of all contested runs, by their credit.
        beats: heartbeats asked for.
        beats_answered: those answered.
    """

    tasks: int = 0
    asked: int = 0
    answered: int = 0
    won: int = 0
    lost: int = 0
    won_since: int = 0
    work: int = 0
    contest_won: int = 0
    contest: int = 0
    beats: int = 0
    beats_answered: int = 0


class OperatorCounts(NamedTuple):
    """One operator's sums over its nodes.

    Attributes:
        models: those its nodes won with, each `MODEL_TASKS` times or more.
        contest_won: as of a node.
        contest: as of a node.
        slices: (won, won or lost) of each span of time.
    """

    models: int
    contest_won: int
    contest: int
    slices: list[tuple[int, int]]


class Metrics(NamedTuple):
    """Sums by the roster's indices."""

    nodes: list[NodeCounts]
    operators: list[OperatorCounts]


def measure(
    records: pl.DataFrame, roster: Roster, start: int, end: int, pairs: Sequence[Pair] = ()
) -> Metrics:
    """Sum up an epoch.

    Args:
        records: columns of `records.SCHEMA`, of this epoch.
        roster: the nodes they index.
        start: of the epoch, unix seconds.
        end: of the epoch, exclusive; receipts from outside count to its first or last slice.
        pairs: flagged ones, whose shared tasks are credited less.

    Raises:
        InvalidInput: for an epoch without length, values without a meaning, or rows of nodes that
            the roster has not.
    """
    if end <= start:
        raise InvalidInput("must be after the start", field="end")
    _check_values(records)
    _check_indices(records, roster)
    rows, kind = with_credit(records, pairs), pl.col("kind")
    paid = _paid(rows)
    nodes = _nodes(paid, rows.filter(kind == HEARTBEAT), len(roster))
    return Metrics(nodes, _operators(paid, nodes, roster, start, end))


def _check_values(records: pl.DataFrame) -> None:
    known = (
        (pl.col("kind") <= HEARTBEAT)
        & (pl.col("outcome") <= UNDECIDED)
        & (pl.col("contest_bps") <= BPS)
    )
    if not records.lazy().select(known.all()).collect(engine=ENGINE).item():
        raise InvalidInput("has a kind, an outcome or a contest that is none", field="records")


def _check_indices(records: pl.DataFrame, roster: Roster) -> None:
    places = pl.DataFrame(
        {"node": range(len(roster)), "_operator": roster.operator_of},
        schema={"node": pl.UInt32, "_operator": pl.UInt32},
    )
    pairs = records.lazy().select("node", "operator").unique().collect(engine=ENGINE)
    known = pairs.join(places, on="node").filter(pl.col("operator") == pl.col("_operator"))
    if len(known) != len(pairs):
        raise InvalidInput("must be of the roster's nodes and operators", field="records")


def _paid(rows: pl.LazyFrame) -> pl.LazyFrame:
    outcome, credit = pl.col("outcome"), pl.col("credit_bps")
    answered, lost = outcome.is_in(list(ANSWERED)), outcome.is_in(list(FAILED))
    weight = pl.col("contest_bps").cast(pl.Int64) * credit // BPS
    units = pl.col("units").cast(pl.Int64).clip(0, MAX_UNITS)
    return rows.filter(pl.col("kind") == PAID).select(
        "task",
        "node",
        "operator",
        "at",
        "model",
        counts=credit > 0,
        answered=answered,
        won=(outcome == AGREED) & (credit > 0),
        lost=lost,
        work=pl.when(answered).then(units * credit).otherwise(0),
        contest_won=pl.when(outcome == AGREED).then(weight).otherwise(0),
        contest=pl.when(outcome.is_in([AGREED, DISSENTED])).then(weight).otherwise(0),
    )


def _nodes(paid: pl.LazyFrame, beats: pl.LazyFrame, count: int) -> list[NodeCounts]:
    lost, won = pl.col("lost"), pl.col("won")
    sums = (
        paid.group_by("node")
        .agg(
            tasks=pl.col("counts").sum(),
            asked=pl.len(),
            answered=pl.col("answered").sum(),
            won=won.sum(),
            lost=lost.sum(),
            last_lost=pl.col("task").filter(lost).max(),
            work=pl.col("work").sum(),
            contest_won=pl.col("contest_won").sum(),
            contest=pl.col("contest").sum(),
        )
        .collect(engine=ENGINE)
    )
    since = (
        paid.filter(won)
        .select("task", "node")
        .join(sums.lazy().select("node", "last_lost"), on="node")
        .filter(pl.col("last_lost").is_null() | (pl.col("task") > pl.col("last_lost")))
        .group_by("node")
        .agg(won_since=pl.len())
        .collect(engine=ENGINE)
    )
    shown = (
        beats.group_by("node")
        .agg(beats=pl.len(), beats_answered=pl.col("outcome").is_in(list(ANSWERED)).sum())
        .collect(engine=ENGINE)
    )
    everyone = pl.DataFrame({"node": range(count)}, schema={"node": pl.UInt32})
    table = everyone
    for part in (sums, since, shown):
        table = table.join(part, on="node", how="left")
    table = table.sort("node").select(pl.col(NodeCounts._fields).fill_null(0).cast(pl.Int64))
    return [NodeCounts(*row) for row in table.iter_rows()]


def _operators(
    paid: pl.LazyFrame, nodes: Sequence[NodeCounts], roster: Roster, start: int, end: int
) -> list[OperatorCounts]:
    count = len(roster.operators)
    models = [0] * count
    served = (
        paid.filter("won")
        .group_by("operator", "model")
        .len()
        .filter(pl.col("len") >= MODEL_TASKS)
        .group_by("operator")
        .len()
        .collect(engine=ENGINE)
    )
    for operator, number in served.iter_rows():
        models[operator] = number
    contest_won, contest = [0] * count, [0] * count
    for entry, operator in zip(nodes, roster.operator_of, strict=True):
        contest_won[operator] += entry.contest_won
        contest[operator] += entry.contest
    slices = [[(0, 0)] * SLICES for _ in range(count)]
    elapsed = pl.col("at").cast(pl.Int64) - start
    parts = (
        paid.filter(pl.col("won") | pl.col("lost"))
        .with_columns(part=(elapsed * SLICES // (end - start)).clip(0, SLICES - 1))
        .group_by("operator", "part")
        .agg(won=pl.col("won").sum(), counted=pl.len())
        .collect(engine=ENGINE)
    )
    for operator, part, won, counted in parts.iter_rows():
        slices[operator][part] = (won, counted)
    return [
        OperatorCounts(*entry) for entry in zip(models, contest_won, contest, slices, strict=True)
    ]
