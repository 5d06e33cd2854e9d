# SPDX-License-Identifier: Apache-2.0
"""Interleaved rounds: every subject in every round, so that noise of the machine hits all alike."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from benchmarks.router import processes
from benchmarks.router.load import Measured

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.router.load import Order
    from benchmarks.router.subjects import Subject

LOAD = "benchmarks.router.load"


class Sample(Struct, frozen=True):
    """One subject in one round at one concurrency."""

    name: str
    concurrency: int
    round: int
    measured: Measured
    cpu_ms: float
    rss_mib: float


def load(order: Order) -> Measured:
    """Run the load generator."""
    done = processes.run_json(LOAD, msgspec.json.encode(order))
    return msgspec.json.decode(done, type=Measured)


def measure(subject: Subject, concurrency: int, seconds: float, number: int) -> Sample:
    """Load one subject and see what its process took."""
    before = processes.used(subject.pid)
    measured = load(subject.order(concurrency, seconds=seconds))
    after = processes.used(subject.pid)
    cpu_ms = (after.cpu_s - before.cpu_s) * 1000 / max(1, measured.count)
    return Sample(subject.name, concurrency, number, measured, cpu_ms, after.rss_mib)


def interleaved(
    subjects: Sequence[Subject],
    levels: Sequence[int],
    *,
    rounds: int,
    seconds: float,
    say: Callable[[str], None],
) -> list[Sample]:
    """Measure all subjects at all levels, `rounds` times, each round beginning with another one."""
    for subject in subjects:
        load(subject.order(max(levels), seconds=min(1.0, seconds)))  # warm-up
    samples = []
    for number in range(rounds):
        turn = number % len(subjects)
        for level in levels:
            samples += [
                measure(subject, level, seconds, number)
                for subject in [*subjects[turn:], *subjects[:turn]]
            ]
        say(f"round {number + 1} of {rounds} done")
    return samples


class Medians(Struct, frozen=True, kw_only=True):
    """One subject at one concurrency, medians over the rounds.

    `added_*` are against the direct call of the same round, `ratio` is requests per second against
    the peer's of the same round; None without one.
    """

    name: str
    concurrency: int
    rps: float
    p50_ms: float
    p99_ms: float
    added_p50_ms: float
    added_p99_ms: float
    cpu_ms: float
    rss_mib: float
    load_cpu: float
    ratio: float | None
    failures: int


def medians(samples: Sequence[Sample], direct: str, peer: str | None) -> list[Medians]:
    """Summarise samples; order is that of first appearance.

    Args:
        samples: all of a run.
        direct: name of the subject that latencies are compared with.
        peer: name of the subject that throughput is compared with.
    """
    by_place = {(s.name, s.concurrency, s.round): s for s in samples}
    places = list(dict.fromkeys((s.concurrency, s.name) for s in samples))
    found = []
    for level, name in places:
        mine = [s for s in samples if (s.name, s.concurrency) == (name, level)]
        base = [by_place[direct, level, s.round].measured for s in mine]
        against = [by_place[peer, level, s.round].measured.rps for s in mine] if peer else []
        ratios = [s.measured.rps / rps for s, rps in zip(mine, against, strict=False) if rps]
        found.append(
            Medians(
                name=name,
                concurrency=level,
                rps=median(s.measured.rps for s in mine),
                p50_ms=median(s.measured.p50_ms for s in mine),
                p99_ms=median(s.measured.p99_ms for s in mine),
                added_p50_ms=median(
                    s.measured.p50_ms - b.p50_ms for s, b in zip(mine, base, strict=True)
                ),
                added_p99_ms=median(
                    s.measured.p99_ms - b.p99_ms for s, b in zip(mine, base, strict=True)
                ),
                cpu_ms=median(s.cpu_ms for s in mine),
                rss_mib=median(s.rss_mib for s in mine),
                load_cpu=median(s.measured.load_cpu for s in mine),
                ratio=median(ratios) if ratios else None,
                failures=sum(sum(s.measured.failures.values()) for s in mine),
            )
        )
    return found
