# SPDX-License-Identifier: Apache-2.0
"""Which compute sessions run a job: distinct, healthy, with different miners where possible."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import structs

from cortensor.pricing import MODEL_CLASSES
from cortensor.router.breaker import Breaker, BreakerRules
from cortensor.router.problems import InvalidField, TooFewHealthy
from cortensor.router.schemas import SessionState
from cortensor.router.session_stats import SessionStats
from cortensor.router.standing import preference

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from cortensor.consensus import Record
    from cortensor.router.config import ComputeSession
    from cortensor.router.ports import Clock, SessionRegistry

POOL = "consensus.session_pool"
HALF_LIFE_S = 600.0


class Slot:
    """A compute session with its load, its breaker and its statistics."""

    def __init__(
        self, session: ComputeSession, rules: BreakerRules, half_life_s: float = HALF_LIFE_S
    ) -> None:
        self.session = session
        self.gate = asyncio.Semaphore(session.max_concurrency)
        self.in_flight = 0
        self.breaker = Breaker(rules)
        self.stats = SessionStats(half_life_s)

    @contextmanager
    def load(self) -> Iterator[None]:
        """Count a call, from before it waits for its turn."""
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    def succeeded(
        self, now: float, seconds: float, output_units: int = 0, input_share: float = 1.0
    ) -> None:
        """Note a delivered answer."""
        self.breaker.succeeded()
        self.stats.answered(now, seconds, output_units, input_share)

    def failed(self, now: float, retry_after_s: float | None = None) -> None:
        """Note a failure of the session."""
        self.breaker.failed(now, retry_after_s)
        self.stats.failed(now)


class Pool:
    """All compute sessions of the router.

    Args:
        registry: where they come from; in its order of preference.
        clock: monotonic time for the breakers.
        rules: when breakers open.
        half_life_s: after how long a call counts half in a session's statistics.
    """

    def __init__(
        self,
        registry: SessionRegistry,
        clock: Clock,
        rules: BreakerRules,
        half_life_s: float = HALF_LIFE_S,
    ) -> None:
        self._registry = registry
        self._slots = {s.id: Slot(s, rules, half_life_s) for s in registry.sessions()}
        self._clock = clock

    @property
    def slots(self) -> list[Slot]:
        """All sessions."""
        return list(self._slots.values())

    @property
    def askable(self) -> list[Slot]:
        """The sessions but those whose nodes are retired or disqualified."""
        return [slot for slot in self._slots.values() if not self._is_barred(slot)]

    def pick(
        self,
        wanted: Sequence[str] | None,
        replicas: int,
        fewest: int,
        *,
        fast_first: bool = False,
    ) -> list[Slot]:
        """Return up to `replicas` distinct healthy sessions, and at least `fewest`.

        The least loaded come first, among equals those whose node is staked for, then the higher
        level, then the configured order; with `fast_first` the quickest of those that have a place
        free. None whose node is retired or disqualified counts as healthy. A session whose miner is
        already in is taken only when no other is left.

        Raises:
            InvalidField: the pool is empty, repeats an id, or names an unknown one.
            TooFewHealthy: fewer than `fewest` are healthy, or the pool is smaller than `replicas`.
        """
        candidates = self._named(wanted)
        if len(candidates) < replicas:
            # Not a session that is missing today: more redundancy would be sold, and its premium
            # taken, than this pool ever has.
            raise TooFewHealthy(
                f"{replicas} replicas need as many compute sessions, the pool has "
                f"{len(candidates)}; ask for fewer",
                field=POOL,
            )
        now = self._clock.monotonic()
        healthy = [slot for slot in candidates if self._is_open(slot, now)]
        if len(healthy) < fewest:
            raise TooFewHealthy(
                f"{fewest} of {replicas} replicas must run, {len(healthy)} of {len(candidates)} "
                "compute sessions in the pool are healthy; try again, or lower "
                "consensus.min_replicas",
                field=POOL,
            )
        left = sorted(healthy, key=_speed if fast_first else self._order)
        chosen: list[Slot] = []
        while left and len(chosen) < replicas:
            miners = {slot.session.miner for slot in chosen} - {None}
            fresh = next((slot for slot in left if slot.session.miner not in miners), left[0])
            chosen.append(fresh)
            left.remove(fresh)
        return chosen

    def spare(
        self,
        wanted: Sequence[str] | None,
        taken: Collection[str],
        highest_class: int,
        miners: Collection[str],
    ) -> Slot | None:
        """Return a healthy session with a place free that a job does not use yet, if there is one.

        Args:
            wanted: the request's pool.
            taken: sessions that the job uses.
            highest_class: the model class that the job is priced at.
            miners: miners of the job's other replicas; one of them comes last.
        """
        now = self._clock.monotonic()
        found = [
            slot
            for slot in self._named(wanted)
            if slot.session.id not in taken
            and slot.in_flight < slot.session.max_concurrency
            and self._is_open(slot, now)
            and MODEL_CLASSES.index(slot.session.model_class) <= highest_class
        ]
        return min(
            found, key=lambda slot: (slot.session.miner in miners, self._order(slot)), default=None
        )

    def _is_open(self, slot: Slot, now: float) -> bool:
        return slot.breaker.is_free(now) and not self._is_barred(slot)

    def _is_barred(self, slot: Slot) -> bool:
        standing = self._registry.standing(slot.session.id)
        return standing is not None and standing.is_barred

    def _order(self, slot: Slot) -> tuple[float, tuple[bool, int]]:
        return _load(slot), preference(self._registry.standing(slot.session.id))

    def _named(self, wanted: Sequence[str] | None) -> list[Slot]:
        if wanted is None:
            return list(self._slots.values())
        if not wanted:
            raise InvalidField("must name at least one compute session", field=POOL)
        if len(set(wanted)) != len(wanted):
            raise InvalidField("must not repeat a compute session", field=POOL)
        for name in wanted:
            if name not in self._slots:
                raise InvalidField(
                    f"compute session {name[:64]!r} is unknown here",
                    field=POOL,
                    code="unknown_compute_session",
                )
        return [self._slots[name] for name in wanted]

    def states(self) -> list[SessionState]:
        """Return every session's state."""
        now = self._clock.monotonic()
        return [
            structs.replace(
                _state(slot, now),
                healthy=self._is_open(slot, now),
                node=self._registry.standing(slot.session.id),
            )
            for slot in self._slots.values()
        ]


