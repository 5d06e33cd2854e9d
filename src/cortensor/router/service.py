# SPDX-License-Identifier: Apache-2.0
"""The one paid path: authenticate, quote, reserve, run, agree, bill, sign, commit.

Whatever happens between the reservation and the commit (a bug, a cancelled task, a shutdown),
the reservation is released; a killed process's are released at the next start.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from cortensor.consensus import OK
from cortensor.errors import Error, PaymentRequired, TooManyRequests, Unauthorized
from cortensor.receipts.keccak import keccak256, to_hex
from cortensor.router import logs
from cortensor.router.answer import Answer, Job, finish, replica_runs
from cortensor.router.attempts import SparesOfJobs, new_task_id
from cortensor.router.deciding import rule_of, stop_of, votes_of
from cortensor.router.embeddings import Embeddings
from cortensor.router.engine import deadlines_for, engine_for
from cortensor.router.history import NoHistory
from cortensor.router.holds import Holds
from cortensor.router.keys import Said, check_request, check_voucher
from cortensor.router.metrics import Metrics
from cortensor.router.offers import Offers
from cortensor.router.once import Keyed, SignedRequests, Tasks
from cortensor.router.operations_config import HedgingConfig
from cortensor.router.problems import (
    AllReplicasFailed,
    MaxChargeTooLow,
    TooFewHealthy,
    VoucherNeeded,
)
from cortensor.router.progress import Board
from cortensor.router.quoting import budget, check_budget, wei_of
from cortensor.router.request_checks import check_call, fewest_replicas
from cortensor.router.rounds import Environment, escalation, run_rounds
from cortensor.router.selection import POOL
from cortensor.router.showing import replica_result
from cortensor.router.streaming import can_stream
from cortensor.router.tracing import NoTracer
from cortensor.store.calls import IN_THREADS
from cortensor.store.claims import Claim
from cortensor.store.records import IdempotencyKey

if TYPE_CHECKING:
    from cortensor.receipts.rule import AdaptiveBlock
    from cortensor.router.answer import Signer
    from cortensor.router.config import Limits
    from cortensor.router.deciding import Rule
    from cortensor.router.fanout import Ran
    from cortensor.router.keys import Authorisation
    from cortensor.router.offers import Offer
    from cortensor.router.payment_sessions import PaymentSessions
    from cortensor.router.ports import (
        Backend,
        Clock,
        HistoryPort,
        LedgerPort,
        VouchersPort,
    )
    from cortensor.router.schemas import DelegateRequest, ValidateRequest
    from cortensor.router.selection import Pool
    from cortensor.router.streaming import OnText
    from cortensor.router.tracing import Tracer
    from cortensor.store.calls import Calls
    from cortensor.store.records import Account, ReceiptRecord


class Service:
    """Serves paid requests; `offers` says what they may cost.

    Args:
        backend: runs prompts.
        ledger: holds the money.
        vouchers: totals that session keys signed.
        sessions: payment sessions.
        pool: compute sessions.
        signer: signs receipts.
        clock: time.
        limits: bounds on requests.
        public_url: where receipts can be fetched from outside, without a trailing slash.
        history: measured accuracy of the compute sessions; none by default.
        embeddings: models for answers that are compared by meaning.
        hedging: when other sessions are asked for a replica.
        metrics: counts what is done; its own by default.
        tracer: times what is done; nothing by default.
        calls: how the ledger is called.
    """

    def __init__(
        self,
        *,
        backend: Backend,
        ledger: LedgerPort,
        vouchers: VouchersPort,
        sessions: PaymentSessions,
        pool: Pool,
        signer: Signer,
        clock: Clock,
        limits: Limits,
        public_url: str,
        history: HistoryPort | None = None,
        embeddings: Embeddings | None = None,
        hedging: HedgingConfig | None = None,
        metrics: Metrics | None = None,
        tracer: Tracer | None = None,
        calls: Calls = IN_THREADS,
    ) -> None:
        self._backend = backend
        self._ledger = ledger
        self._calls = calls
        self._vouchers = vouchers
        self._holds = Holds(ledger, clock, calls)
        self.sessions = sessions
        self.pool = pool
        self._history = history if history is not None else NoHistory()
        self._embeddings = embeddings if embeddings is not None else Embeddings()
        self.offers = Offers(sessions, pool, limits, self._history, self._embeddings)
        self.signer = signer
        self._clock = clock
        self._limits = limits
        self.public_url = public_url
        self._spares = SparesOfJobs(pool, hedging or HedgingConfig())
        self.metrics = metrics or Metrics()
        self._tracer = tracer or NoTracer()
        self.board = Board()
        self._running = Tasks()
        self._keyed = Keyed(self._running, ledger, calls)
        self._signed = SignedRequests(ledger, calls)

    async def paid(
        self,
        endpoint: str,
        request: DelegateRequest | ValidateRequest,
        canonical: bytes,
        key: str | None,
        account: Account,
        said: Said | None = None,
        spender: str | None = None,
        on_text: OnText | None = None,
    ) -> Answer:
        """Serve delegate or validate.

        The work goes on when the caller disconnects: it is paid for and has a receipt.

        Args:
            endpoint: delegate or validate.
            request: the decoded body.
            canonical: the canonical bytes the receipt commits to.
            key: the caller's idempotency key.
            account: the session the caller's grant is for.
            said: what the session's key says, if it has one.
            spender: hash of the API key the call comes by, if it does.
            on_text: told each piece of the answer as it comes, if it `can_stream`. A copy of an
                earlier answer comes without pieces.

        Raises:
            Unauthorized: the request names another session, or its session's key did not sign it.
        """
        if request.session_id != account.facts.session:
            raise Unauthorized("the grant is for another session", field="session_id")
        said = said or Said()
        signed = check_request(said, account, canonical, self.signer.domain)
        if said.voucher is not None:
            account = await self.take_voucher(said.voucher, account)
        execute = partial(
            self._execute, endpoint, request, canonical, account, signed, spender, on_text
        )
        if key is None:
            return await asyncio.shield(self._running.spawn(execute(None)))
        limits = self._limits
        longest_ms = (request.timeout_ms or limits.default_timeout_ms) + limits.late_grace_ms
        named = IdempotencyKey(key=key, request_hash=to_hex(keccak256(canonical)))
        return await self._keyed.answer(request.session_id, named, execute, longest_ms / 1000)

    async def drain(self, grace_s: float) -> None:
        """Wait for running work, then cancel what is left; its reservations are released."""
        await self._running.drain(grace_s)

    async def take_voucher(self, text: str, account: Account) -> Account:
        """Keep a voucher, and return the session's account with it.

        Raises:
            InvalidField: malformed, or no voucher session.
            Unauthorized: not the session key's.
            Conflict: not a total that was charged.
        """
        owed = check_voucher(text, account, self.signer.domain)
        return await self._calls.write(
            self._vouchers.accept,
            account.facts.session,
            owed.cumulative,
            owed.signature,
            self._clock.unix(),
        )

    async def _execute(
        self,
        endpoint: str,
        request: DelegateRequest | ValidateRequest,
        canonical: bytes,
        account: Account,
        signed: Authorisation | None,
        spender: str | None,
        on_text: OnText | None,
        key: IdempotencyKey | None,
    ) -> Answer:
        started = self._clock.monotonic()
        check_call(request, self._limits)
        embedding = await self._embeddings.of(request)
        self.sessions.require_open(account)
        if len(self._running) > self._limits.max_in_flight:
            raise TooManyRequests("the router is at its limit; try again", code="overloaded")
        async with self._signed.turn(request.session_id, signed):
            history = self._history.snapshot()
            with self._tracer.span("quote", endpoint=endpoint) as span:
                offer = await self.offers.price(endpoint, request, account, history)
                made = offer.quote
                span.note(max_charge_wei=str(made.bill.total), replicas=len(offer.slots))
            if made.bill.total > account.available:  # a top-up may not be in the cache yet
                account = await self.sessions.load(request.session_id, fresh=True)
                self.sessions.require_open(account)
            check_budget(made, account, wei_of(request.policy.budget_wei))
            if signed is not None and made.bill.total > signed.max_charge:
                raise MaxChargeTooLow(
                    f"may cost {made.bill.total} wei, {signed.max_charge} wei are signed for",
                    budget(made, account),
                )
            job = Job(
                endpoint=endpoint,
                request=request,
                canonical=canonical,
                task_id=new_task_id(),
                quote=made,
                signed=signed,
                history=history,
                embedding=embedding,
                spender=spender,
            )
            logs.note(task_id=job.task_id)
            with self._tracer.span("reserve", task_id=job.task_id):
                await self._reserve(job, key)
            try:
                self.board.begin(
                    job.task_id,
                    session=request.session_id,
                    key=key.key if key else None,
                    endpoint=endpoint,
                )
                return await self._run(job, offer, key, started, on_text)
            except BaseException:
                await self._holds.drop(job.task_id)
                raise
            finally:
                self.board.end(job.task_id)

    async def _reserve(self, job: Job, key: IdempotencyKey | None) -> None:
        session, credit = job.request.session_id, self._limits.voucher_credit_wei
        claim = Claim(
            key=key.key if key else None,
            request_hash=key.request_hash if key else None,
            commitment=to_hex(job.signed.commitment) if job.signed else None,
        )
        try:
            await self._holds.take(
                session, job.task_id, job.quote.bill.total, credit, job.spender, claim
            )
        except PaymentRequired as error:
            account = await self.sessions.load(session)
            if error.code == VoucherNeeded.default_code:
                raise VoucherNeeded(account, credit) from error
            check_budget(job.quote, account)  # another request took the money meanwhile
            raise

    async def _run(
        self,
        job: Job,
        offer: Offer,
        key: IdempotencyKey | None,
        started: float,
        on_text: OnText | None,
    ) -> Answer:
        limits, request, slots = self._limits, job.request, offer.slots
        deadlines = deadlines_for(request, limits, started, on_text)
        rule = rule_of(request, job.history, job.embedding)
        is_slow = job.embedding is not None
        stop_bps = stop_of(request.consensus, job.history)
        votes = partial(votes_of, request, quote=job.quote)
        ran, adaptive = await run_rounds(
            request,
            slots,
            offer.calls,
            Environment(
                backend=engine_for(
                    request,
                    self._backend,
                    limits=limits,
                    clock=self._clock,
                    deadlines=deadlines,
                    on_text=on_text,
                ),
                clock=self._clock,
                deadlines=deadlines,
                on_start=lambda asked: self.board.start(
                    job.task_id, [slot.session.id for slot in asked]
                ),
                on_end=partial(self.board.note, job.task_id),
                spares=self._spares.of(
                    request,
                    slots,
                    job.quote.terms.model_class,
                    offer.tokens,
                    is_streamed=on_text is not None and can_stream(request),
                ),
                tracer=self._tracer,
            ),
            escalation(request, stop_bps, votes, rule, is_slow=is_slow),
        )
        self.metrics.ran(ran)
        fewest = fewest_replicas(request.consensus)
        if len(ran.replicas) < fewest:
            raise TooFewHealthy(
                f"{fewest} of {request.consensus.replicas} replicas must run, "
                f"{len(ran.replicas)} got a turn in time; nothing was charged",
                field=POOL,
            )
        if all(replica.status != OK for replica in ran.replicas):
            raise AllReplicasFailed(
                [
                    msgspec.to_builtins(replica_result(r, None, None, shows=False))
                    for r in ran.replicas
                ]
            )
        conclude = partial(self._conclude, job, ran, rule, adaptive)
        answer, record = await asyncio.to_thread(conclude) if is_slow else conclude()
        logs.note(receipt_id=record.receipt_id)
        card = job.quote.card_json()
        with self._tracer.span("commit", charge_wei=str(record.charge)) as span:
            span.note(receipt_id=record.receipt_id)
            commit = self._calls.write(
                self._ledger.commit, job.task_id, record, (answer.status, answer.body), key, card
            )
            try:
                total = await asyncio.shield(commit)
            except asyncio.CancelledError:
                # The commit runs on; a release now could race with it.
                await asyncio.wait([commit])
                raise
        self.metrics.charge(record.charge)
        return msgspec.structs.replace(answer, total=total)

    def _conclude(
        self, job: Job, ran: Ran, rule: Rule, adaptive: AdaptiveBlock | None
    ) -> tuple[Answer, ReceiptRecord]:
        """Return answer and receipt. From here on whatever fails is the router's own fault."""
        try:
            with self._tracer.span("consensus", replicas=len(ran.replicas)) as span:
                votes = votes_of(job.request, ran.replicas, job.quote)
                decision = rule(votes)
                span.note(outcome=decision.outcome)
            with self._tracer.span("sign"):
                return finish(
                    job,
                    ran,
                    replica_runs(
                        job.request, ran.replicas, self._backend.model, self._backend.model_digest
                    ),
                    decision=decision,
                    adaptive=adaptive,
                    signer=self.signer,
                    # A clock that is behind the chain's would date the receipt before the
                    # surcharge it is priced with, which is fraud, and draw stake in a window that
                    # is over.
                    now=max(self._clock.unix(), job.quote.surcharge.as_of),
                    public_url=self.public_url,
                )
        except Exception as error:
            raise Error("the receipt could not be made; nothing was charged") from error
