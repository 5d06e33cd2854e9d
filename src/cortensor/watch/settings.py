# SPDX-License-Identifier: Apache-2.0
"""How a watcher is told to watch."""

from __future__ import annotations

from msgspec import Struct

from cortensor.watch.fetch import FetchLimits


class Settings(Struct, frozen=True):
    """A watcher's settings.

    Attributes:
        from_block: where to begin when nothing was seen yet.
        confirmations: how many blocks below the head are not looked at.
        routers: ids whose batches are checked; empty for all.
        patience_s: how long a missing leaf is waited for before it is demanded.
        max_task_s: how long work takes at most; a leaf that is priced at a surcharge which was
            replaced longer before is noted.
        max_deposits: how many of one's demands may be open at once; each has a deposit at risk.
        spot_check_bps: how many of 10,000 leaves whose session has a key, and which are published
            without its request signature, are demanded.
        spot_check_budget_wei: the most of deposits that such demands put at risk in a day.
        mirror: prefix of an address where batches can be had as well, before the root.
        max_fetches: batches tried again in a pass; those never tried are all tried.
        is_dry: only report.
        cor_wei_per_coin: wei of COR that one gas coin is worth, to leave challenges that do not
            pay; None sends all.
        limits: of each fetch.
    """

    from_block: int = 0
    confirmations: int = 5
    routers: tuple[int, ...] = ()
    patience_s: int = 3600
    max_task_s: int = 3600
    max_deposits: int = 4
    spot_check_bps: int = 0
    spot_check_budget_wei: int = 100 * 10**18
    mirror: str | None = None
    max_fetches: int = 64
    is_dry: bool = False
    cor_wei_per_coin: int | None = None
    limits: FetchLimits = FetchLimits()
