# SPDX-License-Identifier: Apache-2.0
"""Child processes of the demo: each one dies with its parent, however the parent dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from cortensor.anvil.children import start_child, stop
from cortensor.errors import Unavailable


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
            self._process = start_child(
                self._arguments, stdout=subprocess.PIPE, stderr=out, env=self._environment
            )
        stdout = self._process.stdout
        line = stdout.readline() if stdout else b""
        if not line:
            self.stop()
            tail = self._log.read_text(errors="replace")[-2000:]
            raise Unavailable(f"the router did not start; its log ends:\n{tail}")
        self.url = str(json.loads(line)["url"])
        wait_until(self._is_ready, "the router", self._process, seconds)

    def kill(self) -> None:
        """Kill it as a power cut would: no clean-up, no last write."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End it politely, if it runs."""
        if self._process is not None:
            stop(self._process)

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"{self.url}/readyz", timeout=5):  # noqa: S310 -- our own child's URL
                return True  # any other status than 200 raises
        except (URLError, OSError):
            return False
