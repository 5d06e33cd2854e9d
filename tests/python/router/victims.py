# SPDX-License-Identifier: Apache-2.0
"""Routers that a test may kill, each forked from one process that has run a router before.

An interpreter that starts anew loads for most of a second; a fork of one that has loaded
everything serves in a tenth of that.
"""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from cortensor import cli
from cortensor.chain.book import AddressBook
from cortensor.chain.facts import ChainIdentity
from cortensor.chain.reader import ChainReader
from cortensor.router.config import Config, parse_config
from cortensor.router.wiring import address_book
from cortensor.store import postgres as _loaded  # noqa: F401 -- with its driver, before any fork
from tests.python.router.fake_model import FakeModel
from tests.python.router.harness import (
    COR,
    KEY_ENV,
    PAYER,
    SIGNER_KEY,
    Router,
    make_config,
    make_node,
    session_number,
)
from tests.python.router.killing import serve

START_S = 60


def nurse(orders: Connection) -> None:
    """Do what is ordered, until nobody is left to order: fork a router, or see to a dead one."""
    os.environ[KEY_ENV] = SIGNER_KEY
    run_once()
    chains: dict[str, AskedBefore] = {}
    gc.freeze()  # what is shared with the forks is not to be copied by looking at it
    while True:
        try:
            order = orders.recv()
        except EOFError:
            return
        if isinstance(order, int):
            _, status = os.waitpid(order, 0)
            orders.send(os.waitstatus_to_exitcode(status))
            continue
        where, data = order
        if isinstance(data, list):
            orders.send(fork(partial(run_command, where, data)))
            continue
        config = parse_config(data)
        url = config.rpc_url
        if url not in chains:
            chains[url] = AskedBefore(url, address_book(config), config.router_id)
        orders.send(fork(partial(run_victim, config, chains[url], where)))


def fork(work: Callable[[], None]) -> int:
    """Do something in a process of its own; returns that."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 -- the fork's last word
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def run_victim(config: Config, chain: ChainReader, address: str) -> None:
    serve(config, chain, Client(address))


def run_command(output: str, arguments: list[str]) -> None:
    """Run `cortensor` as if typed, with its output into a file."""
    os.dup2(os.open(output, os.O_WRONLY), sys.stdout.fileno())
    cli.main(arguments, prog_name="cortensor")


class AskedBefore(ChainReader):
    """Was told before the fork what each start asks; not connected yet, so forks share nothing."""

    def __init__(self, url: str, book: AddressBook, router_id: int) -> None:
        super().__init__(url, book)
        other = ChainReader(url, book)
        self._told = asyncio.run(other.identity()), asyncio.run(other.settler(router_id))

    async def identity(self) -> ChainIdentity:
        return self._told[0]

    async def settler(self, _router_id: int) -> str:
        return self._told[1]


def run_once() -> None:
    """Run a router and one call, so that whatever is loaded or computed late is there."""
    node, model = make_node(), FakeModel()
    with tempfile.TemporaryDirectory() as folder:
        router = Router(make_config(Path(folder), node, model), node, model).start()
        session = node.open(session_number(1), PAYER, COR)
        router.post("delegate", {"session_id": session, "objective": "Say"}).raise_for_status()
        router.stop()
    model.close()
    node.close()


class Nursery:
    """Starts victims."""

    def __init__(self) -> None:
        self._orders, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(target=nurse, args=(theirs,))
        self._process.start()
        theirs.close()

    def bear(self, address: str, data: dict[str, Any]) -> int:
        """Have a router forked that tells `address` how it fares; returns its process."""
        self._orders.send((address, data))
        return self._answer()

    def command(self, output: Path, *arguments: object) -> int:
        """Have `cortensor` run with its output into a file; returns its process."""
        self._orders.send((str(output), list(map(str, arguments))))
        return self._answer()

    def bury(self, process: int) -> int:
        """Wait for a router's end; returns its exit code."""
        self._orders.send(process)
        return self._answer()

    def _answer(self) -> int:
        answer: int = self._orders.recv()
        return answer

    def close(self) -> None:
        self._orders.close()
        self._process.join(20)
        self._process.close()


class Victim:
    """A router that a test may kill.

    Args:
        nursery: where it comes from.
        data: its configuration.
    """

    def __init__(self, nursery: Nursery, data: dict[str, Any]) -> None:
        self._nursery = nursery
        with Listener(family="AF_UNIX") as listener:
            self._pid = nursery.bear(str(listener.address), data)
            self._ear = listener.accept()
        self._alive = True
        if not self._ear.poll(START_S):
            raise TimeoutError("no router came up")
        self.url: str = self._ear.recv()

    def outlived(self) -> list[str] | None:
        """The points it passed; None if it died at the one that was asked for."""
        names: list[str] | None = self._ear.recv()
        if names is None:
            assert self._reap() == -signal.SIGKILL
        return names

    def kill(self) -> None:
        if self._alive:
            os.kill(self._pid, signal.SIGKILL)
            self._reap()
        self._ear.close()

    def _reap(self) -> int:
        self._alive = False
        return self._nursery.bury(self._pid)


class Launched:
    """`cortensor router`, as if typed.

    Args:
        nursery: where it comes from.
        config: its file; its output goes beside it.
    """

    def __init__(self, nursery: Nursery, config: Path) -> None:
        self._nursery = nursery
        with tempfile.TemporaryDirectory(dir=config.parent) as folder:
            output = Path(folder) / "stdout"
            os.mkfifo(output)
            arguments = ("router", "--config", config, "--port", 0)
            self._pid = nursery.command(output, *arguments)
            with output.open() as told:
                ready = json.loads(told.readline())
        assert (ready["event"], ready["pid"]) == ("ready", self._pid)
        self.url: str = ready["url"]

    def end(self, how: signal.Signals) -> int:
        """Send it a signal that ends it; returns its exit code."""
        os.kill(self._pid, how)
        return self._nursery.bury(self._pid)
