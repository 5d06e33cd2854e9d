# SPDX-License-Identifier: Apache-2.0
"""Runs trials side by side, each in a process forked from one that has imported everything."""

from __future__ import annotations

import multiprocessing
import signal
import time
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from tools.mutate import tree
from tools.mutate.suites import CannotRunError, suite_of
from tools.mutate.trial import BROKEN, INVALID, KILLED, SAME, SURVIVED, Result, Task, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tools.mutate.mutant import Mutant

#: Importing these takes longer than most trials; a fork has them at once.
_PRELOADED = ["boa", "boa.test.plugin", "hypothesis.stateful", "pytest", "xdist.plugin"]
_LEAST_CPU_SECONDS = 60
_TIMES_BASELINE = 3


@dataclass(frozen=True)
class Outcome:
    """What came of one mutant.

    Attributes:
        mutant: The mutant.
        result: The trial's result.
        seconds: How long it took.
    """

    mutant: Mutant
    result: Result
    seconds: float

    @property
    def counts(self) -> bool:
        """Whether there was anything to kill: it compiles, to other code than the original."""
        return self.result.status in {KILLED, SURVIVED}


class Runner:
    """A snapshot of a repository and one copy of it for each worker."""

    def __init__(
        self, root: Path, work: Path, suites: Mapping[str, tuple[str, ...]], workers: int
    ) -> None:
        """Copies the repository.

        Args:
            root: The repository root.
            work: An empty folder for everything that is written.
            suites: Contract -> tests, as `suites.SUITES`.
            workers: How many trials run at once.
        """
        self._work = work
        self._suites = suites
        self.snapshot = tree.copy(root, work / "snapshot")
        self._trees = [tree.copy(self.snapshot, work / f"tree-{n}") for n in range(workers)]
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(_PRELOADED)
        self._codes: dict[str, bytes] = {}
        self._cpu_seconds: int | None = None

    def baseline(self, contracts: Sequence[str]) -> float:
        """Runs the tests without a mutant.

        Args:
            contracts: Contracts whose tests are run.

        Returns:
            How many seconds it took.

        Raises:
            CannotRunError: If a test fails: then killing means nothing.
        """
        tests = suite_of(self.snapshot, contracts, self._suites)
        begun = time.monotonic()
        process, answer = self._start(self._trees[0], list(contracts), tests, {})
        result = _answer_of(process, answer)
        if result.status != SURVIVED:
            log = (self._trees[0] / "trial.log").read_text(encoding="utf-8", errors="replace")
            raise CannotRunError(
                f"the tests must pass before mutants mean anything: {result.detail}\n{log[-3000:]}"
            )
        self._codes = result.codes
        self._cpu_seconds = max(_LEAST_CPU_SECONDS, int(_TIMES_BASELINE * result.cpu_seconds))
        return time.monotonic() - begun

    def outcomes(
        self, mutants: Sequence[Mutant], users: Mapping[str, list[str]], limit: int | None
    ) -> Iterator[Outcome]:
        """Tries mutants in their order until enough of them counted.

        Which ones are tried does not depend on how long each takes: it is always the shortest run
        from the first on that has `limit` mutants which count.

        Args:
            mutants: In the order in which they are tried.
            users: File -> contracts that it is part of.
            limit: How many must count; None for all.

        Yields:
            Outcomes, as they come.
        """
        running: dict[Any, _Running] = {}
        try:
            yield from self._outcomes(list(reversed(mutants)), users, limit, running)
        finally:
            for trial in running.values():
                trial.process.kill()
                trial.process.join()

    def _outcomes(
        self,
        waiting: list[Mutant],
        users: Mapping[str, list[str]],
        limit: int | None,
        running: dict[Any, _Running],
    ) -> Iterator[Outcome]:
        """Does what `outcomes` says; `running` is the caller's, so that it can end what is left."""
        free = list(self._trees)
        counted = 0
        while True:
            while free and waiting and (limit is None or counted + len(running) < limit):
                mutant = waiting.pop()
                trial = self._begin(free.pop(), mutant, users[mutant.path])
                running[trial.process.sentinel] = trial
            if not running:
                return
            for key in wait(list(running)):
                trial = running.pop(key)
                outcome = self._end(trial)
                free.append(trial.tree)
                counted += outcome.counts
                yield outcome

    def _begin(self, copy: Path, mutant: Mutant, contracts: list[str]) -> _Running:
        source = (self.snapshot / mutant.path).read_text(encoding="ascii")
        (copy / mutant.path).write_text(mutant.apply(source), encoding="ascii")
        tests = suite_of(self.snapshot, contracts, self._suites)
        codes = {contract: self._codes[contract] for contract in contracts}
        process, answer = self._start(copy, contracts, tests, codes)
        return _Running(mutant, copy, process, answer, time.monotonic())

    def _end(self, trial: _Running) -> Outcome:
        result = _answer_of(trial.process, trial.answer)
        path = trial.mutant.path
        (trial.tree / path).write_bytes((self.snapshot / path).read_bytes())
        tree.forget_examples(trial.tree)
        if result.status == BROKEN:
            raise CannotRunError(f"{trial.mutant.id}: {result.detail}")
        return Outcome(trial.mutant, result, time.monotonic() - trial.begun)

    def _start(
        self, copy: Path, contracts: list[str], tests: list[str], codes: dict[str, bytes]
    ) -> tuple[Any, Any]:
        receiver, sender = self._context.Pipe(duplex=False)
        cache = self._work / "cache"
        log = copy / "trial.log"
        most = self._cpu_seconds
        task = Task(copy, cache, tuple(contracts), tuple(tests), codes, most, log)
        process = self._context.Process(target=run, args=(task, sender), daemon=True)
        process.start()
        sender.close()
        return process, receiver


@dataclass(frozen=True)
class _Running:
    mutant: Mutant
    tree: Path
    process: Any
    answer: Any
    begun: float


def _answer_of(process: Any, answer: Any) -> Result:
    """Waits for a trial's result; a process that died without one ran too long, or is broken."""
    try:
        result: Result | None = answer.recv()
    except EOFError:
        result = None
    process.join()
    answer.close()
    if result is not None:
        return result
    if process.exitcode == -signal.SIGXCPU:
        return Result(KILLED, "running for too long")
    return Result(BROKEN, f"the process of the trial died with {process.exitcode}")


__all__ = ["INVALID", "KILLED", "SAME", "SURVIVED", "Outcome", "Runner"]
