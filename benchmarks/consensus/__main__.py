# SPDX-License-Identifier: Apache-2.0
"""Prints the tables of docs/performance.md."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from benchmarks.consensus import report, scores
from benchmarks.consensus.votes import datasets

VOTES = Path("../shared/data/votes")
DRAWS = 20


def main() -> int:
    """Run it all.

    Returns:
        0 if every target is met, 1 if not; 0 if there are no votes to measure on.
    """
    parser = ArgumentParser(prog="python -m benchmarks.consensus", description=__doc__)
    parser.add_argument("--data", type=Path, default=VOTES, help="folder of *.csv.gz vote files")
    parser.add_argument("--held-out", type=Path, help="folder with further items, used as test")
    parser.add_argument("--draws", type=int, default=DRAWS, help="rounds drawn for each item")
    parser.add_argument("--gold", type=int, help="use only so many history items")
    parser.add_argument("--only", default="", help="only sets whose name holds this text")
    given = parser.parse_args()
    if not any(given.data.glob("*.csv.gz")):
        say(f"skipped: no vote files in {given.data}; name their folder with --data")
        return 0
    start = perf_counter()
    sets = [
        replace(one, history=one.history[: given.gold])
        for one in datasets(given.data, given.held_out)
        if given.only in one.name
    ]
    verdicts = [report.measure(one, given.draws) for one in sets if one.is_binary]
    numeric = [scores.measure(one, given.draws) for one in sets if not one.is_binary]
    say(f"{given.draws} draws of each test item; cells are accuracy/ECE/Brier\n")
    if verdicts:
        for table in (report.table, report.liars, report.savings, report.targets):
            say("\n".join(table(verdicts)) + "\n")
        say("\n".join(f"{one.name}: {one.facts}" for one in verdicts) + "\n")
    if numeric:
        say("\n".join(scores.table(numeric)) + "\n")
    missed = [name for one in verdicts for name, _, _, met in one.targets() if not met]
    say(f"{len(missed)} targets missed; {perf_counter() - start:.0f} s")
    return 1 if missed else 0


def say(text: str) -> None:
    """Print."""
    sys.stdout.write(text + "\n")


sys.exit(main())
