# SPDX-License-Identifier: Apache-2.0
"""Health probes: a session that nobody asks is asked for one token now and then.

Nobody is billed for a probe. Busy sessions are not probed: their calls say how they are. A session
whose breaker lets one trial through is tried by a probe, so that no payer's call has to be it.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING

from cortensor.errors import Error
from cortensor.router.ports import BackendError, Call

if TYPE_CHECKING:
    from cortensor.router.metrics import Metrics
    from cortensor.router.operations_config import HealthConfig
    from cortensor.router.ports import Backend, Clock
    from cortensor.router.selection import Pool, Slot

QUESTION = "Say OK."
BOUND = 1 << 20
JITTER = 0.2
LONGEST_LOOK_S = 1.0

log = logging.getLogger(__name__)


class Prober:
    """Probes the sessions of a pool.

    Args:
        pool: the sessions.
        backend: where they run.
        clock: monotonic time.
        config: how often, and for how long.
        metrics: counts probes.
    """

    def __init__(
        self, pool: Pool, backend: Backend, clock: Clock, config: HealthConfig, metrics: Metrics
    ) -> None:
        self._pool = pool
        self._backend = backend
        self._clock = clock
        self._config = config
        self._metrics = metrics
        now = clock.monotonic()
        self._due = {slot.session.id: now + self._interval() for slot in pool.slots}

    async def probe_for_ever(self) -> None:
        """Probe what is due, again and again; sessions do not wait for each other."""
        look = min(LONGEST_LOOK_S, self._config.probe_interval_s / 4)
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(look)
                for slot in self.due():
                    group.create_task(self._probe_safely(slot))

    async def _probe_safely(self, slot: Slot) -> None:
        try:
            await self.probe(slot)
        except Exception:
            # A bug in one probe must not end all of them without a word.
            log.exception("the probe of %s broke", slot.session.id)

    def due(self) -> list[Slot]:
        """Return the sessions to probe now, and note when each is due again."""
        now = self._clock.monotonic()
        found = []
        for slot in self._pool.askable:
            name = slot.session.id
            if self._is_recovering(slot, now) or now >= self._due[name]:
                is_quiet = self._is_quiet(slot, now)
                self._due[name] = now + self._interval()
                if is_quiet and slot.breaker.is_free(now):
                    found.append(slot)
        return found

    async def probe(self, slot: Slot) -> None:
        """Ask a session for a token; its breaker and its statistics learn from it."""
        session = slot.session
        call = Call(session, session.system_prompt, QUESTION, 1, BOUND)
        began = self._clock.monotonic()
        passed = slot.breaker.admit(began)
        if passed is None:
            return
        try:
            with slot.load():
                async with asyncio.timeout(self._config.probe_timeout_ms / 1000), slot.gate:
                    await self._backend.complete(call)
        except BackendError as error:
            if error.healthy:  # it answered, if only to refuse such a call
                slot.breaker.succeeded()
            else:
                slot.failed(self._clock.monotonic(), error.retry_after_s)
            self._tell(session.id, error.reason, is_well=error.healthy)
        except (TimeoutError, Error):
            slot.failed(self._clock.monotonic())
            self._tell(session.id, "timeout", is_well=False)
        else:
            # One token says that it lives, and nothing of how fast it answers a question.
            slot.breaker.succeeded()
            self._metrics.probes.labels(session.id, "OK").inc()
        finally:
            slot.breaker.ended(passed)

    def _tell(self, session: str, reason: str, *, is_well: bool) -> None:
        self._metrics.probes.labels(session, "OK" if is_well else "FAILED").inc()
        if not is_well:
            log.warning("compute session %s fails its probe: %s", session, reason)

    def _is_recovering(self, slot: Slot, now: float) -> bool:
        return slot.breaker.state(now) == "half_open" and slot.breaker.is_free(now)

    def _is_quiet(self, slot: Slot, now: float) -> bool:
        if slot.in_flight:
            return False
        last = slot.stats.last_at
        return (
            last is None
            or now - last >= self._config.probe_interval_s
            or self._is_recovering(slot, now)
        )

    def _interval(self) -> float:
        spread = 1 + JITTER * (2 * random.random() - 1)  # noqa: S311 -- only spreads load
        return self._config.probe_interval_s * spread
