# SPDX-License-Identifier: Apache-2.0
"""The service as a process that is killed like any other and begins at once.

Each is forked off a process that has imported everything: that takes longer than what the service
then does between two kills.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from cortensor.anvil.children import die_with_parent
from cortensor.errors import Unavailable

PATIENCE_S = 60

IMPORTED = ["pytest", "cortensor.cli", "cortensor.epochs.serving"]
"""Before the first fork: what a child of a test imports, and the command."""


class Forked:
    """A command of `python -m cortensor`, with what `Service` asks of a process.

    Args:
        arguments: the program, `-m`, the package, and what follows.
        env: its environment.

    Raises:
        Unavailable: it does not begin.
    """

    def __init__(self, arguments: Sequence[str], env: dict[str, str]) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(IMPORTED)
        with tempfile.TemporaryDirectory() as folder:
            pipe = Path(folder) / "stderr"
            os.mkfifo(pipe)
            # Open for both, so as not to wait for a process that failed.
            both = os.open(pipe, os.O_RDWR)
            self.stderr = pipe.open("rb")
            started = Path(folder) / "started"
            self._process = context.Process(
                target=_run, args=(list(arguments[3:]), dict(env), pipe, started), daemon=True
            )
            self._process.start()
            deadline = time.monotonic() + PATIENCE_S
            while not started.exists():
                if self._process.exitcode is not None or time.monotonic() > deadline:
                    raise Unavailable("a forked process does not begin")
                time.sleep(0.01)
            os.close(both)  # the log ends where the process does

    def poll(self) -> int | None:
        """Return how it ended; None while it runs."""
        return self._process.exitcode

    def kill(self) -> None:
        """Kill it."""
        self._process.kill()

    def wait(self) -> int | None:
        """Wait until it ended."""
        self._process.join()
        return self._process.exitcode


def _run(arguments: Sequence[str], env: dict[str, str], pipe: Path, started: Path) -> None:
    from cortensor.cli import main  # noqa: PLC0415 -- it was imported before the fork

    die_with_parent()  # which ends with the tests, however they end
    os.environ.clear()
    os.environ.update(env)
    os.dup2(os.open(pipe, os.O_WRONLY), 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    started.touch()
    main(list(arguments))
