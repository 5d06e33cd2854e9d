# SPDX-License-Identifier: Apache-2.0
"""Prints the router's tables of docs/performance.md."""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser, Namespace
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

from benchmarks.router import books, report, rounds, subjects
from benchmarks.router.processes import ROOT
from cortensor.errors import Error

LITELLM = ROOT / ".venv-bench" / "bin" / "litellm"
CONTRACTS = ROOT / ".venv-contracts" / "bin" / "python"


def main() -> int:
    """Measure what is asked for.

    Returns:
        0 if every target is met and every book is sound, else 1.
    """
    parser = ArgumentParser(prog="python -m benchmarks.router", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--delay-ms", type=float, default=0.0, help="of the fake server")
    parser.add_argument("--litellm", type=Path, default=LITELLM, help="its command")
    parser.add_argument("--contracts", default=str(CONTRACTS), help="Python with the contracts")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, report.BUSY])
    given = parser.parse_args()
    start = perf_counter()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        try:
            is_good = compare(given, Path(folder))
        except Error as error:
            sys.stderr.write(f"{error}\n")
            return 1
    say(f"{perf_counter() - start:.0f} s")
    return 0 if is_good else 1


def compare(given: Namespace, folder: Path) -> bool:
    """Measure router and LiteLLM in interleaved rounds; print; return whether all is well."""
    with ExitStack() as stack:
        enter = stack.enter_context
        chain = enter(subjects.chain(given.contracts, folder))
        direct = enter(subjects.backend(folder, given.delay_ms))
        found = [direct]
        if given.litellm.exists():
            found.append(enter(subjects.litellm(given.litellm, folder, direct.url)))
        else:
            say(f"without LiteLLM: there is no {given.litellm}; `make bench` makes it\n")
        with ExitStack() as running:
            routers = [
                running.enter_context(
                    subjects.router(
                        folder / mode, chain, direct.url, synchronous=mode, number=number
                    )
                )
                for number, mode in enumerate(("normal", "full"))
            ]
            normal, full = routers
            found += [
                normal.subject(report.ONE, 1),
                normal.subject(report.THREE, 3),
                full.subject(report.ONE_FULL, 1),
                full.subject(report.THREE_FULL, 3),
            ]
            samples = rounds.interleaved(
                found, given.at_once, rounds=given.rounds, seconds=given.seconds, say=progress
            )
            for each in routers:
                each.process.kill()
        peer = report.PEER if any(one.name == report.PEER for one in found) else None
        shown = rounds.medians(samples, report.DIRECT, peer)
        say("\n".join(report.table(shown)) + "\n")
        told = report.targets(shown)
        if told:
            say("\n".join(report.target_table(told)) + "\n")
        closed = [
            books.close(
                router,
                chain,
                sum(s.measured.count for s in samples if s.name in names),
            )
            for router, names in (
                (normal, {report.ONE, report.THREE}),
                (full, {report.ONE_FULL, report.THREE_FULL}),
            )
        ]
        for one in closed:
            say(report.book_line(one))
    is_clean = not any(one.failures for one in shown) and all(one.is_sound for one in closed)
    return is_clean and all(one.is_met for one in told)


def say(text: str) -> None:
    """Print."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def progress(text: str) -> None:
    """Tell whoever waits."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


sys.exit(main())
