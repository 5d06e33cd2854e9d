# SPDX-License-Identifier: Apache-2.0
"""What flagged pairs are credited for tasks they share: the later one nothing, else both half."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cortensor.rewards.records import PAID
from cortensor.rewards.words import BPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.rewards.collusion import Pair


def with_credit(records: pl.DataFrame, pairs: Sequence[Pair]) -> pl.LazyFrame:
    """Give the rows with `credit_bps`; of several pairs that share a task, the strictest counts.

    Args:
        records: columns of `records.SCHEMA`.
        pairs: those flagged.
    """
    if not pairs:
        return records.lazy().with_columns(credit_bps=pl.lit(BPS, pl.Int64))
    sides = [
        (node, other, BPS // 2 if pair.later is None else 0 if pair.later == node else BPS)
        for pair in pairs
        for node, other in ((pair.node, pair.other), (pair.other, pair.node))
    ]
    credits_ = pl.DataFrame(
        sides,
        schema={"node": pl.UInt32, "node_b": pl.UInt32, "credit_bps": pl.Int64},
        orient="row",
    ).filter(pl.col("credit_bps") < BPS)
    flagged = [node for pair in pairs for node in (pair.node, pair.other)]
    paid = records.filter((pl.col("kind") == PAID) & pl.col("node").is_in(flagged))
    paid = paid.select("task", "node")
    partners = paid.rename({"node": "node_b"}).unique()
    shared = (
        paid.join(credits_, on="node")
        .join(partners, on=["task", "node_b"])
        .group_by("task", "node")
        .agg(pl.col("credit_bps").min())
    )
    lessened = records.lazy().join(shared.lazy(), on=["task", "node"], how="left")
    return lessened.with_columns(
        credit_bps=pl.when(pl.col("kind") == PAID)
        .then(pl.col("credit_bps").fill_null(BPS))
        .otherwise(BPS)
    )