def _load(slot: Slot) -> float:
    return slot.in_flight / slot.session.max_concurrency


def _speed(slot: Slot) -> tuple[bool, float]:
    # One that was never measured comes first, or it never would be.
    return slot.in_flight >= slot.session.max_concurrency, slot.stats.mean_s() or 0.0


def _state(slot: Slot, now: float) -> SessionState:
    lately = slot.stats.lately(now)
    opens_in = slot.breaker.opens_in(now)
    return SessionState(
        id=slot.session.id,
        model=slot.session.model,
        model_class=slot.session.model_class,
        miner=slot.session.miner,
        healthy=slot.breaker.is_free(now),
        state=slot.breaker.state(now),
        consecutive_failures=slot.breaker.failures,
        retry_in_ms=None if opens_in is None else round(opens_in * 1000),
        in_flight=slot.in_flight,
        max_concurrency=slot.session.max_concurrency,
        failure_rate=_rounded(lately.failure_rate, 4),
        latency_ms=_rounded(lately.latency_ms, 1),
        p95_ms=_rounded(lately.p95_ms, 1),
        output_units_per_s=_rounded(lately.output_units_per_s, 1),
    )


def with_accuracy(
    states: Sequence[SessionState], records: Mapping[str, Record]
) -> list[SessionState]:
    """Return the states with what is measured of the sessions' answers."""
    return [
        structs.replace(each, right=found.right, measured=found.total, audited=found.audited)
        if (found := records.get(each.id)) is not None
        else each
        for each in states
    ]


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def shared_miners(sessions: Sequence[ComputeSession]) -> list[str]:
    """Return the miners that more than one of the sessions has: their answers go together."""
    miners = [session.miner for session in sessions if session.miner is not None]
    return sorted({miner for miner in miners if miners.count(miner) > 1})


def model_class(slots: Sequence[Slot]) -> int:
    """Return the class a job on these sessions is priced at: the highest among them."""
    return max(MODEL_CLASSES.index(slot.session.model_class) for slot in slots)
