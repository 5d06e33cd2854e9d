# SPDX-License-Identifier: Apache-2.0
"""Heartbeats: jobs of the router's own, whose receipts show which nodes are there.

In every interval each compute session with a miner is asked once, at a random time, what a caller
could ask, as a caller's request is. Up to five sessions share a receipt. It charges nothing, is
signed and anchored like any other, and holds who was silent; docs/spec/router.md has the rest.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING

from msgspec import structs

from cortensor.errors import Conflict, Error, InvalidInput
from cortensor.receipts.build import usage_of
from cortensor.receipts.tiers import HEARTBEAT
from cortensor.router.answer import Job, make_receipt, replica_runs
from cortensor.router.attempts import Attempt, new_task_id, run_attempt
from cortensor.router.consensus_schemas import PolicyRequest
from cortensor.router.deciding import rule_of, rule_used, votes_of
from cortensor.router.engine import deadlines_for, engine_for
from cortensor.router.fanout import Missing, Ran, Replica, shown
from cortensor.router.heartbeat_prompts import endpoint_of, next_prompt
from cortensor.router.history import NO_HISTORY
from cortensor.router.holds import Holds
from cortensor.router.payment_sessions import ROUTER_ID_SHIFT
from cortensor.router.requests import canonical_request, decode_call
from cortensor.router.tool_traces import trace_hashes
from cortensor.router.tracing import NoTracer
from cortensor.store.calls import IN_THREADS
from cortensor.store.records import ESCROW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.router.config import Config, Limits
    from cortensor.router.heartbeat_prompts import Prompt
    from cortensor.router.offers import Offer
    from cortensor.router.operations_config import HeartbeatsConfig
    from cortensor.router.ports import Backend, Call, Clock, LedgerPort
    from cortensor.router.schemas import DelegateRequest, ValidateRequest
    from cortensor.router.selection import Slot
    from cortensor.router.service import Service
    from cortensor.store.calls import Calls
    from cortensor.store.records import Account, ReceiptRecord

SIZES = (5, 3, 1)
"""Replicas that a request may have, most first."""

log = logging.getLogger(__name__)
_chance = random.SystemRandom()


def check_heartbeats(config: Config) -> None:
    """Refuse heartbeats that could never be made.

    Raises:
        InvalidInput: the session is another router's, or no compute session has a miner.
    """
    session = config.heartbeats.session
    if session is None:
        return
    if int(session, 16) >> ROUTER_ID_SHIFT != config.router_id:
        raise InvalidInput(
            f"is no payment session of router {config.router_id}", field="heartbeats.session"
        )
    if all(each.miner is None for each in config.sessions):
        raise InvalidInput("no compute session has a miner to ask", field="heartbeats.session")


class Heartbeats:
    """Asks the sessions of a router's pool.

    Args:
        service: the router's paid path: its pool, payment sessions, prices and signer.
        backend: where compute sessions run.
        ledger: where receipts are stored.
        clock: time.
        prompts: what to ask; the router's own inventions if empty.
        config: under which session, and how often.
        limits: those of callers' requests, for tokens and time.
        calls: how the ledger is called.
    """

    def __init__(
        self,
        service: Service,
        backend: Backend,
        ledger: LedgerPort,
        clock: Clock,
        prompts: Sequence[Prompt],
        *,
        config: HeartbeatsConfig,
        limits: Limits,
        calls: Calls = IN_THREADS,
    ) -> None:
        self._service = service
        self._backend = backend
        self._ledger = ledger
        self._clock = clock
        self._prompts = prompts
        self._config = config
        self._limits = limits
        self._calls = calls
        self._holds = Holds(ledger, clock, calls)
        self._waiting: set[str] = set()

    async def beat_for_ever(self) -> None:
        """Ask everybody once in each interval, again and again."""
        interval = self._config.interval_s
        async with asyncio.TaskGroup() as group:
            while True:
                began = self._clock.monotonic()
                groups = self.groups()
                times = sorted(_chance.uniform(0, interval) for _ in groups)
                for moment, slots in zip(times, groups, strict=True):
                    await self._sleep_until(began + moment)
                    group.create_task(self._beat_safely(slots))
                await self._sleep_until(began + interval)

    def groups(self) -> list[list[Slot]]:
        """Return who is asked together in a round: everybody with a miner once, in random order.

        Who still has to answer the last one is not asked again: heartbeats never pile up.
        """
        left = [
            slot
            for slot in self._service.pool.askable
            if slot.session.miner is not None and slot.session.id not in self._waiting
        ]
        _chance.shuffle(left)
        groups = []
        for size in SIZES:
            while len(left) >= size:
                groups.append(left[:size])
                left = left[size:]
        return groups

    async def beat(self, slots: Sequence[Slot]) -> ReceiptRecord | None:
        """Ask these sessions and store the receipt; None if none of them had a place in time.

        Raises:
            Error: there can be no receipt now: the session, the chain or the ledger.
        """
        session = str(self._config.session)
        account = await self._service.sessions.load(session)
        self._service.sessions.require_open(account)
        if account.facts.funding != ESCROW:
            raise Conflict(
                "heartbeats need an escrow session", field="heartbeats.session", code="not_escrow"
            )
        job, offer = await self._job(account, slots)
        ran = await self._ask(job.request, offer)
        self._count(ran)
        if not ran.replicas:
            return None
        return await self._store(job, ran)

    async def _job(self, account: Account, slots: Sequence[Slot]) -> tuple[Job, Offer]:
        prompt = next_prompt(self._prompts)
        endpoint = endpoint_of(prompt)
        data = {
            **prompt,
            "session_id": account.facts.session,
            "consensus": {
                "replicas": len(slots),
                "min_replicas": 1,
                "session_pool": [slot.session.id for slot in slots],
            },
        }
        # The API knows no such tier, so that no caller can have a free job.
        policy = PolicyRequest(tier=HEARTBEAT)  # type: ignore[arg-type]
        request = structs.replace(decode_call(endpoint, data), policy=policy)
        data["policy"] = {"tier": HEARTBEAT}
        offer = await self._service.offers.price_on(slots, endpoint, request, account, NO_HISTORY)
        job = Job(
            endpoint=endpoint,
            request=request,
            canonical=canonical_request(endpoint, data),
            task_id=new_task_id(),
            quote=offer.quote,
        )
        return job, offer

    async def _ask(self, request: DelegateRequest | ValidateRequest, offer: Offer) -> Ran:
        deadlines = deadlines_for(request, self._limits, self._clock.monotonic(), None)
        engine = engine_for(
            request,
            self._backend,
            limits=self._limits,
            clock=self._clock,
            deadlines=deadlines,
            on_text=None,
        )

        async def ask(index: int, slot: Slot, call: Call) -> Replica | Missing:
            attempt = Attempt(
                index=index,
                slot=slot,
                call=call,
                cause="first",
                task_id=new_task_id(),
                began=self._clock.monotonic(),
                is_sure=True,  # a node that is away must be asked, or its absence had no receipt
            )
            with slot.load():
                ended = await run_attempt(
                    request,
                    attempt,
                    backend=engine,
                    clock=self._clock,
                    deadlines=deadlines,
                    tracer=NoTracer(),
                )
            return shown(ended, deadlines)

        runs = map(ask, range(len(offer.slots)), offer.slots, offer.calls)
        ended = await asyncio.gather(*runs)
        return Ran(
            [each for each in ended if isinstance(each, Replica)],
            [each for each in ended if isinstance(each, Missing)],
        )

    async def _store(self, job: Job, ran: Ran) -> ReceiptRecord:
        runs = replica_runs(
            job.request, ran.replicas, self._backend.model, self._backend.model_digest
        )
        usage = usage_of(runs, job.quote.terms.replicas)
        _, record = make_receipt(
            job,
            runs,
            (usage, job.quote.price(usage)),
            job.salt_and_commitment(),
            decision=rule_of(job.request, NO_HISTORY)(
                votes_of(job.request, ran.replicas, job.quote)
            ),
            signer=self._service.signer,
            now=max(self._clock.unix(), job.quote.surcharge.as_of),
            tool_traces=trace_hashes(job.request, ran.replicas),
            rule=rule_used(job.request, ran.replicas, None),
        )
        await self._holds.take(record.session, job.task_id, record.charge)
        try:
            await self._calls.write(
                self._ledger.commit, job.task_id, record, (200, b""), None, job.quote.card_json()
            )
        except BaseException:
            await self._holds.drop(job.task_id)
            raise
        return record

    async def _beat_safely(self, slots: Sequence[Slot]) -> None:
        names = {slot.session.id for slot in slots}
        self._waiting |= names
        try:
            await self.beat(slots)
        except Error as error:
            self._service.metrics.heartbeats_skipped.labels(error.code).inc()
            log.warning("no heartbeat of %d sessions: %s", len(slots), error)
        except Exception:
            # A bug in one heartbeat must not end all of them without a word.
            self._service.metrics.heartbeats_skipped.labels("internal").inc()
            log.exception("a heartbeat broke")
        finally:
            self._waiting -= names

    def _count(self, ran: Ran) -> None:
        counter = self._service.metrics.heartbeats
        for missing in ran.missing:
            counter.labels(missing.session.id, "MISSING").inc()
        for replica in ran.replicas:
            status = "LATE" if replica.late else replica.status
            counter.labels(replica.session.id, status).inc()

    async def _sleep_until(self, moment: float) -> None:
        await asyncio.sleep(max(0.0, moment - self._clock.monotonic()))
