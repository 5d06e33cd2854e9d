# SPDX-License-Identifier: Apache-2.0
"""Group commit: calls that come together share one transaction, and so one write to the disk.

The calls run on the event loop. SQLite answers in microseconds there, while a thread would wait for
the interpreter's lock at each statement. What takes long does not: waiting for another writer, and
with `synchronous=full` the disk, are left to a thread, and what comes meanwhile is the next group.

Each caller gets its answer when its own group is committed. A call that fails is undone alone.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from cortensor.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from cortensor.store.sqlite import Database

    Entry = tuple[asyncio.Future[Any], Callable[[], Any]]

CHECKPOINT_CALLS = 512
"""After so many calls the log is folded into the database: some 20 MiB of it."""

P = ParamSpec("P")
T = TypeVar("T")


class Group:
    """Runs ledger calls for coroutines of one event loop.

    Args:
        database: what the calls work on.
    """

    def __init__(self, database: Database) -> None:
        self._db = database
        self._waiting: list[Entry] = []
        self._draining: asyncio.Task[None] | None = None
        self._unfolded = 0
        database.checkpoint_by_hand()

    async def read(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that only reads what is committed."""
        return call(*args, **kwargs)

    async def write(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call, and return when what it changed is committed.

        A caller that is cancelled meanwhile does not stop it.

        Raises:
            Unavailable: the database cannot be written; nothing was changed.
            Error: whatever the call raises; nothing was changed.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((answer, lambda: call(*args, **kwargs)))
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())
        return await answer

    async def _drain(self) -> None:
        try:
            while self._waiting:
                await self._commit_group()
        finally:
            self._draining = None

    async def _commit_group(self) -> None:
        try:
            if not self._db.try_begin():
                await asyncio.to_thread(self._db.begin)
                self._db.adopt()
        except Unavailable as error:
            _fail(self._take(), error)
            return
        group = self._take()
        try:
            done = [_attempt(call) for _, call in group]
            if not self._db.is_open:  # SQLite undoes all of it when the disk is full
                raise Unavailable("ledger: cannot be written", code="ledger_unavailable")
        except BaseException as error:
            self._db.roll_back()
            _fail(group, error)
            if isinstance(error, Unavailable):
                return
            raise
        try:
            if self._db.synchronous == "normal" and len(group) == 1:
                self._db.commit()  # a few pages into the system's cache: quicker than a thread
            else:
                await asyncio.to_thread(self._db.commit)
        except Unavailable as error:
            _fail(group, error)
            return
        for (answer, _), (value, failure) in zip(group, done, strict=True):
            if answer.done():
                continue
            if failure is None:
                answer.set_result(value)
            else:
                answer.set_exception(failure)
        self._unfolded += len(group)
        if self._unfolded >= CHECKPOINT_CALLS:
            self._unfolded = 0
            await asyncio.to_thread(self._db.checkpoint)

    def _take(self) -> list[Entry]:
        taken, self._waiting = self._waiting, []
        return taken


def _attempt(call: Callable[[], Any]) -> tuple[Any, Exception | None]:
    try:
        return call(), None
    except Exception as error:  # noqa: BLE001 -- the caller's, not the group's
        return None, error


def _fail(group: list[Entry], error: BaseException) -> None:
    for answer, _ in group:
        if not answer.done():
            answer.set_exception(error)
