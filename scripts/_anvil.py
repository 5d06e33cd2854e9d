# SPDX-License-Identifier: Apache-2.0
"""The project's own Anvil, for scripts, tests and benchmarks."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cortensor.anvil import process as anvil
from cortensor.anvil.process import HARDFORK

__all__ = ["HARDFORK", "ROOT", "Anvil", "anvil_binary", "run_anvil"]

ROOT = Path(__file__).resolve().parents[1]


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
    return anvil.anvil_binary(ROOT)


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
    with anvil.running_anvil(binary, chain_id, options) as started:
        yield Anvil(started.url, version, started.process)
