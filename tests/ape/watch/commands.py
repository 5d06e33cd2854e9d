# SPDX-License-Identifier: Apache-2.0
"""`cortensor watch` and `cortensor demand` in processes of their own, as their users run them."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from tests.ape.watch.world import Session, World, hex_key

TIMEOUT_S = 120
POLL_S = 0.05


def cortensor(world: World, command: str, *arguments: object, key=None, variable: str):
    """Return the command line and environment of a command on the world's chain."""
    place = ["--rpc", world.money.url, "--deployments", world.money.records, "--json"]
    line = [sys.executable, "-m", "cortensor", command, *map(str, [*arguments, *place])]
    environment = {"PATH": "/usr/bin:/bin"}
    if key is not None:
        environment[variable] = hex_key(key)
    return line, environment


class Watcher:
    """A watcher with a state of its own.

    Args:
        world: what it watches.
        name: of its state.
        key: what it sends from; None only looks.
        extra: further options.
    """

    def __init__(self, world: World, name: str, *extra: object, key=None) -> None:
        state = world.folder / f"{name}.db"
        options = ["--allow-private", "--confirmations", 0, "--state", state, *extra]
        self._world = world
        self._options = options
        self._key = key

    def _command(self, *more: object):
        options = [*self._options, *more]
        return cortensor(
            self._world, "watch", *options, key=self._key, variable="CORTENSOR_WATCH_KEY"
        )

    def once(self) -> dict[str, object]:
        """One pass. Returns its report, with the exit code."""
        line, environment = self._command("--once")
        done = subprocess.run(
            line, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        assert done.stdout, done.stderr
        return {**json.loads(done.stdout), "exit_code": done.returncode}

    def start(self) -> subprocess.Popen[str]:
        """Pass after pass, until it is stopped or killed."""
        line, environment = self._command("--poll", 1)
        return subprocess.Popen(
            line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )


def demand(world: World, session: Session, index: int, *extra: object, key=None):
    """Run `cortensor demand`. Returns the finished process."""
    line, environment = cortensor(
        world, "demand", session.name, index, *extra, key=key, variable="CORTENSOR_DEMAND_KEY"
    )
    return subprocess.run(
        line, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


def await_that(condition, what: str) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, f"{what}: took too long"
        time.sleep(POLL_S)


def about(report: dict[str, object], *sessions: Session) -> list[tuple[str, int]]:
    """What a pass found of some sessions: kind and index."""
    names = {session.name for session in sessions}
    return sorted((f["kind"], f["index"]) for f in report["findings"] if f["session_id"] in names)
