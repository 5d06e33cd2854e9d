# SPDX-License-Identifier: Apache-2.0
"""Which compute sessions run a job: distinct, healthy, with different miners where possible.

Each compute session has a circuit breaker: after `failures` failures in a row it is open (not
picked) for a cool-down, then half open (one trial at a time), and closed again by a success.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cortensor.pricing import MODEL_CLASSES
from cortensor.router.problems import InvalidField, TooFewHealthy
from cortensor.router.schemas import SessionState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from cortensor.router.config import ComputeSession
    from cortensor.router.ports import Clock

POOL = "consensus.session_pool"


class Slot:
    """A compute session with its load and its breaker."""

    def __init__(self, session: ComputeSession, failures: int, cooldown_s: float) -> None:
        self.session = session
        self.gate = asyncio.Semaphore(session.max_concurrency)
        self.in_flight = 0
        self.failures = 0
        self._limit = failures
        self._cooldown_s = cooldown_s
        self._opened_at = 0.0

    def state(self, now: float) -> Literal["closed", "half_open", "open"]:
        """Return the breaker's state at a monotonic time."""
        if self.failures < self._limit:
            return "closed"
        return "half_open" if now - self._opened_at >= self._cooldown_s else "open"

    def healthy(self, now: float) -> bool:
        """Return whether the session may be picked now."""
        state = self.state(now)
        return state == "closed" or (state == "half_open" and self.in_flight == 0)

    def succeeded(self) -> None:
        """Note a delivered answer."""
        self.failures = 0

    def failed(self, now: float) -> None:
        """Note a failure; at the limit the breaker opens, and each further one re-opens it."""
        self.failures += 1
        self._opened_at = now


class Pool:
    """All compute sessions of the router.

    Args:
        sessions: as configured, in order of preference.
        clock: monotonic time for the breakers.
        failures: failures in a row that open a breaker.
        cooldown_s: seconds before an open breaker tries again.
    """

    def __init__(
        self,
        sessions: Sequence[ComputeSession],
        clock: Clock,
        failures: int,
        cooldown_s: float,
    ) -> None:
        self._slots = {s.id: Slot(s, failures, cooldown_s) for s in sessions}
        self._clock = clock

    def pick(self, wanted: Sequence[str] | None, replicas: int, fewest: int) -> list[Slot]:
        """Return up to `replicas` distinct healthy sessions, and at least `fewest`.

        The least loaded come first, and among equals the configured order; a session whose miner
        is already in is taken only when no other is left.

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
        healthy = [slot for slot in candidates if slot.healthy(now)]
        if len(healthy) < fewest:
            raise TooFewHealthy(
                f"{fewest} of {replicas} replicas must run, {len(healthy)} of {len(candidates)} "
                "compute sessions in the pool are healthy; try again, or lower "
                "consensus.min_replicas",
                field=POOL,
            )
        left = sorted(healthy, key=lambda slot: slot.in_flight / slot.session.max_concurrency)
        chosen: list[Slot] = []
        while left and len(chosen) < replicas:
            miners = {slot.session.miner for slot in chosen} - {None}
            fresh = next((slot for slot in left if slot.session.miner not in miners), left[0])
            chosen.append(fresh)
            left.remove(fresh)
        return chosen

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
            SessionState(
                id=slot.session.id,
                model_class=slot.session.model_class,
                miner=slot.session.miner,
                healthy=slot.healthy(now),
                state=slot.state(now),
                consecutive_failures=slot.failures,
                in_flight=slot.in_flight,
                max_concurrency=slot.session.max_concurrency,
            )
            for slot in self._slots.values()
        ]


def model_class(slots: Sequence[Slot]) -> int:
    """Return the class a job on these sessions is priced at: the highest among them."""
    return max(MODEL_CLASSES.index(slot.session.model_class) for slot in slots)
