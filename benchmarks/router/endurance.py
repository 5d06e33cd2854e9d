# SPDX-License-Identifier: Apache-2.0
"""Memory over many requests, and many slow requests at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from benchmarks.router import processes, rounds

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.router.subjects import Subject

PARTS = 20
WARM_PARTS = 2
FLAT = 0.05
BUSY = 16


class Memory(Struct, frozen=True, kw_only=True):
    """Resident MiB of a router after each twentieth of a run; the first tenth is warm-up."""

    requests: int
    rss_mib: list[float]
    failures: int

    @property
    def growth(self) -> float:
        """Share by which it grew (or shrank) from the end of the warm-up to the end."""
        return self.rss_mib[-1] / self.rss_mib[WARM_PARTS - 1] - 1

    @property
    def is_flat(self) -> bool:
        """Whether it neither grew nor shrank by more than a twentieth, and nothing failed."""
        return abs(self.growth) <= FLAT and self.failures == 0


class Held(Struct, frozen=True, kw_only=True):
    """Slow requests that a router held at once."""

    at_once: int
    answers: int
    failures: dict[str, int]
    p99_ms: float
    rss_mib: float

    @property
    def is_whole(self) -> bool:
        """Whether all of them were answered."""
        return self.answers == self.at_once and not self.failures


def memory(subject: Subject, requests: int, say: Callable[[str], None]) -> Memory:
    """Send many requests, sixteen at a time, and watch the router's memory."""
    seen, failures, done = [], 0, 0
    for part in range(1, PARTS + 1):
        measured = rounds.load(subject.order(BUSY, requests=requests // PARTS))
        done += measured.count
        failures += sum(measured.failures.values())
        seen.append(processes.used(subject.pid).rss_mib)
        say(f"{part} of {PARTS}: {seen[-1]:.1f} MiB, {measured.rps:.0f} requests/s")
    return Memory(requests=done, rss_mib=seen, failures=failures)


def hold(subject: Subject, at_once: int) -> Held:
    """Send so many requests at once, each of which takes as long as the fake server's delay."""
    measured = rounds.load(subject.order(at_once, requests=at_once))
    return Held(
        at_once=at_once,
        answers=measured.count,
        failures=measured.failures,
        p99_ms=measured.p99_ms,
        rss_mib=processes.used(subject.pid).rss_mib,
    )
