# SPDX-License-Identifier: Apache-2.0
"""Requests a minute, by token bucket: a key may use a minute's worth at once, then its rate.

Buckets are in memory, each router's own. Routers that share a database share a key's rate: each
allows its part of it, by how many live. Budgets are exact, because they are in the ledger.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING

from cortensor.router.problems import RateLimited

if TYPE_CHECKING:
    from collections.abc import Callable

    from cortensor.router.ports import Clock

MINUTE_S = 60.0
BUCKETS = 4096


class RateLimits:
    """The buckets, a bounded number: the one that is longest unused goes first.

    Args:
        clock: monotonic time.
        routers: says how many routers share the rates, this one included.
    """

    def __init__(self, clock: Clock, routers: Callable[[], int] = lambda: 1) -> None:
        self._clock = clock
        self._routers = routers
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, per_minute: int) -> None:
        """Count a request.

        Raises:
            RateLimited: there are too many; says when the next is welcome.
        """
        now = self._clock.monotonic()
        rate = per_minute / self._routers()
        most = max(1.0, rate)  # less would never allow a request
        left, at = self._buckets.pop(name, (most, now))
        left = min(most, left + (now - at) * rate / MINUTE_S)
        is_allowed = left >= 1
        self._buckets[name] = (left - 1 if is_allowed else left, now)
        if len(self._buckets) > BUCKETS:
            self._buckets.popitem(last=False)
        if not is_allowed:
            raise RateLimited(per_minute, math.ceil((1 - left) * MINUTE_S / rate))
