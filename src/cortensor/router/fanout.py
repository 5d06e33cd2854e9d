# SPDX-License-Identifier: Apache-2.0
"""Runs the replicas of a job at once, each to its own end: OK, TIMEOUT or ERROR.

Two deadlines: an answer after the soft one but before the hard one counts and is marked late;
after the hard one the replica is cancelled. A replica's failure never fails the job.

A replica that never got a turn on its compute session has not run: it is missing and no failure,
of which it would be billed a part. Nor is one begun on a session that broke while it waited.

Where there is a spare session, a replica that is slower than its session's 95th percentile may be
doubled there, and one that fails at once is tried there (`attempts`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, TypeVar

from msgspec import Struct

from cortensor.consensus import OK
from cortensor.router.attempts import (
    CANCELLED,
    MISSING,
    Attempt,
    Ended,
    lost,
    new_task_id,
    run_attempt,
)
from cortensor.router.tracing import NoTracer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from cortensor.receipts.body import AttemptBlock
    from cortensor.router.attempts import Spares
    from cortensor.router.config import ComputeSession
    from cortensor.router.ports import Call, Clock, Completion, Engine, ReplicaStatus
    from cortensor.router.prompts import Reading
    from cortensor.router.schemas import DelegateRequest, ValidateRequest
    from cortensor.router.selection import Slot
    from cortensor.router.tracing import Tracer

    OnEnd = Callable[[int, ReplicaStatus], None]


T = TypeVar("T")


class Deadlines(Struct, frozen=True):
    """Both deadlines in seconds of the monotonic clock, and when a run may begin at the latest."""

    started: float
    soft: float
    hard: float
    turn: float | None = None

    def turn_left(self, now: float) -> float:
        """Return the seconds left to begin a run in; without a `turn` it may begin until `hard`."""
        return max(0.0, (self.hard if self.turn is None else self.turn) - now)


class Replica(Struct, frozen=True):
    """One finished replica.

    `reason` says why it is no vote, `attempts` what else was tried for it.
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
    attempts: tuple[AttemptBlock, ...] = ()

    @property
    def text(self) -> str | None:
        """The full answer of a replica that delivered."""
        delivered = self.status == OK and self.completion is not None
        return self.completion.text if delivered and self.completion else None


class Missing(Struct, frozen=True):
    """A replica that was to run on a session and did not."""

    session: ComputeSession
    reason: Literal["breaker_open", "queue_timeout"]
    attempts: tuple[AttemptBlock, ...] = ()


class Ran(Struct, frozen=True):
    """What became of a job's replicas: those that ran, by index, and those that did not."""

    replicas: list[Replica]
    missing: list[Missing]

    def attempts(self) -> list[AttemptBlock]:
        """Return the runs that are no replica, by index."""
        found = [each for r in self.replicas for each in r.attempts]
        found += [each for m in self.missing for each in m.attempts]
        return sorted(found, key=lambda each: each.index)


async def run_replicas(
    request: DelegateRequest | ValidateRequest,
    slots: Sequence[Slot],
    calls: Sequence[Call],
    *,
    backend: Engine,
    clock: Clock,
    deadlines: Deadlines,
    on_end: OnEnd,
    first: int = 0,
    spares: Spares | None = None,
    tracer: Tracer | None = None,
) -> Ran:
    """Run one call on each session.

    Args:
        request: what the calls are for.
        slots: the sessions.
        calls: a call for each.
        backend: runs them.
        clock: monotonic time.
        deadlines: when they are late, and when it is over.
        on_end: told each replica's index and status as it ends.
        first: the first index.
        spares: other sessions, if any may be asked.
        tracer: times each run.
    """
    runner = _Runner(
        request, on_end, spares, backend=backend, clock=clock, deadlines=deadlines, tracer=tracer
    )
    for slot in slots:
        slot.in_flight += 1  # before the first await: a burst must see each other's load
    runs = [
        runner.run(index, slot, call)
        for index, (slot, call) in enumerate(zip(slots, calls, strict=True), first)
    ]
    try:
        ended = [await runs[0]] if len(runs) == 1 else await _together(runs)
    finally:
        for slot in slots:
            slot.in_flight -= 1
    return Ran(
        [each for each in ended if isinstance(each, Replica)],
        [each for each in ended if isinstance(each, Missing)],
    )


async def _together(runs: Sequence[Coroutine[None, None, T]]) -> list[T]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run) for run in runs]
    return [task.result() for task in tasks]


