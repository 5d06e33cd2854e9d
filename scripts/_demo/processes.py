# SPDX-License-Identifier: Apache-2.0
"""Child processes of the demo: each one dies with its parent, however the parent dies."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO
from urllib.error import URLError
from urllib.request import urlopen

from cortensor.errors import Unavailable

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends (Linux only; elsewhere a no-op)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def stop(process: subprocess.Popen[bytes], seconds: float = 10) -> None:
    """End a process: politely, then for good."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(
    ready: Callable[[], bool], what: str, alive: subprocess.Popen[bytes], seconds: float
) -> None:
    """Wait for a child to be ready.

    Raises:
        Unavailable: it ended or took too long.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if alive.poll() is not None:
            raise Unavailable(f"{what} ended with code {alive.returncode} before it was ready")
        if time.monotonic() > deadline:
            raise Unavailable(f"{what} was not ready after {seconds:.0f} s")
        time.sleep(0.05)


class Router:
    """The router in a process of its own.

    Args:
        config: its TOML file.
        environment: variables added to this process's, such as the signer's key.
        log: where its log goes; the next run after a kill appends.
    """

    def __init__(self, config: Path, environment: dict[str, str], log: Path) -> None:
        self._arguments = [sys.executable, "-m", "cortensor", "router", "--config", str(config)]
        self._environment = {**os.environ, **environment}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self, seconds: float = 120) -> None:
        """Start it and wait for its ready line.

        Raises:
            Unavailable: it ended or took too long; the message shows the end of its log.
        """
        with self._log.open("ab") as out:
            self._process = _start(self._arguments, subprocess.PIPE, out, self._environment)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            tail = self._log.read_text(errors="replace")[-2000:]
            raise Unavailable(f"the router did not start; its log ends:\n{tail}")
        self.url = str(json.loads(line)["url"])
        wait_until(self._is_ready, "the router", self._process, seconds)

    def kill(self) -> None:
        """Kill it as a power cut would: no clean-up, no last write."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it politely, if it runs."""
        if self._process is not None:
            stop(self._process)

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"{self.url}/readyz", timeout=5) as reply:  # noqa: S310
                return reply.status == 200
        except (URLError, OSError):
            return False


def _start(
    arguments: list[str],
    out: int | IO[bytes],
    err: IO[bytes],
    environment: dict[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        env=environment,
        # Ctrl-C in the terminal reaches the demo alone, which then ends its children in order.
        start_new_session=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - nothing else runs threads at this point
    )
