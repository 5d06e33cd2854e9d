# SPDX-License-Identifier: Apache-2.0
"""How a compute session did lately: latency, failures and speed, where what is old counts less.

Each call's weight halves every half-life, so a session that was slow an hour ago is judged by the
last minutes, and one that nobody asks is forgotten. Memory does not grow with calls.
"""

from __future__ import annotations

from collections import deque

from msgspec import Struct

KEPT = 128
"""Latencies kept for percentiles."""
FEW = 8
"""Below this many recent latencies there is no percentile."""
FORGOTTEN = 4
"""Half-lives after which a latency is out of the percentiles."""
LITTLE = 0.01
"""Weight below which nothing is known."""


class Lately(Struct, frozen=True, kw_only=True):
    """A session's statistics at a moment.

    Attributes:
        calls: calls, each by its weight.
        failure_rate: share of them that failed, 0 to 1; None if none is known.
        latency_ms: mean of the answers, None without one.
        p95_ms: 95th percentile of recent answers, None where they are few.
        output_units_per_s: tokens a second while answering, None without an answer.
        output_units: mean tokens of an answer, None without one.
        input_share: mean of prompt tokens to the bound they are priced at, None without one.
    """

    calls: float
    failure_rate: float | None
    latency_ms: float | None
    p95_ms: float | None
    output_units_per_s: float | None
    output_units: float | None
    input_share: float | None


class SessionStats:
    """Decayed sums of one session. Times are seconds of a monotonic clock.

    Args:
        half_life_s: after how long a call counts half.
    """

    def __init__(self, half_life_s: float) -> None:
        self._half_life_s = half_life_s
        self._at = 0.0
        self._calls = self._failed = 0.0
        self._answers = self._seconds = self._units = self._shares = 0.0
        self._recent: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self.last_at: float | None = None

    def answered(
        self, now: float, seconds: float, output_units: int = 0, input_share: float = 1.0
    ) -> None:
        """Note an answer that took some seconds."""
        self._age(now)
        self._calls += 1
        self._answers += 1
        self._seconds += seconds
        self._units += output_units
        self._shares += input_share
        self._recent.append((now, seconds))

    def failed(self, now: float) -> None:
        """Note a failure."""
        self._age(now)
        self._calls += 1
        self._failed += 1

    def outrun(self, now: float, seconds: float) -> None:
        """Note a call that was cancelled after some seconds: it would have taken longer."""
        self._recent.append((now, seconds))

    def p95_s(self, now: float) -> float | None:
        """Return the 95th percentile of recent answers in seconds, None where they are few."""
        oldest = now - FORGOTTEN * self._half_life_s
        while self._recent and self._recent[0][0] < oldest:
            self._recent.popleft()
        return self.recent_p95_s()

    def recent_p95_s(self) -> float | None:
        """Return the same as of the last call."""
        if len(self._recent) < FEW:
            return None
        ordered = sorted(seconds for _, seconds in self._recent)
        return ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]

    def mean_s(self) -> float | None:
        """Return the mean seconds of an answer."""
        return self._seconds / self._answers if self._answers > LITTLE else None

    def usual_output(self) -> float | None:
        """Return the mean tokens of an answer."""
        return self._units / self._answers if self._answers > LITTLE else None

    def usual_input_share(self) -> float | None:
        """Return the mean of prompt tokens to the bound they are priced at."""
        return self._shares / self._answers if self._answers > LITTLE else None

    def lately(self, now: float) -> Lately:
        """Return the statistics now."""
        kept = self._kept(now)
        mean, p95 = self.mean_s(), self.p95_s(now)
        return Lately(
            calls=self._calls * kept,
            failure_rate=self._failed / self._calls if self._calls > LITTLE else None,
            latency_ms=None if mean is None else mean * 1000,
            p95_ms=None if p95 is None else p95 * 1000,
            output_units_per_s=self._units / self._seconds if self._seconds > 0 else None,
            output_units=self.usual_output(),
            input_share=self.usual_input_share(),
        )

    def _kept(self, now: float) -> float:
        return float(2 ** (-max(0.0, now - self._at) / self._half_life_s))

    def _age(self, now: float) -> None:
        kept = self._kept(now)
        self._calls *= kept
        self._failed *= kept
        self._answers *= kept
        self._seconds *= kept
        self._units *= kept
        self._shares *= kept
        self._at = self.last_at = now
