# SPDX-License-Identifier: Apache-2.0
"""Changes the money contracts a little, one change at a time, and lets the tests find it.

Exit code 0: at least 90 % killed and every survivor argued; 1: not so; 2: the check cannot run.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tools.findings import ROOT
from tools.mutate.check import Options, check, mutants
from tools.mutate.suites import SUITES, CannotRunError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ARGUED = Path(__file__).with_name("argued.toml")


def main(
    arguments: Sequence[str] | None = None,
    root: Path = ROOT,
    argued: Path = ARGUED,
    suites: Mapping[str, tuple[str, ...]] = SUITES,
) -> int:
    """Runs the check.

    Args:
        arguments: The command line; None for the process's own.
        root: The repository root.
        argued: The argued survivors.
        suites: Contract -> tests.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.mutate", description=__doc__)
    parser.add_argument("--only", metavar="WHAT", help="a contract, a path or a mutant's id")
    parser.add_argument("--limit", type=_positive, default=Options.limit, help="mutants to count")
    parser.add_argument("--all", action="store_true", help="every mutant; takes hours")
    parser.add_argument("--seed", type=int, default=Options.seed, help="selects the sample")
    parser.add_argument("--workers", type=_positive, default=Options.workers)
    parser.add_argument("--list", action="store_true", help="list mutants, in order; try none")
    given = parser.parse_args(arguments)
    limit = None if given.all else given.limit
    options = Options(given.only, limit, given.seed, given.workers)
    try:
        if given.list:
            for mutant in mutants(root, options, suites)[0][:limit]:
                print(f"{mutant.id}  {mutant.change}")
            return 0
        verdict = check(root, options, argued, suites)
    except CannotRunError as error:
        print(error, file=sys.stderr)
        return 2
    print()
    for line in verdict.lines():
        print(line)
    complaints = verdict.complaints()
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