class _Runner:
    """Runs the replicas of one job."""

    def __init__(
        self,
        request: DelegateRequest | ValidateRequest,
        on_end: OnEnd,
        spares: Spares | None,
        *,
        backend: Engine,
        clock: Clock,
        deadlines: Deadlines,
        tracer: Tracer | None,
    ) -> None:
        self._request = request
        self._on_end = on_end
        self._spares = spares
        self._backend = backend
        self._clock = clock
        self._deadlines = deadlines
        self._tracer = tracer or NoTracer()

    async def run(self, index: int, slot: Slot, call: Call) -> Replica | Missing:
        """Run one replica, and whatever is tried beside it."""
        first = Attempt(
            index=index,
            slot=slot,
            call=call,
            cause="first",
            task_id=new_task_id(),
            began=self._clock.monotonic(),
        )
        patience = self._patience(slot)
        others: list[AttemptBlock] = []
        if patience is None:
            ended = await self._make(first)
        else:
            ended, others = await self._hedged(first, patience)
        ended, others = await self._replaced(first, ended, others)
        self._on_end(index, ended.status)  # type: ignore[arg-type]  # a replica's, as these are
        return shown(ended, self._deadlines, tuple(others))

    def _patience(self, slot: Slot) -> float | None:
        """Return the seconds after which a run is slow; None where it is not to be doubled."""
        if self._spares is None or not self._spares.hedges:
            return None
        return slot.stats.p95_s(self._clock.monotonic())

    async def _make(self, attempt: Attempt) -> Ended:
        return await run_attempt(
            self._request,
            attempt,
            backend=self._backend,
            clock=self._clock,
            deadlines=self._deadlines,
            tracer=self._tracer,
        )

    async def _spare(self, attempt: Attempt) -> Ended:
        with attempt.slot.load():
            return await self._make(attempt)

    async def _hedged(self, first: Attempt, patience: float) -> tuple[Ended, list[AttemptBlock]]:
        """Run a replica, and a second one beside it once it is slow; the first answer counts."""
        running = {asyncio.create_task(self._make(first)): first}
        try:
            await asyncio.wait(running, timeout=patience)
            if self._spares is not None and not any(task.done() for task in running):
                soft = self._deadlines.soft
                second = self._spares.slow(first, self._clock.monotonic(), soft)
                if second is not None:
                    running[asyncio.create_task(self._spare(second))] = second
            return await self._first_of(running)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _first_of(
        self, running: dict[asyncio.Task[Ended], Attempt]
    ) -> tuple[Ended, list[AttemptBlock]]:
        ended: list[Ended] = []
        waiting = set(running)
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            ended += [task.result() for task in running if task in done]
            if any(each.status == OK for each in ended):
                break
        # Of two failures the replica is the one that it was priced for.
        own = [each for each in ended if each.attempt.cause == "first"]
        best = next((each for each in ended if each.status == OK), (own or ended)[0])
        now = self._clock.monotonic()
        others = [each.block() for each in ended if each is not best]
        others += [lost(running[task], CANCELLED, now) for task in waiting]
        return best, others

    async def _replaced(
        self, first: Attempt, ended: Ended, others: list[AttemptBlock]
    ) -> tuple[Ended, list[AttemptBlock]]:
        """Try other sessions, one after the other, for a replica that failed at once."""
        if self._spares is None:
            return ended, others
        latest = ended
        for _ in range(self._spares.fallbacks):
            if latest.status == OK or not latest.is_passing:
                break
            soft = self._deadlines.soft
            second = self._spares.failed(first, self._clock.monotonic(), soft)
            if second is None:
                break
            latest = await self._spare(second)
            if latest.status == OK:
                return latest, [*others, ended.block()]
            others = [*others, latest.block()]
        return ended, others


def shown(
    ended: Ended, deadlines: Deadlines, others: tuple[AttemptBlock, ...] = ()
) -> Replica | Missing:
    """Return the replica that a run was, beside other attempts at it."""
    session = ended.attempt.slot.session
    if ended.status == MISSING:
        return Missing(session, ended.reason, others)  # type: ignore[arg-type]  # one of the two
    return Replica(
        index=ended.attempt.index,
        session=session,
        task_id=ended.attempt.task_id,
        status=ended.status,
        late=ended.status == OK and ended.at > deadlines.soft,
        latency_ms=max(0, round((ended.at - deadlines.started) * 1000)),
        completion=ended.completion,
        reading=ended.reading,
        reason=ended.reason,
        attempts=others,
    )
