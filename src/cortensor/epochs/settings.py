# SPDX-License-Identifier: Apache-2.0
"""How epochs are observed."""

from __future__ import annotations

from msgspec import Struct

from cortensor.store.records import Finality  # noqa: TC001 -- msgspec reads the annotation
from cortensor.watch.fetch import FetchLimits


class ObserveSettings(Struct, frozen=True):
    """Where an epoch's facts come from.

    Attributes:
        routers: ids whose receipts count; empty for all. Everybody must agree on them.
        left_out: roots (0x hex) of batches whose receipts are not to count, since nobody can read
            them: it is said in the epoch's directory.
        mirror: prefix of an address where batches can be had as well, before the root.
        limits: of each fetch.
        finality: how sure the block must be in which an epoch was opened, before it is computed,
            and the one in which it was done, before it is left alone: `soft`, on a chain that is
            never re-organised; `safe`; or `hard`, for final.
    """

    routers: tuple[int, ...] = ()
    left_out: tuple[str, ...] = ()
    mirror: str | None = None
    limits: FetchLimits = FetchLimits()
    finality: Finality = "hard"
