# SPDX-License-Identifier: Apache-2.0
"""Pairs of nodes that are on the same side more often than their tasks explain.

Only tasks on which answers differed tell anything. Given how many dissented on such a task, who
they were follows, for honest nodes, from how apt each is to dissent: a set of dissenters is as
likely as the product of its members' odds (the conditional Bernoulli law). That gives each shared
task a chance p that the pair is on one side. Nodes that serve the same model err together without
any collusion, so p is raised by what all pairs of that model exceed theirs by, up to a bound.

The pairs' sum of agreements is compared with its mean by Hoeffding's bound (in its first form, by
the Kullback-Leibler divergence), which holds for independent tasks whatever their p, at a level
divided by the number of pairs looked at (Bonferroni): with right p, the chance that any honest pair
is flagged is below `FAMILY_LEVEL_BPS`. A copier must answer after the node it copies: a sign test
on the latencies of the shared tasks tells which one that is, where time tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from cortensor.consensus.fixed_point import ln_micro
from cortensor.rewards.records import AGREED, DISSENTED, ENGINE, PAID

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FAMILY_LEVEL_BPS: Final = 100
"""Chance of 1 % that any honest pair is flagged."""
LATER_LEVEL_BPS: Final = 100
MIN_SHARED: Final = 12
"""Contested tasks that two nodes share, below which nothing is tested (nothing could be shown)."""
MODEL_EXCESS_BPS: Final = 2_000
"""Bound of what serving the same model may explain: a ring cannot excuse itself with a model."""
WINDOW_EPOCHS: Final = 32
WINDOW_ROWS: Final = 2_000_000
"""So many epochs are looked at together, fewer where they have more contested rows than this."""
MAX_REPLICAS: Final = 5
BPS: Final = 10_000
_UNIT = 256
_LEAST_ODDS, _MOST_ODDS = 4, 2_048  # 1/64 and 8: sums of products stay within 63 bits
_OTHER_MODEL = -1
_CHUNK = 1 << 18
"""Rows that are laid beside each other at a time: bounds memory, and changes nothing else."""


class Pair(NamedTuple):
    """Two flagged nodes, by index; `node` < `other`.

    Attributes:
        shared: contested tasks that both answered.
        same: of those, how often they were on one side.
        expected_bps: the mean of that, were they honest, in 1/10000 of a task.
        later: the one that answered later, or None where time does not tell.
    """

    node: int
    other: int
    shared: int
    same: int
    expected_bps: int
    later: int | None


class PairTest(NamedTuple):
    """What was found, and of how many pairs: what a report shows."""

    pairs: list[Pair]
    tested: int


def contested(records: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that tell of collusion: all that later epochs need of earlier ones."""
    return records.filter(_is_contested())


def _is_contested() -> pl.Expr:
    return (
        (pl.col("kind") == PAID)
        & (pl.col("contest_bps") > 0)
        & pl.col("outcome").is_in([AGREED, DISSENTED])
    )


def find_pairs(records: pl.DataFrame) -> PairTest:
    """Return the flagged pairs among the nodes of these rows, by node.

    Args:
        records: columns of `records.SCHEMA`, of one epoch or of several.
    """
    rows = _with_odds(records)
    candidates = _candidates(rows)
    tested = len(candidates)
    if not tested:
        return PairTest([], 0)
    pairs = (
        _sides_of(rows, candidates)
        .group_by("node", "node_b")
        .agg(
            shared=pl.len().cast(pl.Int64),
            same=pl.col("same").sum(),
            expected=pl.col("p").sum(),
            timed=(pl.col("lag") != 0).sum().cast(pl.Int64),
            later=(pl.col("lag") > 0).sum().cast(pl.Int64),
        )
    )
    level = ln_micro(tested * BPS, FAMILY_LEVEL_BPS)
    found = [
        Pair(
            node=row["node"],
            other=row["node_b"],
            shared=row["shared"],
            same=row["same"],
            expected_bps=row["expected"],
            later=_later(row["node"], row["node_b"], row["later"], row["timed"]),
        )
        for row in _suspects(pairs, level).sort("node", "node_b").iter_rows(named=True)
        if divergence_micro(row["shared"], row["same"], row["expected"]) >= level
    ]
    return PairTest(found, tested)


