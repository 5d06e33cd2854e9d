# SPDX-License-Identifier: Apache-2.0
"""Makes the parts that watch a router at work: the pool with its breakers, traces, probes, gold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.errors import InvalidInput
from cortensor.router.adapters.chain_nodes import ChainNodes
from cortensor.router.breaker import BreakerRules
from cortensor.router.gold_asking import GoldAsker, load_questions
from cortensor.router.health import Prober
from cortensor.router.heartbeat_prompts import load_prompts
from cortensor.router.heartbeats import Heartbeats, check_heartbeats
from cortensor.router.registry import ConfiguredSessions, RegisteredSessions, miners_of
from cortensor.router.selection import Pool
from cortensor.router.tracing import NoTracer

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from cortensor.chain.book import AddressBook
    from cortensor.router.config import Config
    from cortensor.router.measured import MeasuredHistory
    from cortensor.router.ports import Backend, Clock
    from cortensor.router.service import Service
    from cortensor.router.tracing import ClosableTracer
    from cortensor.store.calls import Calls
    from cortensor.store.store import Store


ReadRegistry = ConfiguredSessions | RegisteredSessions


def build_registry(config: Config, book: AddressBook, clock: Clock) -> ReadRegistry:
    """Return where the compute sessions come from.

    The register of nodes is read where its address is known and a session names a node.
    """
    given, address = config.sessions, book.node_reputation
    if not config.registry.on_chain or address is None or not miners_of(given):
        return ConfiguredSessions(given)
    nodes = ChainNodes(config.rpc_url, address, book.chain_id)
    return RegisteredSessions(given, nodes, clock, config.registry)


def build_pool(config: Config, clock: Clock, registry: ReadRegistry) -> Pool:
    """Return the compute sessions."""
    limits = config.limits
    return Pool(
        registry,
        clock,
        BreakerRules(
            failures=limits.breaker_failures,
            first_s=limits.breaker_cooldown_ms / 1000,
            longest_s=limits.breaker_cooldown_max_ms / 1000,
        ),
        config.health.half_life_s,
    )


def build_tracer(config: Config) -> ClosableTracer:
    """Return what traces are sent by; one that sends none where none are wanted.

    Raises:
        InvalidInput: the extra `telemetry` is not installed.
    """
    if config.telemetry.traces_url is None:
        return NoTracer()
    try:
        from cortensor.router.adapters.opentelemetry import (  # noqa: PLC0415 -- an extra
            OpenTelemetryTracer,
        )
    except ImportError as error:
        raise InvalidInput(
            "traces need the extra: pip install 'cortensor[telemetry]'",
            field="telemetry.traces_url",
        ) from error
    return OpenTelemetryTracer(config.telemetry)


def background(
    config: Config,
    service: Service,
    store: Store,
    history: MeasuredHistory,
    registry: ReadRegistry,
    *,
    backend: Backend,
    clock: Clock,
    calls: Calls,
) -> list[Coroutine[None, None, None]]:
    """Return what runs beside the requests, but for settlement.

    Raises:
        InvalidInput: the file of gold questions or of prompts is missing or malformed, or nothing
            could be asked for heartbeats.
    """
    check_heartbeats(config)
    questions = load_questions(config.path(config.gold.questions)) if config.gold.questions else ()
    found = [history.refresh_for_ever()]
    if isinstance(registry, RegisteredSessions):
        found.append(registry.refresh_for_ever())
    if config.health.probe_interval_s:
        prober = Prober(service.pool, backend, clock, config.health, service.metrics)
        found.append(prober.probe_for_ever())
    if config.heartbeats.session is not None:
        path = config.heartbeats.prompts
        beats = Heartbeats(
            service,
            backend,
            store.ledger,
            clock,
            load_prompts(config.path(path), config.limits) if path else (),
            config=config.heartbeats,
            limits=config.limits,
            calls=calls,
        )
        found.append(beats.beat_for_ever())
    if questions:
        asker = GoldAsker(
            service.pool,
            backend,
            clock,
            store.gold,
            questions,
            config=config.gold,
            limits=config.limits,
            metrics=service.metrics,
            calls=calls,
        )
        found.append(asker.ask_for_ever())
    return found
