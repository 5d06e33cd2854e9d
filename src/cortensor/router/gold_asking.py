# SPDX-License-Identifier: Apache-2.0
"""Asks compute sessions questions whose answers are known, so that their accuracy is measured.

A gold question is made as a caller's validation is, field by field, and is asked when a session
has a place free; nobody is billed for it and it has no receipt. The times are random, and the
question is the one that the session answered longest ago. Without an answer nothing is recorded.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct

from cortensor.consensus import OK, GoldItem, Vote
from cortensor.errors import Error, InvalidInput
from cortensor.router.attempts import Attempt, new_task_id, run_attempt
from cortensor.router.fanout import Deadlines
from cortensor.router.prompts import build_call
from cortensor.router.quoting import token_limit
from cortensor.router.schemas import ValidateRequest
from cortensor.router.tracing import NoTracer
from cortensor.store.calls import IN_THREADS
from cortensor.store.gold import Answered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cortensor.router.config import Limits
    from cortensor.router.metrics import Metrics
    from cortensor.router.operations_config import GoldConfig
    from cortensor.router.ports import Backend, Clock
    from cortensor.router.selection import Pool, Slot
    from cortensor.store.calls import Calls
    from cortensor.store.gold import Gold

NOBODY = "0x" + "0" * 40
ENDPOINT = "validate"
LONGEST_LOOK_S = 1.0

log = logging.getLogger(__name__)


class Question(Struct, frozen=True, forbid_unknown_fields=True):
    """A claim whose verdict is known; `item` names it in the store."""

    item: str
    claim: str
    answer: Literal["VALID", "INVALID"]
    context: Any = None

    def request(self) -> ValidateRequest:
        """Return the validation that a caller would send."""
        return ValidateRequest(session_id=NOBODY, claim=self.claim, context=self.context)


def load_questions(path: Path) -> tuple[Question, ...]:
    """Read a file of JSON lines.

    Raises:
        InvalidInput: unreadable, malformed, empty, or one item twice.
    """
    field = "gold.questions"
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}", field=field) from error
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(msgspec.json.decode(line, type=Question))
        except msgspec.MsgspecError as error:
            raise InvalidInput(f"{path}, line {number}: {error}", field=field) from error
    if not found:
        raise InvalidInput(f"{path} has no questions", field=field)
    if len({each.item for each in found}) != len(found):
        raise InvalidInput(f"{path} has one item twice", field=field)
    return tuple(found)


class GoldAsker:
    """Asks the sessions of a pool.

    Args:
        pool: the sessions.
        backend: where they run.
        clock: time.
        gold: where answers are kept.
        questions: what may be asked.
        config: how often.
        limits: those of callers' requests, for tokens and time.
        metrics: counts questions.
    """

    def __init__(
        self,
        pool: Pool,
        backend: Backend,
        clock: Clock,
        gold: Gold,
        questions: Sequence[Question],
        *,
        config: GoldConfig,
        limits: Limits,
        metrics: Metrics,
        calls: Calls = IN_THREADS,
    ) -> None:
        self._calls = calls
        self._pool = pool
        self._backend = backend
        self._clock = clock
        self._gold = gold
        self._questions = tuple(questions)
        self._config = config
        self._limits = limits
        self._metrics = metrics
        now = clock.monotonic()
        self._due = {slot.session.id: now + self._interval() for slot in pool.slots}

    async def ask_for_ever(self) -> None:
        """Ask what is due, again and again."""
        look = min(LONGEST_LOOK_S, self._config.interval_s / 4)
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(look)
                for slot in self.due():
                    group.create_task(self._ask_safely(slot))

    def due(self) -> list[Slot]:
        """Return the sessions to ask now, and note when each is due again.

        One that has no place free stays due: paid work comes first.
        """
        now = self._clock.monotonic()
        found = [
            slot
            for slot in self._pool.askable
            if now >= self._due[slot.session.id]
            and slot.in_flight < slot.session.max_concurrency
            and slot.breaker.state(now) == "closed"
        ]
        for slot in found:
            self._due[slot.session.id] = now + self._interval()
        return found

    async def ask(self, slot: Slot) -> str | None:
        """Ask a session one question and keep its answer; returns the verdict, None without one.

        Raises:
            Unavailable: the store cannot be read or written.
            Conflict: the item is stored with another right answer.
        """
        session = slot.session
        question = self._choose(await self._calls.read(self._gold.answered_at, session.id))
        request = question.request()
        now = self._clock.monotonic()
        soft = now + self._limits.default_timeout_ms / 1000
        attempt = Attempt(
            index=0,
            slot=slot,
            call=build_call(request, session, token_limit(ENDPOINT, None, self._limits)),
            cause="first",
            task_id=new_task_id(),
            began=now,
        )
        with slot.load():
            ended = await run_attempt(
                request,
                attempt,
                backend=self._backend,
                clock=self._clock,
                deadlines=Deadlines(now, soft, soft + self._limits.late_grace_ms / 1000),
                tracer=NoTracer(),
            )
        verdict = ended.reading.verdict if ended.reading and ended.status == OK else None
        if verdict is None:
            self._metrics.gold.labels(session.id, "no_answer").inc()
            return None
        vote = Vote(
            index=0,
            rater=session.id,
            label=verdict,
            model=ended.completion.model if ended.completion else session.model,
            prompt=session.system_prompt,
        )
        answered = Answered(
            item=question.item, known=GoldItem(votes=(vote,), right=question.answer)
        )
        await self._calls.write(self._gold.answer, answered, self._clock.unix())
        right = "right" if verdict == question.answer else "wrong"
        self._metrics.gold.labels(session.id, right).inc()
        return verdict

    async def _ask_safely(self, slot: Slot) -> None:
        try:
            await self.ask(slot)
        except Error as error:
            log.warning("no gold question for %s: %s", slot.session.id, error.code)
        except Exception:
            # A bug in one question must not end all of them without a word.
            log.exception("the gold question for %s broke", slot.session.id)

    def _choose(self, answered_at: dict[str, int]) -> Question:
        oldest = min(answered_at.get(each.item, 0) for each in self._questions)
        waiting = [each for each in self._questions if answered_at.get(each.item, 0) == oldest]
        return random.choice(waiting)  # noqa: S311 -- no secret; order only must not be the file's

    def _interval(self) -> float:
        return self._config.interval_s * random.uniform(0.5, 1.5)  # noqa: S311 -- as above