def window(frames: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
    """Return the latest of the frames, in their order, that the test looks at.

    Args:
        frames: contested rows of an epoch each, the earliest first; the last one always counts.
    """
    taken: list[pl.DataFrame] = []
    rows = 0
    for frame in reversed(frames[-WINDOW_EPOCHS:]):
        rows += len(frame)
        if taken and rows > WINDOW_ROWS:
            break
        taken.insert(0, frame)
    return taken


def divergence_micro(shared: int, same: int, expected_bps: int) -> int:
    """Return n D(same/n || expected/n) in millionths, rounded down: -ln of Hoeffding's bound.

    Args:
        shared: n.
        same: more than expected.
        expected_bps: in 1/10000 of a task, more than 0.
    """
    apart = shared - same
    total = same * ln_micro(same * BPS, expected_bps)
    if apart:
        total += apart * ln_micro(apart * BPS, shared * BPS - expected_bps)
    return total - shared  # each logarithm is off by up to half a millionth


def _suspects(pairs: pl.DataFrame, level: int) -> pl.DataFrame:
    """Leave out those that cannot reach the level: D is at most the square over the variance."""
    mean = pl.col("expected") // pl.col("shared")
    excess = (pl.col("same") * BPS - pl.col("expected")) // pl.col("shared") + 1
    reach = pl.col("shared") * excess * excess * 11  # a tenth of slack for what // cuts
    return pairs.filter(
        (pl.col("same") * BPS > pl.col("expected"))
        & (reach >= (level // 1_000_000) * 10 * mean * (BPS - mean))
    )


def _later(node: int, other: int, other_later: int, timed: int) -> int | None:
    lead = 2 * other_later - timed
    # The same inequality for a fair coin: P(|lead| >= d) <= 2 exp(-d^2 / (2 n)).
    if lead * lead * 1_000_000 < 2 * timed * ln_micro(2 * BPS, LATER_LEVEL_BPS) or not timed:
        return None
    return other if lead > 0 else node


def _with_odds(records: pl.DataFrame) -> pl.DataFrame:
    """Return the answers of tasks that tell, sorted, with their nodes' odds and the tasks' sums."""
    wide = (
        records.lazy()
        .filter(_is_contested())
        .select(
            "task",
            "node",
            "operator",
            pl.col("model").cast(pl.Int32),
            "latency_ms",
            dissent=(pl.col("outcome") == DISSENTED).cast(pl.Int8),
        )
    )
    dissents, answers = pl.col("dissent").sum(), pl.len().cast(pl.Int64)
    odds = (_UNIT * (2 * dissents + 1)) // (2 * (answers - dissents) + 1)
    by_node = wide.group_by("node").agg(odds=odds.clip(_LEAST_ODDS, _MOST_ODDS).cast(pl.Int16))
    wide = wide.join(by_node.collect(engine=ENGINE).lazy(), on="node")
    o = pl.col("odds").cast(pl.Int64)
    tasks = (
        wide.group_by("task")
        .agg(
            n=pl.len(),
            k=pl.col("dissent").sum(),
            s1=o.sum(),
            s2=(o * o).sum(),
            s3=(o * o * o).sum(),
        )
        .filter(
            pl.col("n").is_between(3, MAX_REPLICAS)
            & (pl.col("k") > 0)
            & (pl.col("k") < pl.col("n"))
        )
        .select("task", pl.col("k").cast(pl.Int8), pl.col("s1", "s2").cast(pl.Int32), "s3")
    )
    told = wide.join(tasks.collect(engine=ENGINE).lazy(), on="task")
    return told.collect(engine=ENGINE).sort("task", "node")


def _beside(rows: pl.DataFrame, names: Sequence[str] = ()) -> Iterator[pl.DataFrame]:
    """Give each answer beside every later one to its task, some rows at a time."""
    is_pair = (pl.col("task") == pl.col("task_b")) & (pl.col("node") != pl.col("node_b"))
    for step in range(1, MAX_REPLICAS):
        ahead = [pl.col(name).shift(-step).alias(f"{name}_b") for name in ("task", "node", *names)]
        for start in range(0, len(rows), _CHUNK):
            # The last `step` rows are only there to be beside others: the next chunk begins there.
            yield rows.slice(start, _CHUNK + step).with_columns(ahead).filter(is_pair)


def _candidates(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs that share tasks enough."""
    keys = rows.select("task", "node")
    met = [keys.clear().select("node", node_b="node")]
    met += [pairs.select("node", "node_b") for pairs in _beside(keys)]
    pairs = pl.concat(met).lazy().group_by("node", "node_b").agg(shared=pl.len())
    enough = pairs.filter(pl.col("shared") >= MIN_SHARED).select("node", "node_b")
    return enough.collect(engine=ENGINE)


def _sides_of(rows: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Return one row a shared task of each candidate pair, with the chance that they agree."""
    found, excess = [], []
    for pairs in _beside(rows, ("operator", "model", "latency_ms", "dissent", "odds")):
        sides = pairs.select(
            "node",
            "node_b",
            is_apart=pl.col("operator") != pl.col("operator_b"),
            model=pl.when(pl.col("model") == pl.col("model_b"))
            .then("model")
            .otherwise(_OTHER_MODEL),
            lag=pl.col("latency_ms_b").cast(pl.Int64) - pl.col("latency_ms").cast(pl.Int64),
            same=(pl.col("dissent") == pl.col("dissent_b")).cast(pl.Int64),
            p=_same_side_bps(),
        )
        excess.append(_excess(sides))
        found.append(sides.join(candidates, on=["node", "node_b"], how="semi"))
    return _with_models(pl.concat(found), pl.concat(excess))


def _excess(sides: pl.DataFrame) -> pl.DataFrame:
    return (
        sides.filter("is_apart")
        .group_by("model")
        .agg(more=BPS * pl.col("same").sum() - pl.col("p").sum(), count=pl.len().cast(pl.Int64))
    )


def _same_side_bps() -> pl.Expr:
    """Return the chance in bps, rounded up, that a pair is on one side of a task with k dissenters.

    e1 .. e3 are the elementary symmetric polynomials of the others' odds, from power sums.
    """
    a, b = pl.col("odds").cast(pl.Int64), pl.col("odds_b").cast(pl.Int64)
    k = pl.col("k")
    p1 = pl.col("s1") - a - b
    p2 = pl.col("s2") - a * a - b * b
    p3 = pl.col("s3") - a * a * a - b * b * b
    e1 = p1
    e2 = (p1 * p1 - p2) // 2
    e3 = (p1 * p1 * p1 - 3 * p1 * p2 + 2 * p3) // 6
    none = pl.when(k == 1).then(e1).when(k == 2).then(e2).when(k == 3).then(e3).otherwise(0)  # noqa: PLR2004
    one = pl.when(k == 1).then(1).when(k == 2).then(e1).when(k == 3).then(e2).otherwise(e3)  # noqa: PLR2004
    both = pl.when(k == 2).then(1).when(k == 3).then(e1).when(k == 4).then(e2).otherwise(0)  # noqa: PLR2004
    same = none + a * b * both
    whole = same + (a + b) * one
    return (BPS * same + whole - 1) // whole


def _with_models(sides: pl.DataFrame, excess: pl.DataFrame) -> pl.DataFrame:
    """Raise p by what pairs of the model, of different operators, exceed it by on the whole."""
    more = excess.group_by("model").agg(
        more=(pl.col("more").sum() // pl.col("count").sum()).clip(0, MODEL_EXCESS_BPS)
    )
    raised = pl.col("p") + pl.col("more").fill_null(0)
    return sides.join(more, on="model", how="left").with_columns(
        p=pl.min_horizontal(raised, pl.lit(BPS, pl.Int64))
    )
