# SPDX-License-Identifier: Apache-2.0
"""A router in a process of its own that kills itself, with SIGKILL, at a chosen await point.

Every task that serves a request is driven by hand. Each time it waits, and each time it goes on,
is a point; the one that a header of the request names is the process's last.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Coroutine, Generator
from contextvars import ContextVar
from multiprocessing.connection import Connection
from typing import Any

import uvicorn

from cortensor.chain.reader import ChainReader
from cortensor.router.config import Config
from cortensor.router.session_stats import SessionStats
from cortensor.router.wiring import running
from tests.python.router.harness import free_port

HEADER = b"x-kill-at"
USUAL_S = 0.03
"""What every compute session is said to take: who asks to be doubled need not be slow for long."""


class Points:
    """Names the points that a request passes, and kills at the one with a given name.

    A name is the kind, the project's functions that wait for each other with their lines, and
    how often this was passed: the order of tasks may differ from run to run, the name does not.
    """

    def __init__(self, last: str, teller: Connection) -> None:
        self._passed: Counter[str] = Counter()
        self._names: list[str] = []
        self._last = last
        self._teller = teller

    def pass_by(self, kind: str, work: Any) -> None:
        where = f"{kind} {place(work)}"
        self._passed[where] += 1
        name = f"{where} #{self._passed[where]}"
        self._names.append(name)
        if name == self._last:
            self._teller.send(None)
            os.kill(os.getpid(), signal.SIGKILL)

    def survived(self) -> None:
        self._teller.send(self._names)


ARMED: ContextVar[Points | None] = ContextVar("armed", default=None)


def place(work: Any) -> str:
    """The functions of this project that wait for each other; of a library's task the first."""
    names, first = [], getattr(work, "__qualname__", "?")
    while work is not None:
        frame = getattr(work, "cr_frame", None)
        if frame is not None and "/cortensor/" in frame.f_code.co_filename:
            names.append(f"{frame.f_code.co_qualname}:{frame.f_lineno}")
        work = getattr(work, "cr_await", None)
    return " > ".join(names) or first


class Counted:
    """Drives a coroutine and counts where it stops."""

    def __init__(self, points: Points, work: Coroutine[Any, Any, Any]) -> None:
        self._points = points
        self._work = work

    def __await__(self) -> Generator[Any, Any, Any]:
        error: BaseException | None = None
        sent: Any = None
        while True:
            try:
                awaited = self._work.send(sent) if error is None else self._work.throw(error)
            except StopIteration as stop:
                return stop.value
            self._points.pass_by("waits", self._work)
            error = None
            try:
                sent = yield awaited
            except BaseException as thrown:  # noqa: BLE001 -- handed on
                error = thrown
            self._points.pass_by("goes on", self._work)


async def counted(points: Points, work: Coroutine[Any, Any, Any]) -> Any:
    return await Counted(points, work)


def make_task(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **more: Any
) -> asyncio.Task[Any]:
    points = ARMED.get()
    return asyncio.Task(counted(points, work) if points else work, loop=loop, **more)


class Killing:
    """The application, with its points counted where a request asks for it."""

    def __init__(self, app: Any, teller: Connection) -> None:
        self._app = app
        self._teller = teller

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        last = dict(scope["headers"]).get(HEADER)
        if last is None:
            await self._app(scope, receive, send)
            return
        points = Points(last.decode(), self._teller)
        ARMED.set(points)
        await Counted(points, self._app(scope, receive, send))
        points.survived()


def serve(config: Config, chain: ChainReader, teller: Connection) -> None:
    """Run a router until it is killed; tells where it is reached."""
    SessionStats.p95_s = lambda *_: USUAL_S  # type: ignore[method-assign]
    asyncio.run(_serve(config, chain, teller))


async def _serve(config: Config, chain: ChainReader, teller: Connection) -> None:
    listener = free_port()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    asyncio.get_running_loop().set_task_factory(make_task)  # type: ignore[arg-type]
    async with running(config, url, chain=chain) as app:
        teller.send(url)
        settings = uvicorn.Config(Killing(app, teller), log_config=None, lifespan="off")
        await uvicorn.Server(settings).serve(sockets=[listener])
