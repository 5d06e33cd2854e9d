# SPDX-License-Identifier: Apache-2.0
"""Puts a router together from its configuration, and takes it apart again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from cortensor.chain.book import AddressBook
from cortensor.chain.options import place_of
from cortensor.chain.reader import ChainReader
from cortensor.chain.settler import Settler
from cortensor.errors import Conflict, Error, InvalidInput
from cortensor.receipts.sign import address_of
from cortensor.router.access import Doorkeeper
from cortensor.router.adapters.embedded import EmbeddedBackend
from cortensor.router.adapters.openai import OpenAIBackend
from cortensor.router.answer import Signer
from cortensor.router.app import Parts, build_app
from cortensor.router.body_routes import BodyDesk
from cortensor.router.callers import Callers
from cortensor.router.chat.models import Models
from cortensor.router.clock import SystemClock
from cortensor.router.config import secret
from cortensor.router.embeddings import build_embeddings
from cortensor.router.gauges import States
from cortensor.router.key_routes import KeyDesk
from cortensor.router.known_keys import KnownKeys
from cortensor.router.lease import Lease, alive
from cortensor.router.log_routes import LogDesk
from cortensor.router.measured import MeasuredHistory, load_calibrations
from cortensor.router.operations import background, build_pool, build_registry, build_tracer
from cortensor.router.payment_sessions import PaymentSessions
from cortensor.router.proofs import Library
from cortensor.router.rate_limit import RateLimits
from cortensor.router.registry import RegisteredSessions
from cortensor.router.service import Service
from cortensor.router.settlement import settle_for_ever
from cortensor.router.weak_keys import check_signer_key
from cortensor.store.calls import IN_THREADS
from cortensor.store.group import Group
from cortensor.store.records import FUNDINGS, STAKE
from cortensor.store.sqlite import SqliteDatabase
from cortensor.store.store import Store
from cortensor.tlog.entry import LogName

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cortensor.router.config import Config
    from cortensor.router.embeddings import Embeddings
    from cortensor.router.front import Front
    from cortensor.router.operations import ReadRegistry
    from cortensor.router.ports import Backend, Chain, Clock, HistoryPort
    from cortensor.router.selection import Pool
    from cortensor.router.tracing import ClosableTracer, Tracer
    from cortensor.store.calls import Calls

DAY_S = 86_400

log = logging.getLogger(__name__)


def address_book(config: Config) -> AddressBook:
    """Return the configured contracts."""
    if config.addresses is not None:
        given = config.addresses
        return AddressBook.of(
            given.session_payment,
            given.table,
            given.receipt_anchor,
            stake_pool=given.stake_pool,
            stake_quota=given.stake_quota,
            node_reputation=given.node_reputation,
        )
    return AddressBook.load(config.path(config.deployments or "."))


def first_block(config: Config) -> int:
    """Return the block that deployed the contracts; 0 where no record says it."""
    if config.deployments is None:
        return 0
    return place_of(config.path(config.deployments), None).first_block


def served_fundings(config: Config) -> list[str]:
    """Return how sessions may be paid here.

    Raises:
        InvalidInput: by stake, and there is no address of StakeQuota.
    """
    has_quota = address_book(config).stake_quota is not None
    asked = config.payment.fundings
    if asked is None:
        return [name for name in FUNDINGS if name != FUNDINGS[STAKE] or has_quota]
    if FUNDINGS[STAKE] in asked and not has_quota:
        raise InvalidInput("stake needs the address of StakeQuota", field="payment.fundings")
    return list(asked)


def build_backend(config: Config, tracer: Tracer | None = None) -> Backend:
    """Return the configured backend, not started."""
    settings = config.backend
    if settings.kind == "openai":
        key = secret(settings.api_key_env, "backend.api_key_env") if settings.api_key_env else None
        return OpenAIBackend(settings, api_key=key, tracer=tracer)
    return EmbeddedBackend(settings, sum(session.max_concurrency for session in config.sessions))


def build_settler(config: Config, store: Store, public_url: str | None) -> Settler:
    """Return the settler for a configuration; batches point at `public_url` by default."""
    base = config.settlement.uri_base
    if base is None and public_url is not None:
        base = f"{public_url.rstrip('/')}/api/v4/batch/"
    return Settler(
        rpc_url=config.rpc_url,
        book=address_book(config),
        key=config.signer_key(),
        router_id=config.router_id,
        store=store,
        uri_base=base,
        timeout_s=config.settlement.transaction_timeout_s,
        final_depth=config.settlement.final_depth,
        first_block=first_block(config),
    )


async def check_signer(config: Config, chain: Chain) -> Signer:
    """Return who signs receipts, checked against the chain.

    Raises:
        InvalidInput: the key can be guessed.
        Conflict: the key is not the router's settler, so no receipt would count.
    """
    identity = await chain.identity()
    check_signer_key(config.signer_key(), identity.chain_id)
    address = address_of(config.signer_key())
    settler = await chain.settler(config.router_id)
    if settler.lower() != address.lower():
        raise Conflict(
            f"router {config.router_id} settles from {settler}, the key is {address}",
            field="signer_key_env",
            code="not_settler",
        )
    return Signer(
        router_id=config.router_id, address=address, key=config.signer_key(), chain=identity
    )


@asynccontextmanager
async def running(
    config: Config,
    public_url: str,
    *,
    chain: Chain | None = None,
    backend: Backend | None = None,
    clock: Clock | None = None,
    tracer: ClosableTracer | None = None,
) -> AsyncIterator[Front]:
    """Start everything, yield the application, stop everything.

    Args:
        config: checked configuration.
        public_url: where the router is reached.
        chain: instead of the configured node.
        backend: instead of the configured one.
        clock: instead of the system's.
        tracer: instead of the configured one.

    Raises:
        Error: a part does not come up; what did is stopped again.
    """
    async with contextlib.AsyncExitStack() as stack:
        store = stack.enter_context(Store(config.database_address, config.store.synchronous))
        stack.enter_context(store.database.serving())
        lease = Lease()
        if store.database.is_shared:
            lease = await stack.enter_async_context(alive(store.owners, config.limits.lease_ms))
        _recover(store)
        reader = chain or ChainReader(config.rpc_url, address_book(config))
        signer = await check_signer(config, reader)
        traces = tracer or build_tracer(config)
        stack.push_async_callback(asyncio.to_thread, traces.close)
        engine = backend or build_backend(config, traces)
        stack.push_async_callback(engine.close)
        await engine.start()
        time = clock or SystemClock()
        embeddings = await asyncio.to_thread(build_embeddings, config)
        registry = build_registry(config, address_book(config), time)
        if isinstance(registry, RegisteredSessions):
            await registry.refresh()
        pool = build_pool(config, time, registry)
        history = build_history(config, store, time, registry)
        calls = _calls_of(store)
        service = _service(
            config,
            store,
            calls,
            history,
            embeddings,
            pool,
            chain=reader,
            backend=engine,
            clock=time,
            signer=signer,
            public_url=public_url,
            tracer=traces,
        )
        service.metrics.watch(States(pool, history, store.database))
        for work in background(
            config, service, store, history, registry, backend=engine, clock=time, calls=calls
        ):
            stack.push_async_callback(_cancel, asyncio.create_task(work))
        stack.push_async_callback(service.drain, config.limits.shutdown_grace_s)
        if config.settlement.enabled:
            # Whatever the router's own setting: what was sent to the chain must not be forgotten.
            safe = stack.enter_context(Store(config.database_address))
            settler = build_settler(config, safe, public_url)
            task = asyncio.create_task(
                settle_for_ever(safe.outbox, safe.skips, settler, config.settlement, time)
            )
            stack.push_async_callback(_cancel, task)
        doorkeeper = Doorkeeper(signer.domain)
        known = KnownKeys(store.api_keys, time, calls)
        rates = RateLimits(time, lambda: lease.routers)
        yield build_app(
            Parts(
                service=service,
                library=Library(store.ledger, store.outbox, signer.address, calls),
                ledger=store.ledger,
                calls=calls,
                chain=reader,
                backend=engine,
                limits=config.limits,
                callers=Callers(service.sessions, doorkeeper, known, rates, time),
                key_desk=KeyDesk(
                    service.sessions, doorkeeper, store.api_keys, time, config.limits, calls, known
                ),
                metrics_access=config.metrics.access,
                history=history,
                tracer=traces,
                logs_requests=config.logs.requests,
                bodies=BodyDesk(
                    store.ledger,
                    store.outbox,
                    calls,
                    is_public=config.settlement.publish_bodies,
                ),
                log=LogDesk(
                    store.log_entries,
                    LogName(
                        signer.chain.chain_id,
                        signer.chain.receipt_anchor.lower(),
                        signer.address.lower(),
                    ),
                    f"{public_url.partition('://')[2].rstrip('/')}/tlog",
                    config.signer_key(),
                    calls,
                ),
                models=Models.run_by(config.sessions, engine.model, time.unix()),
            )
        )


def build_history(
    config: Config, store: Store, clock: Clock, registry: ReadRegistry
) -> MeasuredHistory:
    """Return what is known of the compute sessions.

    Raises:
        InvalidInput: the file of calibrations is missing or malformed.
    """
    given = config.consensus
    calibrations = load_calibrations(config.path(given.calibration)) if given.calibration else ()
    return MeasuredHistory(
        store.gold,
        given,
        calibrations,
        clock=clock,
        half_life_s=config.gold.half_life_days * DAY_S,
        levels=registry.levels if isinstance(registry, RegisteredSessions) else dict,
    )


def _recover(store: Store) -> None:
    released = store.owners.recover()
    if released:
        log.warning("released %d reservations of routers that were killed", len(released))
    found = store.ledger.audit()
    if found:
        raise Error("the ledger is unsound: " + "; ".join(found[:3]), code="ledger_unsound")


def _calls_of(store: Store) -> Calls:
    """Return how the router calls its store: a server is waited for, off the event loop."""
    database = store.database
    return Group(database) if isinstance(database, SqliteDatabase) else IN_THREADS


def _service(
    config: Config,
    store: Store,
    calls: Calls,
    history: HistoryPort,
    embeddings: Embeddings,
    pool: Pool,
    *,
    chain: Chain,
    backend: Backend,
    clock: Clock,
    signer: Signer,
    public_url: str,
    tracer: Tracer,
) -> Service:
    limits = config.limits
    return Service(
        backend=backend,
        ledger=store.ledger,
        vouchers=store.vouchers,
        sessions=PaymentSessions(
            chain,
            store.ledger,
            clock,
            router_id=config.router_id,
            cache_s=limits.session_cache_s,
            surcharge_s=limits.surcharge_cache_s,
            expiry_margin_s=config.settlement.expiry_margin_s,
            max_volume_tier=limits.max_volume_tier,
            fundings=served_fundings(config),
            calls=calls,
        ),
        pool=pool,
        signer=signer,
        clock=clock,
        limits=limits,
        public_url=public_url.rstrip("/"),
        history=history,
        embeddings=embeddings,
        hedging=config.hedging,
        tracer=tracer,
        calls=calls,
    )


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
