# SPDX-License-Identifier: Apache-2.0
"""States for Prometheus, read when it asks: breakers, load, accuracy, and what the ledger holds."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cortensor.errors import Error
from cortensor.store.depth import depth_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client import Metric

    from cortensor.router.ports import HistoryPort
    from cortensor.router.schemas import SessionState
    from cortensor.router.selection import Pool
    from cortensor.store.database import Database

STATES = ("closed", "half_open", "open")
MILLI = 1000
GWEI = 10**9

log = logging.getLogger(__name__)


class States(Collector):
    """Reads the present state at each scrape.

    Args:
        pool: compute sessions.
        history: what is measured of them.
        database: the ledger's; one that cannot be read leaves its gauges out.
    """

    def __init__(self, pool: Pool, history: HistoryPort, database: Database) -> None:
        self._pool = pool
        self._history = history
        self._database = database

    def describe(self) -> Iterable[Metric]:
        """Return nothing: to register must not read the ledger."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges."""
        yield from self._sessions(self._pool.states())
        yield from self._accuracy()
        yield from self._ledger()

    def _sessions(self, states: list[SessionState]) -> Iterator[Metric]:
        breaker = GaugeMetricFamily(
            "cortensor_breaker_state",
            "1 for the state that a session's breaker is in.",
            labels=("session", "state"),
        )
        load = _by_session("cortensor_session_in_flight", "Calls running or waiting in a session.")
        places = _by_session("cortensor_session_places", "Calls a session runs at once.")
        failing = _by_session(
            "cortensor_session_failure_ratio", "Share of recent calls that failed."
        )
        slow = _by_session(
            "cortensor_session_p95_seconds", "95th percentile of recent answers, where known."
        )
        speed = _by_session(
            "cortensor_session_tokens_per_second", "Output speed of recent answers, where known."
        )
        for each in states:
            for state in STATES:
                breaker.add_metric((each.id, state), float(each.state == state))
            load.add_metric((each.id,), each.in_flight)
            places.add_metric((each.id,), each.max_concurrency)
            _add(failing, each.id, each.failure_rate)
            _add(slow, each.id, None if each.p95_ms is None else each.p95_ms / MILLI)
            _add(speed, each.id, each.output_units_per_s)
        yield from (breaker, load, places, failing, slow, speed)
        yield from self._nodes(states)

    def _nodes(self, states: list[SessionState]) -> Iterator[Metric]:
        level = _by_session("cortensor_node_level", "Level of the session's node, where known.")
        barred = _by_session(
            "cortensor_node_barred", "1 where the node is retired or disqualified, and not asked."
        )
        read = _by_session(
            "cortensor_node_read_timestamp_seconds", "When the register was last read of the node."
        )
        for each in states:
            if each.node is not None:
                _add(level, each.id, each.node.level)
                _add(barred, each.id, float(each.node.is_barred))
                _add(read, each.id, each.node.read_at)
        yield from (level, barred, read)

    def _accuracy(self) -> Iterator[Metric]:
        measured = self._history.snapshot().measured
        right = _by_session("cortensor_gold_accuracy_ratio", "Measured share of right answers.")
        audited = _by_session("cortensor_gold_audited", "Gold answers the accuracy rests on.")
        names = {slot.session.id for slot in self._pool.slots}
        for name, record in sorted(measured.items()):
            if name in names and record.total:
                right.add_metric((name,), record.right / record.total)
                audited.add_metric((name,), record.audited)
        yield from (right, audited)

    def _ledger(self) -> Iterator[Metric]:
        try:
            depth = depth_of(self._database)
        except Error as error:
            log.warning("the ledger's gauges are left out: %s", error.code)
            return
        for name, text, value in (
            ("reservations", "Reservations of calls that are running.", depth.reservations),
            ("reserved_gwei", "What they hold, in gwei of COR.", depth.reserved_wei / GWEI),
            ("outbox_receipts", "Receipts that wait for a batch.", depth.receipts),
            ("outbox_batches", "Batches that are not confirmed.", depth.batches),
            ("outbox_refused", "Batches that the contract refused.", depth.refused),
            ("outbox_oldest_timestamp_seconds", "When the oldest waiting receipt was made, or 0.",
             depth.oldest_at),
        ):  # fmt: skip
            yield GaugeMetricFamily(f"cortensor_{name}", text, value=float(value))


def _by_session(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=("session",))


def _add(family: GaugeMetricFamily, session: str, value: float | None) -> None:
    if value is not None:
        family.add_metric((session,), value)
