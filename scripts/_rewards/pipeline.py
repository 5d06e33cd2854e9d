# SPDX-License-Identifier: Apache-2.0
"""`cortensor rewards …` as processes of their own, to be killed like any other."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from cortensor.anvil.children import start_child
from cortensor.errors import Unavailable
from cortensor.store.records import Finality
from scripts._rewards.network import Network, hex_key

BEGINS = re.compile(r"epoch (\d+): (\w+) begins")
KEY, WATCH_KEY = "CORTENSOR_REWARDS_KEY", "CORTENSOR_WATCH_KEY"
FIRST_STEPS = ("fund", "open", "compute")
"""Steps of an epoch in their order, until somebody else posts a wrong root;"""
NEXT_STEPS = ("check", "post")
"""until one's own is posted;"""
LAST_STEPS = ("finalise", "runs", "pay", "moves", "sync")
"""until everybody is paid."""
STEPS = FIRST_STEPS + NEXT_STEPS + LAST_STEPS
SWEEP_STEPS = ("left", "expire", "sweep")
"""Steps of what is left of an epoch long after."""


class Child(Protocol):
    """What is asked of a process; see `subprocess.Popen`."""

    @property
    def stderr(self) -> IO[bytes] | None:
        """What it logs."""

    def poll(self) -> int | None:
        """Return how it ended; None while it runs."""

    def kill(self) -> None:
        """Kill it."""

    def wait(self) -> int | None:
        """Wait until it ended."""


def start_process(arguments: Sequence[str], env: dict[str, str]) -> Child:
    """Start a command whose log is read."""
    return start_child(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)


class Service:
    """`cortensor rewards serve`, killed once at the beginning of each step.

    Args:
        network: whose epochs.
        folder: of epochs.
        port: where its folder is served.
        log: takes its log.
        workflows: SQLAlchemy URL of DBOS; None for a file in the folder.
        database: PostgreSQL URL of signed transactions; None for a file.
        finality: how sure a block must be to be built on. A chain of one's own has a block where
            something is sent, and none after it that would make it surer.
        begin: starts the command.
        pays: whether it pays and sweeps.
        patience_s: the most that it may take until what one waits for.
    """

    def __init__(
        self,
        network: Network,
        folder: Path,
        port: int,
        log: Path,
        *,
        workflows: str | None = None,
        database: str | None = None,
        finality: Finality = "soft",
        begin: Callable[[Sequence[str], dict[str, str]], Child] = start_process,
        pays: bool = True,
        patience_s: float = 300,
    ) -> None:
        self.log = log
        self._patience_s = patience_s
        self._begin = begin
        self._arguments = [
            *_command("serve", network, finality),
            *("--folder", str(folder), "--port", str(port), "--poll", "0.2"),
            *(() if workflows is None else ("--workflows", workflows)),
            *(() if database is None else ("--database", database)),
            *(() if pays else ("--no-pay",)),
        ]
        self._environment = {**os.environ, KEY: hex_key(network.cast.proposer)}
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._process: Child | None = None
        self.killed: list[tuple[int, str]] = []

    def start(self) -> None:
        """Start it."""
        self._process = self._begin(self._arguments, self._environment)
        self._lines = queue.SimpleQueue()
        threading.Thread(
            target=_read, args=(self._process.stderr, self._lines), daemon=True
        ).start()

    def run_until(
        self,
        is_done: Callable[[], bool],
        kill_at: Sequence[tuple[int, str]] = (),
        seconds: float | None = None,
    ) -> None:
        """Let it run until something is so and it was killed at the first sight of each step.

        Args:
            is_done: looked at after each line and each second.
            kill_at: epochs and steps at whose beginning it is killed with SIGKILL, once each, and
                started again.
            seconds: the most that this may take, instead of `patience_s`.

        Raises:
            Unavailable: it took longer.
        """
        seconds = self._patience_s if seconds is None else seconds
        left, deadline = set(kill_at), time.monotonic() + seconds
        with self.log.open("ab") as log:
            # All may be done before the last step's line is read, which is killed all the same.
            while left or not is_done():
                if time.monotonic() > deadline:
                    raise Unavailable(f"the service took more than {seconds:.0f} s: {self.log}")
                if self._process is None:
                    self.start()
                for line in self._new_lines():
                    log.write(line)
                    log.flush()
                    found = BEGINS.search(line.decode(errors="replace"))
                    step = (int(found[1]), found[2]) if found else None
                    if step in left:
                        left.discard(step)
                        self.kill()
                        self.killed.append(step)
                        break
                if self._process is not None and self._process.poll() is not None:
                    raise Unavailable(f"the service ended by itself: {self.log}")

    def _new_lines(self) -> Iterator[bytes]:
        """Yield what it wrote, and wait a little if that is nothing."""
        with contextlib.suppress(queue.Empty):
            yield self._lines.get(timeout=0.2)
            while True:
                yield self._lines.get_nowait()

    def kill(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _read(stream: IO[bytes] | None, lines: queue.SimpleQueue[bytes]) -> None:
    for line in stream or ():
        lines.put(line)


def watch_once(network: Network, *, is_challenging: bool = True) -> dict[str, Any]:
    """Run `cortensor rewards watch --once` with an RPC and nothing of the proposer's."""
    key = {WATCH_KEY: hex_key(network.cast.watcher)} if is_challenging else {}
    done = _run([*_command("watch", network), "--once", "--json"], key)
    if done.returncode not in (0, 1):
        raise Unavailable(f"the watcher failed: {done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def verify(network: Network, folder: Path) -> dict[str, Any]:
    """Run `cortensor rewards verify` on an epoch's folder."""
    arguments = _command("verify", network)
    done = _run([*arguments[:5], str(folder), *arguments[5:], "--json"], {})
    if done.returncode != 0:
        raise Unavailable(f"{folder} does not verify: {done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def settle(config: Path, key: dict[str, str]) -> None:
    """Run `cortensor settle` beside a router.

    Raises:
        Unavailable: it failed, or the contract passed something over.
    """
    command = [sys.executable, "-m", "cortensor", "settle", "--config", str(config), "--json"]
    done = _run(command, key)
    batches = json.loads(done.stdout or "{}").get("batches", [])
    if done.returncode != 0 or not batches or any(batch["skipped"] for batch in batches):
        raise Unavailable(f"not everything was settled: {done.stdout}{done.stderr}")


def _command(name: str, network: Network, finality: Finality = "soft") -> list[str]:
    start = [sys.executable, "-m", "cortensor"]
    place = ["--rpc", network.chain.rpc_url, "--deployments", str(network.chain.records)]
    return [*start, "rewards", name, *place, "--allow-private", "--finality", finality]


def _run(arguments: list[str], keys: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 -- our own command
        arguments, env={**os.environ, **keys}, capture_output=True, text=True, check=False
    )
