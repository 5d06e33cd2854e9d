# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/performance.md, and which targets are met."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.router.books import Books
    from benchmarks.router.endurance import Held, Memory
    from benchmarks.router.rounds import Medians

HEADER = (
    "| at once | what | requests/s | p50 ms | p99 ms | added p50 | added p99 "
    "| CPU ms/request | RSS MiB | x LiteLLM |"
)
DIRECT, PEER = "direct", "LiteLLM"
ONE, THREE, KEYED = "1 replica", "3 replicas", "1 replica, idempotency keys"
ONE_FULL, THREE_FULL = "1 replica, forced to disk", "3 replicas, forced to disk"
BUSY = 16
TIMES_ONE, TIMES_THREE, ADDED_SHARE = 15.0, 5.0, 0.1


class Target(NamedTuple):
    """A promise of the issue: what was measured against its limit."""

    name: str
    limit: str
    value: str
    is_met: bool


def table(found: Sequence[Medians]) -> list[str]:
    """Return one Markdown row a subject and concurrency."""
    lines = [HEADER, "|---|---|---|---|---|---|---|---|---|---|"]
    for one in found:
        ratio = "-" if one.ratio is None else f"{one.ratio:.1f}"
        lines.append(
            f"| {one.concurrency} | {one.name} | {one.rps:,.0f} | {one.p50_ms:.2f} "
            f"| {one.p99_ms:.2f} | {one.added_p50_ms:.2f} | {one.added_p99_ms:.2f} "
            f"| {one.cpu_ms:.2f} | {one.rss_mib:.0f} | {ratio} |"
        )
    return lines


def targets(found: Sequence[Medians]) -> list[Target]:
    """Return the promises that these rows can tell of; none without the peer."""
    rows = {(one.name, one.concurrency): one for one in found}
    told = []
    for name, least in ((ONE, TIMES_ONE), (THREE, TIMES_THREE)):
        row = rows.get((name, BUSY))
        if row is not None and row.ratio is not None:
            what = f"{name}: requests/s against LiteLLM's single calls, {BUSY} at once"
            is_met = row.ratio >= least
            told.append(Target(what, f">= {least:.0f}x", f"{row.ratio:.1f}x", is_met))
    for level in sorted({one.concurrency for one in found}):
        ours, peer = rows.get((ONE, level)), rows.get((PEER, level))
        if ours is not None and peer is not None and peer.added_p50_ms > 0:
            share = ours.added_p50_ms / peer.added_p50_ms
            what = f"{ONE}: added p50 against LiteLLM's, {level} at once"
            told.append(Target(what, f"<= {ADDED_SHARE:.2f}", f"{share:.3f}", share <= ADDED_SHARE))
    return told


def target_table(found: Sequence[Target]) -> list[str]:
    """Return the promises as Markdown."""
    lines = ["| target | limit | measured | met |", "|---|---|---|---|"]
    for one in found:
        met = "yes" if one.is_met else "no"
        lines.append(f"| {one.name} | {one.limit} | {one.value} | {met} |")
    return lines


def book_line(one: Books) -> str:
    """Return what a router's books say after it was killed."""
    says = "sound" if one.is_sound else "NOT SOUND: " + "; ".join(one.violations)
    return (
        f"after kill -9: {one.answers:,} answers, {one.receipts:,} receipts, "
        f"{one.charged_wei} wei charged, {one.settled_wei} wei settled on chain: {says}"
    )


def memory(seen: Memory) -> list[str]:
    """Return how a router's memory went, as Markdown."""
    lines = ["| requests | RSS MiB |", "|---|---|"]
    step = seen.requests // len(seen.rss_mib)
    lines += [f"| {step * number:,} | {rss:.1f} |" for number, rss in enumerate(seen.rss_mib, 1)]
    flat = "flat" if seen.is_flat else "NOT FLAT"
    lines.append(f"\n{flat}: {seen.growth:+.1%} after warm-up; {seen.failures} failures")
    return lines


def held(found: Held) -> list[str]:
    """Return what became of slow requests."""
    word = "all answered" if found.is_whole else f"NOT ALL ANSWERED: {found.failures}"
    answered = f"{found.at_once:,} slow requests at once: {found.answers:,} answers"
    return [f"{answered}, p99 {found.p99_ms:,.0f} ms, {found.rss_mib:.0f} MiB: {word}"]
