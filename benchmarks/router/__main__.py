# SPDX-License-Identifier: Apache-2.0
"""Prints the router's tables of docs/performance.md."""

from __future__ import annotations

import resource
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.router import books, endurance, report, rounds, subjects
from benchmarks.router.processes import ROOT
from cortensor.errors import Error

if TYPE_CHECKING:
    from benchmarks.router.rounds import Sample
    from benchmarks.router.subjects import Chain, Router

LITELLM = ROOT / ".venv-bench" / "bin" / "litellm"
CONTRACTS = ROOT / ".venv-contracts" / "bin" / "python"
HOLD_DELAY_MS = 5_000.0
NAMES = {"normal": (report.ONE, report.THREE), "full": (report.ONE_FULL, report.THREE_FULL)}
"""What the rows of a router are called, for one and for three replicas, by its `synchronous`; the
first router has one more."""


def main() -> int:
    """Measure what is asked for.

    Returns:
        0 if every target is met and every book is sound, else 1.
    """
    parser = ArgumentParser(prog="python -m benchmarks.router", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--delay-ms", type=float, default=0.0, help="of the fake server")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, report.BUSY])
    parser.add_argument("--memory", type=int, metavar="REQUESTS", help="watch memory instead")
    parser.add_argument("--hold", type=int, metavar="REQUESTS", help="hold slow ones instead")
    parser.add_argument("--litellm", type=Path, default=LITELLM, help="its command")
    parser.add_argument("--contracts", default=str(CONTRACTS), help="Python with the contracts")
    given = parser.parse_args()
    _open_many_files()
    start = perf_counter()
    measure = compare if given.memory is None and given.hold is None else endure
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        try:
            is_good = measure(given, Path(folder))
        except Error as error:
            sys.stderr.write(f"{error}\n")
            return 1
    say(f"{perf_counter() - start:.0f} s")
    return 0 if is_good else 1


def compare(given: Namespace, folder: Path) -> bool:
    """Measure router and LiteLLM in interleaved rounds; print; return whether all is well."""
    with ExitStack() as stack:
        chain = stack.enter_context(subjects.chain(given.contracts, folder))
        direct = stack.enter_context(subjects.backend(folder, given.delay_ms))
        found = [direct]
        if given.litellm.exists():
            found.append(stack.enter_context(subjects.litellm(given.litellm, folder, direct.url)))
        else:
            say(f"without LiteLLM: there is no {given.litellm}; `make bench` makes it\n")
        with ExitStack() as running:
            routers = [
                running.enter_context(
                    subjects.router(
                        folder / mode, chain, direct.url, synchronous=mode, number=number
                    )
                )
                for number, mode in enumerate(NAMES)
            ]
            for router, (one, three) in zip(routers, NAMES.values(), strict=True):
                found += [router.subject(one, 1), router.subject(three, 3)]
            found.append(routers[0].subject(report.KEYED, 1, has_keys=True))
            samples = rounds.interleaved(
                found, given.at_once, rounds=given.rounds, seconds=given.seconds, say=progress
            )
            for router in routers:
                router.process.kill()
        peer = report.PEER if given.litellm.exists() else None
        shown = rounds.medians(samples, report.DIRECT, peer)
        told = report.targets(shown)
        say("\n".join(report.table(shown)) + "\n")
        if told:
            say("\n".join(report.target_table(told)) + "\n")
        are_sound = [
            _closes(router, chain, _answers(samples, names))
            for router, names in zip(routers, NAMES.values(), strict=True)
        ]
    is_clean = all(are_sound) and not any(one.failures for one in shown)
    return is_clean and all(one.is_met for one in told)


def endure(given: Namespace, folder: Path) -> bool:
    """Watch memory over many requests, or hold slow ones; print; return whether all is well."""
    delay_ms = given.delay_ms
    if given.hold is not None and not delay_ms:
        delay_ms = HOLD_DELAY_MS
    with ExitStack() as stack:
        chain = stack.enter_context(subjects.chain(given.contracts, folder))
        direct = stack.enter_context(subjects.backend(folder, delay_ms))
        with subjects.router(
            folder / "normal", chain, direct.url, synchronous="normal", number=0
        ) as router:
            subject = router.subject(report.ONE, 1, has_keys=True)
            if given.hold is not None:
                held = endurance.hold(subject, given.hold)
                lines, answers, is_good = report.held(held), held.answers, held.is_whole
            else:
                seen = endurance.memory(subject, given.memory, progress)
                lines, answers, is_good = report.memory(seen), seen.requests, seen.is_flat
            router.process.kill()
        say("\n".join(lines) + "\n")
        return _closes(router, chain, answers) and is_good


def _answers(samples: list[Sample], names: tuple[str, str]) -> int:
    mine = {*names, report.KEYED} if report.ONE in names else {*names}
    return sum(sample.measured.count for sample in samples if sample.name in mine)


def _closes(router: Router, chain: Chain, answers: int) -> bool:
    closed = books.close(router, chain, answers)
    say(report.book_line(closed))
    return closed.is_sound


def _open_many_files() -> None:
    """As an operator would: each waiting request takes two connections."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def say(text: str) -> None:
    """Print."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def progress(text: str) -> None:
    """Tell whoever waits."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
