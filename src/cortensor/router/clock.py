# SPDX-License-Identifier: Apache-2.0
"""The system's clock as the router's port."""

from __future__ import annotations

import time


class SystemClock:
    """Wall time for receipts, monotonic time for deadlines."""

    def unix(self) -> int:
        """Return unix seconds."""
        return int(time.time())

    def monotonic(self) -> float:
        """Return seconds of a clock that never goes back."""
        return time.monotonic()
