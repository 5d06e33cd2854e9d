# SPDX-License-Identifier: Apache-2.0
"""One trial, in a process of its own: compile what changed, then run the tests until one fails."""

from __future__ import annotations

import importlib
import os
import resource
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools.mutate import compiled

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

KILLED = "killed"
SURVIVED = "survived"
#: Not counted: does not compile.
INVALID = "invalid"
#: Not counted: compiles to the same bytes, so nothing can tell it from the original.
SAME = "same"
#: The trial itself went wrong.
BROKEN = "broken"

_LENGTHS = {"fuzz": 1, "stateful": 2}
_OPTIONS = (
    *("-x", "-q", "-p", "no:ape_test", "-p", "no:cacheprovider", "--hypothesis-seed=0"),
    # The process has imported plug-ins before pytest could rewrite their asserts.
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)


@dataclass(frozen=True)
class Task:
    """What to try.

    Attributes:
        tree: A copy of the repository with the mutant in it.
        cache: Folder for compiled contracts, shared by all trials.
        contracts: Contracts that the mutant is part of.
        tests: Paths below the tree, in the order in which they run.
        codes: Their code without the mutant; empty for the original itself.
        cpu_seconds: The kernel ends the trial after so much; None for no limit. Not time by the
            clock: a busy machine must not kill a mutant.
        log: Where output goes.
    """

    tree: Path
    cache: Path
    contracts: tuple[str, ...]
    tests: tuple[str, ...]
    codes: dict[str, bytes]
    cpu_seconds: int | None
    log: Path


@dataclass(frozen=True)
class Result:
    """What came of it.

    Attributes:
        status: KILLED, SURVIVED, INVALID, SAME or BROKEN.
        detail: The test that failed, or the compiler's complaint.
        codes: Code of each contract.
        cpu_seconds: What it cost.
    """

    status: str
    detail: str = ""
    codes: dict[str, bytes] = field(default_factory=dict)
    cpu_seconds: float = 0.0


class _Plugin:
    """A plug-in of pytest that remembers which test failed, and looks for no second failure."""

    def __init__(self) -> None:
        self.name = ""

    def pytest_sessionstart(self) -> None:
        # One counterexample is enough; making it small takes longer than finding it. The profile is
        # chosen by now, and no test module is imported yet.
        hypothesis: Any = importlib.import_module("hypothesis")
        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        hypothesis.settings.register_profile("mutate", hypothesis.settings.default, phases=phases)
        hypothesis.settings.load_profile("mutate")

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        # The other way round than `tests/contracts/conftest.py`, which ran before this: a whole
        # run ends earlier with its longest tests first, a mutant dies earlier by the short ones.
        items.sort(key=_length)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and not self.name:
            self.name = report.nodeid

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed and not self.name:
            self.name = report.nodeid or "collection"


def _length(item: Any) -> int:
    """Orders a plain test before a property, and that before a state machine."""
    return max((_LENGTHS.get(mark.name, 0) for mark in item.iter_markers()), default=0)


def run(task: Task, answer: Connection) -> None:
    """Tries one mutant and sends the `Result`; meant as the target of a process.

    Args:
        task: What to try.
        answer: Where the result goes.
    """
    log = os.open(task.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(task.tree)
    if task.cpu_seconds is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (task.cpu_seconds, task.cpu_seconds + 5))
    for name in [name for name in os.environ if name.startswith("PYTEST_")]:
        del os.environ[name]
    # Test modules are compiled once a worker, and only in the check's own folder.
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(task.cache.with_name("bytecode"))
    # Before the environment's own entries: its `cortensor` is the working tree's.
    sys.path[:0] = [str(task.tree), str(task.tree / "src")]
    try:
        result = _try(task)
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent reports it
        result = Result(BROKEN, _first_line(error))
    answer.send(result)
    answer.close()


def _try(task: Task) -> Result:
    boa: Any = importlib.import_module("boa")
    compiled.share(boa, task.tree, task.cache)
    codes = {}
    for contract in task.contracts:
        try:
            deployer = boa.load_partial(str(task.tree / "contracts" / f"{contract}.vy"))
        except Exception as error:  # noqa: BLE001 - the compiler also fails in its own ways
            return Result(INVALID, _first_line(error))
        codes[contract] = code_of(deployer.compiler_data)
    if codes == task.codes:
        return Result(SAME)
    pytest = importlib.import_module("pytest")
    plugin = _Plugin()
    options = [*_OPTIONS, f"--rootdir={task.tree}", "-c", str(task.tree / "pyproject.toml")]
    code = int(pytest.main([*options, *task.tests], plugins=[plugin]))
    if code == 0:
        return Result(SURVIVED, "", codes, time.process_time())
    if plugin.name:
        return Result(KILLED, plugin.name)
    return Result(BROKEN, f"pytest ended with {code} and no failed test")


def code_of(data: Any) -> bytes:
    """Returns a contract's code: what it is deployed with, without the source's fingerprint.

    Args:
        data: Vyper's compiler data.

    Returns:
        The deployment code up to the metadata at its end, whose length is in its last two bytes.
    """
    code = bytes(data.bytecode)
    return code[: -int.from_bytes(code[-2:], "big")]


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"
