# SPDX-License-Identifier: Apache-2.0
"""What runs once: signed requests, and the tasks of calls that outlive their callers."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from cortensor.errors import Conflict
from cortensor.receipts.keccak import to_hex
from cortensor.router.answer import Answer
from cortensor.router.headers import IDEMPOTENCY_HEADER, SALT_HEADER
from cortensor.router.problems import InvalidField
from cortensor.store.calls import IN_THREADS
from cortensor.store.claims import IN_PROGRESS, running_now
from cortensor.store.ledger import already_charged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

    from cortensor.router.keys import Authorisation
    from cortensor.router.ports import LedgerPort
    from cortensor.store.calls import Calls
    from cortensor.store.records import IdempotencyKey

KEY_CHARS = 255
LOOK_S = 0.2
"""How often another router's work is looked at."""


class SignedRequests:
    """Lets a request that a session's key signed run once, and never after it was charged.

    Args:
        ledger: knows what was charged.
        calls: how the ledger is called.
    """

    def __init__(self, ledger: LedgerPort, calls: Calls = IN_THREADS) -> None:
        self._ledger = ledger
        self._calls = calls
        self._running: set[tuple[str, bytes]] = set()

    @asynccontextmanager
    async def turn(self, session: str, signed: Authorisation | None) -> AsyncIterator[None]:
        """Hold a request's place while it runs; without a signature there is nothing to hold.

        Raises:
            Conflict: it was charged (`request_already_charged`), or runs now (`request_running`).
        """
        if signed is None:
            yield
            return
        place = (session, signed.commitment)
        if place in self._running:
            raise running_now(SALT_HEADER)
        self._running.add(place)
        try:
            commitment = to_hex(signed.commitment)
            if await self._calls.read(self._ledger.is_charged, session, commitment):
                raise already_charged()
            yield
        finally:
            self._running.discard(place)


async def run_once(
    ledger: LedgerPort,
    calls: Calls,
    session: str,
    key: IdempotencyKey,
    work: Callable[[], Awaitable[Answer]],
    patience_s: float,
) -> Answer:
    """Return what was answered to a key, or the answer of `work`, which runs at one router only.

    While another router runs the request, its answer is waited for; if that router dies, `work`
    runs here.

    Args:
        ledger: knows what was answered, and what runs.
        calls: how the ledger is called.
        session: the payment session.
        key: the caller's.
        work: what is to be answered; it claims the key in the ledger before it costs anything.
        patience_s: how long to wait for another router.

    Raises:
        Conflict: the key is another request's (`idempotency_conflict`), or another router is
            still at it (`request_in_progress`).
    """
    ends = time.monotonic() + patience_s
    while True:
        stored = await calls.read(ledger.replay, session, key.key)
        if stored is not None:
            same_request(stored.request_hash, key.request_hash)
            return Answer(
                stored.status, stored.response, stored.receipt_id, replayed=True, total=stored.total
            )
        running = await calls.read(ledger.running, session, key.key)
        if running is None:
            try:
                return await work()
            except Conflict as error:  # another router was a moment earlier
                if error.code != IN_PROGRESS or time.monotonic() >= ends:
                    raise
        else:
            same_request(running, key.request_hash)
            if time.monotonic() >= ends:
                raise running_now(IDEMPOTENCY_HEADER)
        await asyncio.sleep(LOOK_S)


def same_request(stored: str, given: str) -> None:
    """Refuse a key that was used for another request. Raises Conflict."""
    if stored != given:
        raise Conflict(
            "this key was used for another request",
            field=IDEMPOTENCY_HEADER,
            code="idempotency_conflict",
        )


class Tasks:
    """Running calls; they go on when their callers leave."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Answer]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def spawn(self, work: Coroutine[Any, Any, Answer]) -> asyncio.Task[Answer]:
        """Start a call."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Answer]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen: the caller may have left before the failure

    async def drain(self, grace_s: float) -> None:
        """Wait for running calls, then cancel what is left."""
        if self._running:
            _, left = await asyncio.wait(self._running, timeout=grace_s)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)


class Keyed:
    """Lets calls with one idempotency key share one run.

    Args:
        tasks: where calls run.
        ledger: knows what was answered, and what runs elsewhere.
        calls: how the ledger is called.
    """

    def __init__(self, tasks: Tasks, ledger: LedgerPort, calls: Calls) -> None:
        self._tasks = tasks
        self._ledger = ledger
        self._calls = calls
        self._here: dict[tuple[str, str], tuple[str, asyncio.Task[Answer]]] = {}

    async def answer(
        self,
        session: str,
        key: IdempotencyKey,
        work: Callable[[IdempotencyKey], Awaitable[Answer]],
        patience_s: float,
    ) -> Answer:
        """Return the key's one answer; see `run_once`.

        Raises:
            InvalidField: the key is empty, too long or not printable.
        """
        if not 0 < len(key.key) <= KEY_CHARS or not key.key.isprintable():
            raise InvalidField(
                f"must be 1 to {KEY_CHARS} printable characters", field=IDEMPOTENCY_HEADER
            )
        place = (session, key.key)
        # No await between this look and the entry below: duplicates must meet.
        running = self._here.get(place)
        if running is not None:
            same_request(running[0], key.request_hash)
            return msgspec.structs.replace(await asyncio.shield(running[1]), replayed=True)
        task = self._tasks.spawn(
            run_once(self._ledger, self._calls, session, key, partial(work, key), patience_s)
        )
        self._here[place] = (key.request_hash, task)
        task.add_done_callback(lambda _: self._here.pop(place, None))
        return await asyncio.shield(task)
