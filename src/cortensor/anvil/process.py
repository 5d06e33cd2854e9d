# SPDX-License-Identifier: Apache-2.0
"""One Anvil of our own: started on a free port, stopped on the way out, whatever happens."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
from typing import IO, TYPE_CHECKING, NamedTuple

from cortensor.anvil.children import start_child, stop
from cortensor.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

HARDFORK = "cancun"
"""Later ones have a floor on calldata (EIP-7623) that Arbitrum has not."""

START_SECONDS = 20
POLL_SECONDS = 0.02
_LISTENING = "Listening on "


class Running(NamedTuple):
    """A node that listens: its RPC and its process."""

    url: str
    process: subprocess.Popen[bytes]


def anvil_binary(root: Path) -> str:
    """Return the path of Anvil: a project's own, else the one on PATH.

    Args:
        root: the project's folder.

    Raises:
        Unavailable: if there is none.
    """
    own = root / "node_modules" / ".bin" / "anvil"
    found = str(own) if own.exists() else shutil.which("anvil")
    if found is None:
        raise Unavailable("not found: run `make env`, or put it on PATH", field="anvil")
    return found


@contextlib.contextmanager
def running_anvil(binary: str, chain_id: int, options: Sequence[str] = ()) -> Iterator[Running]:
    """Start Anvil at the network's hard fork and yield it once it listens.

    Args:
        binary: its path.
        chain_id: the chain it pretends to be.
        options: further command line options.

    Raises:
        Unavailable: if it does not start.
    """
    command = [binary, "--port", "0", "--chain-id", str(chain_id), "--hardfork", HARDFORK, *options]
    # A file and not a pipe: nobody reads once the port is known, and a full pipe would stop Anvil.
    # Old states go where they are cleared away: Anvil leaves a gigabyte in ~/.foundry when killed.
    with tempfile.TemporaryFile("w+") as log, tempfile.TemporaryDirectory("-anvil") as states:
        command = [*command, "--cache-path", states]
        process = start_child(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield Running(_await_url(process, log), process)
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
