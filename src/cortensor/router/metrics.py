# SPDX-License-Identifier: Apache-2.0
"""What the router counts, for Prometheus: events here, present states in `gauges`.

A registry of its own, so that two routers in one process do not mix. Labels are routes, HTTP
statuses, configured compute sessions and fixed words: their number is bounded whatever callers
send. Money is exact in the ledger; here it is in gwei (1e-9 COR) as Prometheus' floats, which stay
whole up to about nine million COR.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prometheus_client.registry import Collector

    from cortensor.receipts.body import AttemptBlock
    from cortensor.router.fanout import Missing, Ran, Replica

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
GWEI = 10**9
OTHER_ROUTE = "unmatched"
HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


class Metrics:
    """The counters of one router."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "cortensor_http_requests_total",
            "HTTP requests answered.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "cortensor_http_request_seconds",
            "Seconds from a request's arrival to its answer's end.",
            ("route",),
            buckets=HTTP_BUCKETS,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "cortensor_http_in_flight",
            "HTTP requests that are being answered.",
            registry=self.registry,
        )
        self.replicas = Counter(
            "cortensor_replicas_total",
            "Replicas of paid calls by how they ended: OK, LATE, TIMEOUT, ERROR, MISSING.",
            ("session", "status"),
            registry=self.registry,
        )
        self.replica_seconds = Histogram(
            "cortensor_replica_seconds",
            "Seconds from a replica's dispatch to its answer.",
            ("session",),
            buckets=HTTP_BUCKETS,
            registry=self.registry,
        )
        self.attempts = Counter(
            "cortensor_attempts_total",
            "Runs beside a replica's own, which nobody is billed for, by cause and end.",
            ("session", "cause", "status"),
            registry=self.registry,
        )
        self.tokens = Counter(
            "cortensor_tokens_total",
            "Tokens that were billed.",
            ("session", "direction"),
            registry=self.registry,
        )
        self.charges = Counter(
            "cortensor_charges_total", "Calls that were charged.", registry=self.registry
        )
        self.charged = Counter(
            "cortensor_charged_gwei_total", "Charges in gwei of COR.", registry=self.registry
        )
        self.probes = Counter(
            "cortensor_probes_total",
            "Health probes by how they ended.",
            ("session", "status"),
            registry=self.registry,
        )
        self.gold = Counter(
            "cortensor_gold_questions_total",
            "Gold questions that were asked, by what came back.",
            ("session", "result"),
            registry=self.registry,
        )
        self.heartbeats = Counter(
            "cortensor_heartbeats_total",
            "Heartbeats by how they ended: OK, LATE, TIMEOUT, ERROR, MISSING.",
            ("session", "status"),
            registry=self.registry,
        )
        self.heartbeats_skipped = Counter(
            "cortensor_heartbeats_skipped_total",
            "Heartbeats without a receipt, by the code of the error.",
            ("code",),
            registry=self.registry,
        )
        # `labels` checks its arguments each time; what it returned once stays good.
        self._requests_of = cache(self.requests.labels)
        self._seconds_of = cache(self.seconds.labels)
        self._replicas_of = cache(self.replicas.labels)
        self._replica_seconds_of = cache(self.replica_seconds.labels)
        self._tokens_of = cache(self.tokens.labels)

    def watch(self, collector: Collector) -> None:
        """Show a collector's states as well."""
        self.registry.register(collector)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an HTTP answer."""
        verb = method if method in METHODS else "other"
        self._requests_of(route, verb, str(status)).inc()
        self._seconds_of(route).observe(seconds)

    def ran(self, ran: Ran) -> None:
        """Count a job's replicas."""
        self._count_missing(ran.missing)
        for replica in ran.replicas:
            self._count(replica)

    def charge(self, wei: int) -> None:
        """Count a charge."""
        self.charges.inc()
        self.charged.inc(wei / GWEI)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format. Blocks while states are read."""
        return generate_latest(self.registry)

    def _count_missing(self, missing: Sequence[Missing]) -> None:
        for each in missing:
            self._replicas_of(each.session.id, "MISSING").inc()
            self._count_attempts(each.attempts)

    def _count(self, replica: Replica) -> None:
        name = replica.session.id
        self._replicas_of(name, "LATE" if replica.late else replica.status).inc()
        self._replica_seconds_of(name).observe(replica.latency_ms / 1000)
        self._count_attempts(replica.attempts)
        done = replica.completion
        if done is not None and replica.status == "OK":
            self._tokens_of(name, "input").inc(done.input_units)
            self._tokens_of(name, "output").inc(done.output_units)

    def _count_attempts(self, attempts: Sequence[AttemptBlock]) -> None:
        for each in attempts:
            self.attempts.labels(each.session_id, each.cause, each.status).inc()
