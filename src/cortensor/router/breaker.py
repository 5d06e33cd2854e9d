# SPDX-License-Identifier: Apache-2.0
"""The circuit breaker of a compute session: after failures in a row it is left alone for a while.

closed -> open after `failures` failures in a row, or at once when the backend says when to come
back (Retry-After). open -> half open when its time is over: one trial, and no second before that
ends. A trial that succeeds closes it; one that fails opens it for twice as long, up to a cap.
Every failure counts, also those of work that was under way when it opened.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable

    State = Literal["closed", "half_open", "open"]

JITTER = 0.2
"""So that sessions which broke together do not all come back in the same second."""
DOUBLINGS = 32


class BreakerRules(Struct, frozen=True, kw_only=True):
    """Failures in a row that open it; seconds of the first opening, and of the longest."""

    failures: int
    first_s: float
    longest_s: float


class Breaker:
    """One session's breaker. Times are seconds of a monotonic clock.

    Args:
        rules: when it opens, and for how long.
        chance: a number from 0 to 1 at each call; for the jitter.
    """

    def __init__(self, rules: BreakerRules, chance: Callable[[], float] = random.random) -> None:
        self._rules = rules
        self._chance = chance
        self._openings = 0
        self._until = 0.0
        self._trial: object | None = None
        self.failures = 0

    def state(self, now: float) -> State:
        """Return the state at a time."""
        if not self._openings:
            return "closed"
        return "half_open" if now >= self._until else "open"

    def is_free(self, now: float) -> bool:
        """Return whether a call would be let through now."""
        state = self.state(now)
        return state == "closed" or (state == "half_open" and self._trial is None)

    def admit(self, now: float) -> object | None:
        """Return a pass for a call, None for none; the one let through half open is the trial.

        Each call that is let through gives its pass back (`ended`), whatever else it has to say.
        """
        if not self.is_free(now):
            return None
        passed = object()
        if self.state(now) == "half_open":
            self._trial = passed
        return passed

    def ended(self, passed: object | None) -> None:
        """Take a call's pass back, if it had one. If it has said nothing else, it was cancelled."""
        if self._trial is passed:
            self._trial = None

    def succeeded(self) -> None:
        """Note an answer."""
        self.failures = 0
        self._openings = 0
        self._until = 0.0

    def failed(self, now: float, retry_after_s: float | None = None) -> None:
        """Note a failure; `retry_after_s` is what the backend said, if it did."""
        self.failures += 1
        state = self.state(now)
        if state == "half_open" or (
            state == "closed" and (self.failures >= self._rules.failures or retry_after_s)
        ):
            self._openings += 1
        if self._openings:
            self._until = max(self._until, now + self._window(retry_after_s or 0.0))

    def opens_in(self, now: float) -> float | None:
        """Return after how many seconds a trial is due; None while closed."""
        return max(0.0, self._until - now) if self._openings else None

    def _window(self, retry_after_s: float) -> float:
        rules = self._rules
        grown = rules.first_s * (1 << min(self._openings - 1, DOUBLINGS))
        longest = min(rules.longest_s, max(grown, retry_after_s))
        jitter = longest * JITTER * self._chance()
        # Never before the time that the backend named.
        return longest + jitter if retry_after_s >= grown else longest - jitter
