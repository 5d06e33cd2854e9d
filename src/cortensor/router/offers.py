# SPDX-License-Identifier: Apache-2.0
"""What a request may cost now, on the compute sessions that would run it. Nothing is reserved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.router.history import applied
from cortensor.router.prompts import build_call, prompt_bound
from cortensor.router.quoting import build_quote, build_terms, quote_response, token_limit
from cortensor.router.request_checks import (
    check_call,
    check_replicas,
    check_tier,
    fewest_replicas,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.router.config import Limits
    from cortensor.router.consensus_schemas import ConsensusRequest, PolicyRequest
    from cortensor.router.embeddings import Embeddings
    from cortensor.router.history import History
    from cortensor.router.payment_sessions import PaymentSessions
    from cortensor.router.ports import Call, HistoryPort
    from cortensor.router.quoting import Quote
    from cortensor.router.schemas import DelegateRequest, QuoteResponse, ValidateRequest
    from cortensor.router.selection import Pool, Slot
    from cortensor.store.records import Account


class Offer(Struct, frozen=True):
    """What a request may cost, and how it would be run: a call for each compute session.

    A replica may make up to `tokens` output tokens.
    """

    quote: Quote
    slots: list[Slot]
    calls: list[Call]
    tokens: int


class Offers:
    """Picks compute sessions and prices requests on them.

    Args:
        sessions: payment sessions, rate cards and the surcharge.
        pool: compute sessions.
        limits: bounds on requests.
        history: what is known of the compute sessions, by which strategies fall back.
        embeddings: models for answers that are compared by meaning.
    """

    def __init__(
        self,
        sessions: PaymentSessions,
        pool: Pool,
        limits: Limits,
        history: HistoryPort,
        embeddings: Embeddings,
    ) -> None:
        self._sessions = sessions
        self._pool = pool
        self._limits = limits
        self._history = history
        self._embeddings = embeddings

    async def quote(
        self, endpoint: str, request: DelegateRequest | ValidateRequest, *, granted: bool
    ) -> QuoteResponse:
        """Return the most a request can cost now.

        What the session has left is shown only if the caller's grant was checked (`granted`).

        Raises:
            Error: whatever would refuse the request itself, but for lack of money.
        """
        check_call(request, self._limits)
        await self._embeddings.of(request)
        account = await self._sessions.load(request.session_id)
        self._sessions.require_open(account)
        offer = await self.price(endpoint, request, account, self._history.snapshot())
        return quote_response(offer.quote, account, endpoint, offer.slots, granted=granted)

    async def quote_sizes(
        self,
        endpoint: str,
        session: str,
        *,
        consensus: ConsensusRequest,
        policy: PolicyRequest,
        max_tokens: int | None,
        prompt_bytes: int,
        granted: bool,
    ) -> QuoteResponse:
        """Return the most a request of `prompt_bytes` bytes of prompt can cost now.

        Raises:
            Error: as `quote`.
        """
        check_replicas(consensus)
        check_tier(policy)
        account = await self._sessions.load(session)
        self._sessions.require_open(account)
        slots = self._pick(consensus, policy)
        made = await self._made(
            account,
            consensus,
            policy,
            slots,
            [prompt_bound(slot.session, prompt_bytes) for slot in slots],
            token_limit(endpoint, max_tokens, self._limits),
            self._history.snapshot(),
        )
        return quote_response(made, account, endpoint, slots, granted=granted)

    async def price(
        self,
        endpoint: str,
        request: DelegateRequest | ValidateRequest,
        account: Account,
        history: History,
    ) -> Offer:
        """Return the most a checked request can cost now, and how it would be run.

        Raises:
            TooFewHealthy: there are too few.
            Forbidden: the session's stake is not for such work.
        """
        slots = self._pick(request.consensus, request.policy)
        return await self.price_on(slots, endpoint, request, account, history)

    async def price_on(
        self,
        slots: Sequence[Slot],
        endpoint: str,
        request: DelegateRequest | ValidateRequest,
        account: Account,
        history: History,
    ) -> Offer:
        """Return the most a checked request can cost now on these sessions."""
        tokens = token_limit(endpoint, request.max_tokens, self._limits)
        calls = [build_call(request, slot.session, tokens) for slot in slots]
        bounds = [call.prompt_bound for call in calls]
        made = await self._made(
            account, request.consensus, request.policy, slots, bounds, tokens, history
        )
        return Offer(made, list(slots), calls, tokens)

    def _pick(self, consensus: ConsensusRequest, policy: PolicyRequest) -> list[Slot]:
        return self._pool.pick(
            consensus.session_pool,
            consensus.replicas,
            fewest_replicas(consensus),
            fast_first=policy.latency == "low",
        )

    async def _made(
        self,
        account: Account,
        consensus: ConsensusRequest,
        policy: PolicyRequest,
        slots: Sequence[Slot],
        bounds: Sequence[int],
        tokens: int,
        history: History,
    ) -> Quote:
        return build_quote(
            await self._sessions.card(account.facts.version),
            account.facts.version,
            await self._sessions.surcharge(),
            build_terms(consensus, policy, account.facts, slots, applied(consensus, history)),
            bounds,
            max_tokens=tokens,
        )
