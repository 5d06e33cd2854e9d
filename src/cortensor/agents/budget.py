# SPDX-License-Identifier: Apache-2.0
"""How many paid validations an hour there may be. Pure."""

from __future__ import annotations

from collections import deque

HOUR_S = 3600.0


class HourlyBudget:
    """Counts what was begun in the last hour.

    Args:
        most: validations in any hour.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._times: deque[float] = deque()

    def note(self, at: float) -> None:
        """Count a validation that was begun at a time, unix seconds."""
        self._times.append(at)

    def give_back(self) -> None:
        """Take back the last one: it cost nothing."""
        if self._times:
            self._times.pop()

    def wait_s(self, now: float) -> float:
        """Return the seconds until another one may begin; 0 for now."""
        recent = sorted(at for at in self._times if at > now - HOUR_S)
        self._times = deque(recent)
        if len(recent) < self._most:
            return 0.0
        return recent[len(recent) - self._most] + HOUR_S - now
