# SPDX-License-Identifier: Apache-2.0
"""The whole check on one repository: plan, baseline, trials, verdict."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tools.mutate.mutant import key_of
from tools.mutate.operators import mutants_of
from tools.mutate.runner import Outcome, Runner
from tools.mutate.sample import ordered
from tools.mutate.suites import SUITES, CannotRunError, users
from tools.mutate.verdict import Verdict, gone, read_argued

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.mutate.mutant import Mutant


@dataclass(frozen=True)
class Options:
    """What to try.

    Attributes:
        only: A contract (with all that it imports), a file of the repository, or the id of a
            mutant; None for all money contracts.
        limit: How many mutants must count; None for every mutant there is.
        seed: Selects the sample.
        workers: Trials at once.
    """

    only: str | None = None
    limit: int | None = 60
    seed: int = 1
    workers: int = 2


def mutants(
    root: Path, options: Options, suites: Mapping[str, tuple[str, ...]] = SUITES
) -> tuple[list[Mutant], dict[str, list[str]]]:
    """Lists the mutants that the options ask for, in the order in which they are tried.

    Args:
        root: The repository root.
        options: What to try.
        suites: Contract -> tests.

    Returns:
        Mutants, and which contracts each of their files is part of.

    Raises:
        CannotRunError: If a contract is missing, or nothing is asked for.
    """
    present = [name for name in suites if (root / f"contracts/{name}.vy").is_file()]
    # Somebody who names a file need not have all the others.
    contracts = users(root, suites if options.only is None else present)
    found = [
        mutant
        for path in contracts
        for mutant in mutants_of(path, (root / path).read_text(encoding="ascii"))
    ]
    if options.only is not None:
        found = [m for m in found if _is_meant(m, options.only, contracts[m.path])]
        if not found:
            raise CannotRunError(f"no mutant of {options.only}; --list shows what there is")
    paths = {mutant.path for mutant in found}
    return ordered(found, options.seed), {path: contracts[path] for path in sorted(paths)}


def check(
    root: Path,
    options: Options,
    argued_path: Path,
    suites: Mapping[str, tuple[str, ...]] = SUITES,
) -> Verdict:
    """Tries mutants and judges; says on the way what it does.

    Args:
        root: The repository root; read only.
        options: What to try.
        argued_path: The argued survivors.
        suites: Contract -> tests.

    Returns:
        The verdict.

    Raises:
        CannotRunError: If the tests fail without a mutant, or a trial goes wrong.
    """
    argued = read_argued(argued_path)
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        runner = Runner(root, Path(folder), suites, options.workers)
        # Read off the snapshot: what is edited meanwhile does not matter.
        chosen, contracts = mutants(runner.snapshot, options, suites)
        complete = chosen
        if options.only is not None:
            complete, _ = mutants(runner.snapshot, Options(), _present(runner.snapshot, suites))
        named = sorted({contract for names in contracts.values() for contract in names})
        print(f"{len(chosen)} mutants in {len(contracts)} files; baseline of {', '.join(named)}")
        print(f"baseline passed in {runner.baseline(named):.0f} s", flush=True)
        outcomes = []
        for outcome in runner.outcomes(chosen, contracts, options.limit):
            outcomes.append(outcome)
            print(_told(outcome), flush=True)
    return Verdict(outcomes, argued, gone(argued, complete))


def _present(root: Path, suites: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {name: row for name, row in suites.items() if (root / f"contracts/{name}.vy").is_file()}


def _is_meant(mutant: Mutant, only: str, contracts: list[str]) -> bool:
    if ":" in only:
        try:
            return mutant.key == key_of(only)
        except ValueError as error:
            raise CannotRunError(str(error)) from error
    return only == mutant.path or only in contracts


def _told(outcome: Outcome) -> str:
    result = outcome.result
    told = (
        f"{result.status:8} {outcome.seconds:6.1f} s  {outcome.mutant.id}  {outcome.mutant.change}"
    )
    return f"{told}  by {result.detail}" if result.detail else told
