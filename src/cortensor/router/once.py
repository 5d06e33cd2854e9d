# SPDX-License-Identifier: Apache-2.0
"""What runs once: signed requests, and the tasks of calls that outlive their callers."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from cortensor.errors import Conflict
from cortensor.receipts.keccak import to_hex
from cortensor.router.keys import SALT_HEADER
from cortensor.store.ledger import already_charged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from cortensor.router.answer import Answer
    from cortensor.router.keys import Authorisation
    from cortensor.router.ports import LedgerPort


class SignedRequests:
    """Lets a request that a session's key signed run once, and never after it was charged.

    Args:
        ledger: knows what was charged.
    """

    def __init__(self, ledger: LedgerPort) -> None:
        self._ledger = ledger
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
            raise Conflict(
                "this signed request runs now; send the same Idempotency-Key to wait for it",
                field=SALT_HEADER,
                code="request_running",
            )
        self._running.add(place)
        try:
            commitment = to_hex(signed.commitment)
            if await asyncio.to_thread(self._ledger.is_charged, session, commitment):
                raise already_charged()
            yield
        finally:
            self._running.discard(place)


def same_request(stored: str, given: str) -> None:
    """Refuse a key that was used for a request of another hash. Raises Conflict."""
    if stored != given:
        raise Conflict(
            "this key was used for another request",
            field="Idempotency-Key",
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
