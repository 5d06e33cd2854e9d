# SPDX-License-Identifier: Apache-2.0
"""The runs of one replica: its own, and those on other sessions when it is slow or fails.

Each run is on another compute session, and the first usable answer is the replica. The others are
cancelled or lost; they stand in the receipt as attempts, and nobody is billed for them.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from cortensor.consensus import ERROR, OK, TIMEOUT
from cortensor.receipts.body import AttemptBlock
from cortensor.router.ports import BackendError
from cortensor.router.prompts import Reading, build_call, read_answer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from cortensor.router.fanout import Deadlines
    from cortensor.router.operations_config import HedgingConfig
    from cortensor.router.ports import Call, Clock, Completion, Engine
    from cortensor.router.schemas import DelegateRequest, ValidateRequest
    from cortensor.router.selection import Pool, Slot
    from cortensor.router.tracing import Tracer

    Cause = Literal["first", "slow", "failed"]
    Asked = DelegateRequest | ValidateRequest

TASK_ID_BYTES = 16
MISSING = "MISSING"
CANCELLED = "CANCELLED"
PATIENCE_S = 1.0
"""A session of unknown speed is blamed for a deadline only if it had at least so long."""
BURST = 4
BPS = 10_000


class Attempt(Struct, frozen=True, kw_only=True):
    """A run that is to be made; `is_sure` of one that no open breaker stops."""

    index: int
    slot: Slot
    call: Call
    cause: Cause
    task_id: str
    began: float
    is_sure: bool = False


class Ended(Struct, frozen=True, kw_only=True):
    """How a run ended: OK, TIMEOUT, ERROR, or MISSING for one that never got a turn.

    `is_passing` is whether another session might do better.
    """

    attempt: Attempt
    status: str
    at: float
    completion: Completion | None = None
    reading: Reading | None = None
    reason: str | None = None
    is_passing: bool = False

    def block(self) -> AttemptBlock:
        """Return it as receipts show a run that is not the replica."""
        return lost(self.attempt, self.status, self.at, self.reason)


def lost(attempt: Attempt, status: str, at: float, reason: str | None = None) -> AttemptBlock:
    """Return a run that is not the replica, as receipts show it."""
    session = attempt.slot.session
    return AttemptBlock(
        index=attempt.index,
        session_id=session.id,
        task_id=attempt.task_id,
        miner=session.miner,
        cause=attempt.cause,
        status=status,  # type: ignore[arg-type]  # one of the four by construction
        reason=reason,
        latency_ms=max(0, round((at - attempt.began) * 1000)),
    )


class HedgeBudget:
    """How many replicas may be doubled: a share of all, and a few at the start.

    Args:
        share_bps: the share, in 1/10000.
    """

    def __init__(self, share_bps: int) -> None:
        self._share = share_bps / BPS
        self._left = float(BURST) if share_bps else 0.0

    def earn(self) -> None:
        """Count a replica."""
        self._left = min(float(BURST), self._left + self._share)

    def spend(self) -> bool:
        """Take one doubling, if there is one."""
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Spares:
    """Finds other sessions for one job's replicas.

    Args:
        pool: all compute sessions.
        request: the job's request.
        slots: the sessions it was planned on.
        highest_class: the model class it is priced at.
        tokens: output tokens a replica may make.
        config: when others are asked.
        budget: how often, over all jobs.
        is_streamed: whether the answer is shown as it is made. Then nothing is doubled: how long a
            whole answer takes says nothing of one that is being read.
    """

    def __init__(
        self,
        pool: Pool,
        request: Asked,
        slots: Sequence[Slot],
        *,
        highest_class: int,
        tokens: int,
        config: HedgingConfig,
        budget: HedgeBudget,
        is_streamed: bool = False,
    ) -> None:
        self._pool = pool
        self._request = request
        self._class = highest_class
        self._tokens = tokens
        self._budget = budget
        self._taken = {slot.session.id for slot in slots}
        self._miners = {slot.session.miner for slot in slots} - {None}
        self.fallbacks = config.fallbacks
        self.hedges = not is_streamed and (
            config.slow == "always" or (config.slow == "asked" and request.policy.latency == "low")
        )
        for _ in slots:
            budget.earn()

    def slow(self, first: Attempt, now: float, soft: float) -> Attempt | None:
        """Return the run that doubles a slow one, where time and budget allow one."""
        found = self._find(first, "slow", now)
        if found is None or now + (found.slot.stats.mean_s() or 0.0) >= soft:
            return None
        if not self._budget.spend():
            return None
        self._taken.add(found.slot.session.id)
        return found

    def failed(self, first: Attempt, now: float, soft: float) -> Attempt | None:
        """Return the run that replaces a failed one, where there is time."""
        found = self._find(first, "failed", now) if now < soft else None
        if found is not None:
            self._taken.add(found.slot.session.id)
        return found

    def _find(self, first: Attempt, cause: Cause, now: float) -> Attempt | None:
        miners = {m for m in self._miners if m is not None and m != first.slot.session.miner}
        slot = self._pool.spare(
            self._request.consensus.session_pool, self._taken, self._class, miners
        )
        if slot is None:
            return None
        call = build_call(self._request, slot.session, self._tokens)
        # The quote holds for the session it was made for: a longer system prompt costs no more.
        bound = min(call.prompt_bound, first.call.prompt_bound)
        return Attempt(
            index=first.index,
            slot=slot,
            call=structs.replace(call, prompt_bound=bound),
            cause=cause,
            task_id=new_task_id(),
            began=now,
        )


class SparesOfJobs:
    """Finds other sessions for all jobs, within one budget.

    Args:
        pool: all compute sessions.
        config: when others are asked.
    """

    def __init__(self, pool: Pool, config: HedgingConfig) -> None:
        self._pool = pool
        self._config = config
        self._budget = HedgeBudget(config.max_share_bps)

    def of(
        self,
        request: Asked,
        slots: Sequence[Slot],
        highest_class: int,
        tokens: int,
        *,
        is_streamed: bool,
    ) -> Spares:
        """Return what finds them for one job; see `Spares`."""
        return Spares(
            self._pool,
            request,
            slots,
            highest_class=highest_class,
            tokens=tokens,
            config=self._config,
            budget=self._budget,
            is_streamed=is_streamed,
        )


def new_task_id() -> str:
    """Return a fresh id of a run."""
    return "0x" + secrets.token_hex(TASK_ID_BYTES)


async def run_attempt(
    request: Asked,
    attempt: Attempt,
    *,
    backend: Engine,
    clock: Clock,
    deadlines: Deadlines,
    tracer: Tracer,
) -> Ended:
    """Make one run, to its own end."""
    slot, breaker = attempt.slot, attempt.slot.breaker
    completion: Completion | None = None
    status, reason, is_passing = OK, None, False
    reading: Reading | None = None
    began: float | None = None
    passed: object | None = None
    with tracer.span(
        "replica", index=attempt.index, session=slot.session.id, cause=attempt.cause
    ) as span:
        try:
            async with asyncio.timeout(deadlines.turn_left(clock.monotonic())) as bound, slot.gate:
                began = clock.monotonic()
                _extend(bound, deadlines, began)
                passed = breaker.admit(began)
                if passed is None and not attempt.is_sure:
                    span.note(status=MISSING, reason="breaker_open")
                    return Ended(
                        attempt=attempt,
                        status=MISSING,
                        at=began,
                        reason="breaker_open",
                        is_passing=True,
                    )
                completion = await backend.complete(attempt.call)
            now = clock.monotonic()
            share = completion.input_units / max(1, attempt.call.prompt_bound)
            slot.succeeded(now, now - began, completion.output_units, share)
            reading = read_answer(request, completion.text)
            if reading.reason is not None:
                status, reason = ERROR, reading.reason
        except TimeoutError:
            if began is None:  # this says nothing of the session's health
                span.note(status=MISSING, reason="queue_timeout")
                return Ended(
                    attempt=attempt, status=MISSING, at=clock.monotonic(), reason="queue_timeout"
                )
            status, reason = TIMEOUT, "timeout"
            _blame_for_time(slot, began, clock.monotonic())
        except BackendError as error:
            status, reason, is_passing = ERROR, error.reason, not error.healthy
            if not error.healthy:
                slot.failed(clock.monotonic(), error.retry_after_s)
        except BaseException:  # cancelled: another run was quicker
            if began is not None:
                slot.stats.outrun(clock.monotonic(), clock.monotonic() - began)
            raise
        finally:
            breaker.ended(passed)
        span.note(status=status)
        if reason is not None:
            span.note(reason=reason)
    return Ended(
        attempt=attempt,
        status=status,
        at=clock.monotonic(),
        completion=completion,
        reading=reading,
        reason=reason,
        is_passing=is_passing,
    )


def _extend(bound: asyncio.Timeout, deadlines: Deadlines, began: float) -> None:
    """Give a run that has its turn the time until `hard`; without a `turn` it has that already."""
    if deadlines.turn is not None:
        left = max(0.0, deadlines.hard - began)
        bound.reschedule(asyncio.get_running_loop().time() + left)


def _blame_for_time(slot: Slot, began: float, now: float) -> None:
    """Count a missed deadline against a session, but not one that nobody could have met.

    Callers choose their deadlines: one of a millisecond says nothing of the session, and could
    otherwise close it to everybody.
    """
    usual = slot.stats.p95_s(now)
    if now - began >= (PATIENCE_S if usual is None else usual):
        slot.failed(now)
