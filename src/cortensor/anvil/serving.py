# SPDX-License-Identifier: Apache-2.0
"""Runs Anvil and the front before it, until a signal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, NamedTuple

import aiohttp
import click
import uvicorn

from cortensor.anvil.app import application
from cortensor.anvil.chain import Chain
from cortensor.anvil.front import Front
from cortensor.anvil.mining import Mining
from cortensor.anvil.node import Node
from cortensor.anvil.process import Running, running_anvil
from cortensor.anvil.reading import Reading
from cortensor.anvil.rpc import RpcError
from cortensor.anvil.shaping import number
from cortensor.anvil.writing import Writing
from cortensor.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HOST = "127.0.0.1"
GRACE_S = 3


class Plan(NamedTuple):
    """What to run: slots are ArbOS', `genesis` for a chain that has none, `overrides` for any."""

    binary: str
    chain_id: int
    genesis: Mapping[int, int]
    overrides: Mapping[int, int]
    max_tx_bytes: int
    fork_url: str | None
    port: int
    options: Sequence[str]
    is_automatic: bool = True
    block_every_s: int = 0


def serve(plan: Plan) -> None:
    """Serve until SIGINT or SIGTERM; Anvil ends with it.

    Raises:
        InvalidInput: what is forked is another chain (`wrong_chain`).
        Unavailable: the port is taken, Anvil does not start, or what is forked does not answer.
    """
    with contextlib.closing(_listen(plan.port)) as listener:
        if plan.fork_url is not None:
            asyncio.run(_check_fork(plan.fork_url, plan.chain_id))
        forked = [] if plan.fork_url is None else ["--fork-url", plan.fork_url]
        # A signal while Anvil starts ends it as well.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        with running_anvil(plan.binary, plan.chain_id, [*forked, *plan.options]) as anvil:
            asyncio.run(_serve(plan, anvil, listener))


async def _serve(plan: Plan, anvil: Running, listener: socket.socket) -> None:
    async with aiohttp.ClientSession() as session:
        node = Node(session, anvil.url, "anvil", lambda: _why_gone(anvil))
        fork = None if plan.fork_url is None else Node(session, plan.fork_url, "the forked node")
        chain = Chain(node, plan.genesis, plan.overrides)
        mining = Mining(chain, is_automatic=plan.is_automatic)
        reading = Reading(chain, fork)
        writing = Writing(chain, mining, reading, max_tx_bytes=plan.max_tx_bytes)
        try:
            await chain.prepare()
            await mining.begin()
        except RpcError as error:
            raise Unavailable(error.message, field="anvil") from error
        front = Front(chain, reading, writing)
        config = uvicorn.Config(
            application(front),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
        )
        url = f"http://{HOST}:{listener.getsockname()[1]}"
        ready = {
            "event": "ready",
            "url": url,
            "chain_id": plan.chain_id,
            "pid": os.getpid(),
            "anvil_pid": anvil.process.pid,
        }
        ticking = None
        if plan.block_every_s:
            ticking = asyncio.create_task(front.tick(plan.block_every_s))
        try:
            await _Server(config, json.dumps(ready)).serve(sockets=[listener])
        finally:
            if ticking is not None:
                ticking.cancel()


class _Server(uvicorn.Server):
    """Says on stdout when it accepts requests: one JSON line, for whoever started it."""

    def __init__(self, config: uvicorn.Config, ready: str) -> None:
        super().__init__(config)
        self._ready = ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop serving on a signal; Uvicorn's own would end the process before Anvil ended."""
        loop = asyncio.get_running_loop()
        for caught in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(caught, self.handle_exit, caught, None)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            click.echo(self._ready)
            sys.stdout.flush()


async def _check_fork(url: str, chain_id: int) -> None:
    async with aiohttp.ClientSession() as session:
        try:
            found = number(await Node(session, url, "the forked node").call("eth_chainId"))
        except RpcError as error:
            raise Unavailable(error.message, field="fork", code="chain_unavailable") from error
    if found != chain_id:
        raise InvalidInput(
            f"is of chain {found}, and not {chain_id}", field="fork", code="wrong_chain"
        )


def _why_gone(anvil: Running) -> str:
    code = anvil.process.poll()
    return "" if code is None else f"it ended (exit code {code})"


def _listen(port: int) -> socket.socket:
    # The protocol by name: only then does the event loop switch off Nagle's algorithm.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise Unavailable(f"cannot listen on {HOST}:{port}: {error.strerror}") from error
    listener.listen()
    return listener
