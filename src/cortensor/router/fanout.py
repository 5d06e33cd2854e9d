# SPDX-License-Identifier: Apache-2.0
"""Runs the replicas of a job at once, each to its own end: OK, TIMEOUT or ERROR.

Two deadlines: an answer after the soft one but before the hard one counts and is marked late;
after the hard one the replica is cancelled. A replica's failure never fails the job.

A replica that never got a turn on its compute session has not run: it is missing and no failure,
of which it would be billed a part. Nor is one begun on a session that broke while it waited.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from cortensor.consensus import ERROR, OK, TIMEOUT
from cortensor.router.ports import BackendError
from cortensor.router.prompts import Reading, read_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cortensor.router.config import ComputeSession
    from cortensor.router.ports import Backend, Call, Clock, Completion, ReplicaStatus
    from cortensor.router.schemas import DelegateRequest, ValidateRequest
    from cortensor.router.selection import Slot

    OnEnd = Callable[[int, ReplicaStatus], None]

TASK_ID_BYTES = 16


class Deadlines(Struct, frozen=True):
    """Both deadlines in seconds of the monotonic clock."""

    started: float
    soft: float
    hard: float


class Replica(Struct, frozen=True):
    """One finished replica.

    `reason` says why it is no vote.
    """

    index: int
    session: ComputeSession
    task_id: str
    status: str
    late: bool
    latency_ms: int
    completion: Completion | None = None
    reading: Reading | None = None
    reason: str | None = None

    @property
    def text(self) -> str | None:
        """The full answer of a replica that delivered."""
        delivered = self.status == OK and self.completion is not None
        return self.completion.text if delivered and self.completion else None


class Missing(Struct, frozen=True):
    """A replica that was to run on a session and did not."""

    session: ComputeSession
    reason: Literal["breaker_open", "queue_timeout"]


class Ran(Struct, frozen=True):
    """What became of a job's replicas: those that ran, by index, and those that did not."""

    replicas: list[Replica]
    missing: list[Missing]


async def run_replicas(
    request: DelegateRequest | ValidateRequest,
    slots: Sequence[Slot],
    calls: Sequence[Call],
    *,
    backend: Backend,
    clock: Clock,
    deadlines: Deadlines,
    on_end: OnEnd,
    first: int = 0,
) -> Ran:
    """Run one call on each session.

    `on_end` is told each replica's index and status as it ends; indices count from `first`.
    """
    environment = (backend, clock, deadlines, on_end)
    for slot in slots:
        slot.in_flight += 1  # before the first await: a burst must see each other's load
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_run(request, index, slot, call, environment))
                for index, (slot, call) in enumerate(zip(slots, calls, strict=True), first)
            ]
    finally:
        for slot in slots:
            slot.in_flight -= 1
    ended = [task.result() for task in tasks]
    return Ran(
        [each for each in ended if isinstance(each, Replica)],
        [each for each in ended if isinstance(each, Missing)],
    )


async def _run(
    request: DelegateRequest | ValidateRequest,
    index: int,
    slot: Slot,
    call: Call,
    environment: tuple[Backend, Clock, Deadlines, OnEnd],
) -> Replica | Missing:
    backend, clock, deadlines, on_end = environment
    task_id = "0x" + secrets.token_hex(TASK_ID_BYTES)
    completion: Completion | None = None
    reading: Reading | None = None
    status: ReplicaStatus = OK
    reason: str | None = None
    started = False
    try:
        async with asyncio.timeout(max(0.0, deadlines.hard - clock.monotonic())), slot.gate:
            if slot.state(clock.monotonic()) == "open":
                on_end(index, "MISSING")
                return Missing(slot.session, "breaker_open")
            started = True
            completion = await backend.complete(call)
        reading = read_answer(request, completion.text)
        slot.succeeded()
        if reading.reason is not None:
            status, reason = ERROR, reading.reason
    except TimeoutError:
        if not started:  # this says nothing of the session's health, either
            on_end(index, "MISSING")
            return Missing(slot.session, "queue_timeout")
        status, reason = TIMEOUT, "timeout"
        slot.failed(clock.monotonic())
    except BackendError as error:
        status, reason = ERROR, error.reason
        if not error.healthy:
            slot.failed(clock.monotonic())
    ended = clock.monotonic()
    on_end(index, status)
    return Replica(
        index=index,
        session=slot.session,
        task_id=task_id,
        status=status,
        late=status == OK and ended > deadlines.soft,
        latency_ms=max(0, round((ended - deadlines.started) * 1000)),
        completion=completion,
        reading=reading,
        reason=reason,
    )
