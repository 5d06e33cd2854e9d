# SPDX-License-Identifier: Apache-2.0
"""Group commit: calls that come together share one transaction, and so one write to the disk.

The calls run on the event loop. SQLite answers in microseconds there, while a thread would wait for
the interpreter's lock at each statement. What takes long does not: waiting for another writer, and
with `synchronous=full` the disk, are left to a thread, and what comes meanwhile is the next group.

Each caller gets its answer when its own group is committed. A call that fails is undone alone: the
group is rolled back, and run again with a savepoint for each. Most have none that fails.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from cortensor.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from cortensor.store.sqlite import SqliteDatabase

    Entry = tuple[asyncio.Future[Any], Callable[[], Any]]
    Outcome = tuple[Any, Exception | None]
    Attempt = Callable[[Callable[[], Any]], Outcome]

CHECKPOINT_CALLS = 512
"""After so many calls the log is folded into the database: some 20 MiB of it."""

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


class Group:
    """Runs ledger calls for coroutines of one event loop.

    Args:
        database: what the calls work on.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._db = database
        self._waiting: list[Entry] = []
        self._draining: asyncio.Task[None] | None = None
        self._unfolded = 0
        database.checkpoint_by_hand()

    async def read(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that only reads what is committed."""
        return call(*args, **kwargs)

    def write(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Run a call; it is done when what it changed is committed.

        A caller that is cancelled meanwhile does not stop it. It may run twice: what it changes is
        in the database alone.

        Raises:
            Unavailable: the database cannot be written; nothing was changed.
            Error: whatever the call raises; nothing was changed.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((answer, lambda: call(*args, **kwargs)))
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())
        return answer

    async def _drain(self) -> None:
        try:
            while self._waiting:
                await self._serve_group()
                if self._unfolded >= CHECKPOINT_CALLS:
                    await self._fold()
        finally:
            self._draining = None

    async def _serve_group(self) -> None:
        group: list[Entry] = []
        try:
            await self._begin()
            group = self._take()
            outcomes = self._run(group, _attempt)
            if any(failure is not None for _, failure in outcomes):
                self._db.roll_back()
                outcomes = await self._again(group, outcomes)
            else:
                await self._commit(len(group))
        except Exception as error:  # noqa: BLE001 -- whatever it was, its callers wait for it
            for answer, _ in group or self._take():
                if not answer.done():
                    answer.set_exception(error)
            return
        for (answer, _), (value, failure) in zip(group, outcomes, strict=True):
            if answer.done():  # its caller has left
                continue
            if failure is None:
                answer.set_result(value)
            else:
                answer.set_exception(failure)

    async def _begin(self) -> None:
        if not self._db.try_begin():
            # Not the worker's: what else that thread runs must not become a part of it.
            await asyncio.to_thread(self._db.begin)

    def _take(self) -> list[Entry]:
        taken, self._waiting = self._waiting, []
        return taken

    def _run(self, group: list[Entry], attempt: Attempt) -> list[Outcome]:
        """Run calls in the open transaction; if that is lost, nothing of it stays."""
        try:
            self._db.adopt(has_parts=False)
            outcomes = [attempt(call) for _, call in group]
            self._db.require_open()
        except BaseException:
            self._db.roll_back()
            raise
        return outcomes

    async def _again(self, group: list[Entry], outcomes: list[Outcome]) -> list[Outcome]:
        """Run calls again, each as a part that is undone alone; one that was alone is done."""
        if len(group) == 1:
            return outcomes
        await self._begin()
        outcomes = self._run(group, self._attempt_apart)
        await self._commit(len(group))
        return outcomes

    def _attempt_apart(self, call: Callable[[], Any]) -> Outcome:
        try:
            with self._db.part():
                return call(), None
        except Exception as error:  # noqa: BLE001 -- the caller's, not the group's
            return None, error

    async def _commit(self, calls: int) -> None:
        self._unfolded += calls
        if self._db.synchronous == "normal":
            self._db.commit()  # a few pages into the system's cache: quicker than a thread
        else:
            self._db.disown()
            await asyncio.to_thread(self._db.commit)

    async def _fold(self) -> None:
        self._unfolded = 0
        try:
            await asyncio.to_thread(self._db.checkpoint)
        except Unavailable as error:
            log.warning("the log is folded later: %s", error)


def _attempt(call: Callable[[], Any]) -> Outcome:
    try:
        return call(), None
    except Exception as error:  # noqa: BLE001 -- the caller's, not the group's
        return None, error
