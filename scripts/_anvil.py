# SPDX-License-Identifier: Apache-2.0
"""One Anvil of our own: started on a free port, stopped on the way out, whatever happens."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cortensor.errors import Unavailable
from scripts._children import start_child, stop

ROOT = Path(__file__).resolve().parents[1]
HARDFORK = "cancun"
START_SECONDS = 20
POLL_SECONDS = 0.02
_LISTENING = "Listening on "


@dataclass(frozen=True)
class Anvil:
    """A running node.

    Attributes:
        url: its RPC.
        version: the first line of `anvil --version`.
        process: the process, for tests that kill it.
    """

    url: str
    version: str
    process: subprocess.Popen[bytes]


def anvil_binary() -> str:
    """Return the path of Anvil: the project's own, else the one on PATH.

    Raises:
        Unavailable: if there is none.
    """
    own = ROOT / "node_modules" / ".bin" / "anvil"
    found = str(own) if own.exists() else shutil.which("anvil")
    if found is None:
        raise Unavailable("not found: run `make env`", field="anvil")
    return found


@contextlib.contextmanager
def run_anvil(*, chain_id: int = 31337, options: Sequence[str] = ()) -> Iterator[Anvil]:
    """Start Anvil at the network's hard fork and yield it once it listens.

    Args:
        chain_id: the chain it pretends to be.
        options: further command line options.

    Raises:
        Unavailable: if it does not start.
    """
    binary = anvil_binary()
    version = subprocess.run(  # noqa: S603 -- our own binary, no shell
        [binary, "--version"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[0]
    command = [binary, "--port", "0", "--chain-id", str(chain_id), "--hardfork", HARDFORK, *options]
    # A file and not a pipe: nobody reads once the port is known, and a full pipe would stop Anvil.
    with tempfile.TemporaryFile("w+") as log:
        process = start_child(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield Anvil(url=_await_url(process, log), version=version, process=process)
        finally:
            stop(process)


def _await_url(process: subprocess.Popen[bytes], log: IO[str]) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        log.seek(0)
        lines = log.read().splitlines(keepends=True)
        for line in lines:
            if line.startswith(_LISTENING) and line.endswith("\n"):
                return "http://" + line.removeprefix(_LISTENING).strip()
        if process.poll() is not None:
            raise Unavailable("ended at once: " + "".join(lines[-3:]).strip(), field="anvil")
        time.sleep(POLL_SECONDS)
    raise Unavailable(f"did not start within {START_SECONDS} s", field="anvil")
