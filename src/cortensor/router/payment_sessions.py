# SPDX-License-Identifier: Apache-2.0
"""Payment sessions as the router sees them: chain facts, cached briefly, and their state."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING

from cortensor.errors import Forbidden, NotFound
from cortensor.router.problems import SessionClosed
from cortensor.store.calls import IN_THREADS
from cortensor.store.records import FUNDINGS, STATE_OPEN

if TYPE_CHECKING:
    from collections.abc import Collection

    from cortensor.chain.facts import Surcharge
    from cortensor.pricing import RateCard
    from cortensor.router.ports import Chain, Clock, LedgerPort
    from cortensor.store.calls import Calls
    from cortensor.store.records import Account

ROUTER_ID_SHIFT = 128
UNKNOWN_SIZE = 4096


class PaymentSessions:
    """Reads sessions through the ledger's cache.

    Args:
        chain: where facts come from.
        ledger: where they are kept, with what was spent.
        clock: unix time.
        router_id: sessions of other routers are unknown here.
        cache_s: how long facts, or that there is no such session, may be used without asking
            again.
        surcharge_s: the same for the surcharge epoch.
        expiry_margin_s: a session this close to its end takes no new work.
        max_volume_tier: sessions opened with a higher tier are refused.
        fundings: sessions paid otherwise are refused.
        calls: how the ledger is called.
    """

    def __init__(
        self,
        chain: Chain,
        ledger: LedgerPort,
        clock: Clock,
        *,
        router_id: int,
        cache_s: int,
        surcharge_s: int,
        expiry_margin_s: int,
        max_volume_tier: int,
        fundings: Collection[str],
        calls: Calls = IN_THREADS,
    ) -> None:
        self._chain = chain
        self._ledger = ledger
        self._calls = calls
        self._clock = clock
        self._router_id = router_id
        self._cache_s = cache_s
        self._surcharge_s = surcharge_s
        self._margin_s = expiry_margin_s
        self._max_volume_tier = max_volume_tier
        self._fundings = fundings
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._cards: dict[int, RateCard] = {}
        self._surcharge: tuple[float, Surcharge] | None = None
        self._reading: dict[str, asyncio.Task[Account]] = {}
        self._asking: asyncio.Task[Surcharge] | None = None

    async def load(self, session: str, *, fresh: bool = False) -> Account:
        """Return a session's account, from the chain if the cache is stale or `fresh` is set.

        Raises:
            NotFound: never opened, or another router's.
            Conflict: the ledger is behind the chain.
            Unavailable: the chain cannot be read.
        """
        if int(session, 16) >> ROUTER_ID_SHIFT != self._router_id:
            raise _unknown(f"no payment session of router {self._router_id} has this id")
        if not fresh:
            known = await self._calls.read(self._ledger.account, session)
            if known and self._clock.unix() - known.facts.fetched_at < self._cache_s:
                return known
            asked = self._unknown.get(session)
            if asked is not None and self._clock.monotonic() - asked < self._cache_s:
                raise _unknown("no payment session with this id was opened")
            return await self._read_once(session)
        return await self._read(session)

    async def _read_once(self, session: str) -> Account:
        """Read a session for all who ask meanwhile: a burst must not become a burst at the node."""
        reading = self._reading.get(session)
        if reading is None:
            reading = asyncio.create_task(self._read(session))
            self._reading[session] = reading
            reading.add_done_callback(lambda task: self._has_read(session, task))
        return await asyncio.shield(reading)

    def _has_read(self, session: str, task: asyncio.Task[Account]) -> None:
        del self._reading[session]
        if not task.cancelled():
            task.exception()  # seen: whoever asked may have left before it failed

    async def _read(self, session: str) -> Account:
        facts = await self._chain.session(session)
        if facts is None:
            self._remember_unknown(session)
            raise _unknown("no payment session with this id was opened")
        return await self._calls.write(self._ledger.refresh, facts)

    def _remember_unknown(self, session: str) -> None:
        """So that asking for it over and over costs one call, not one each."""
        self._unknown[session] = self._clock.monotonic()
        self._unknown.move_to_end(session)
        if len(self._unknown) > UNKNOWN_SIZE:
            self._unknown.popitem(last=False)

    def require_open(self, account: Account) -> None:
        """Refuse a session that takes no new work.

        Raises:
            SessionClosed: code `session_closed` or `session_expired`.
            Forbidden: code `volume_tier_not_granted` or `funding_not_served`.
        """
        funding = FUNDINGS[account.facts.funding]
        if funding not in self._fundings:
            raise Forbidden(
                f"the session is paid by {funding}, this router serves "
                + ", ".join(name for name in FUNDINGS if name in self._fundings),
                field="session_id",
                code="funding_not_served",
            )
        if account.facts.state != STATE_OPEN:
            raise SessionClosed("the payment session is closing or closed", field="session_id")
        if account.facts.expiry <= self._clock.unix() + self._margin_s:
            raise SessionClosed(
                "the payment session has expired or is about to",
                field="session_id",
                code="session_expired",
            )
        if account.facts.volume_tier > self._max_volume_tier:
            raise Forbidden(
                f"the session claims volume tier {account.facts.volume_tier}, this router grants "
                f"up to {self._max_volume_tier}; open a session with that",
                field="session_id",
                code="volume_tier_not_granted",
            )

    async def card(self, version: int) -> RateCard:
        """Return a rate card; published cards never change, so it is read once."""
        if version not in self._cards:
            self._cards[version] = await self._chain.card(version)
        return self._cards[version]

    async def surcharge(self) -> Surcharge:
        """Return the latest surcharge epoch, at most `surcharge_s` old."""
        now = self._clock.monotonic()
        if self._surcharge is not None and now - self._surcharge[0] < self._surcharge_s:
            return self._surcharge[1]
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_surcharge(now))
            self._asking.add_done_callback(self._has_asked)
        return await asyncio.shield(self._asking)

    async def _ask_surcharge(self, now: float) -> Surcharge:
        found = await self._chain.surcharge()
        self._surcharge = (now, found)
        return found

    def _has_asked(self, task: asyncio.Task[Surcharge]) -> None:
        self._asking = None
        if not task.cancelled():
            task.exception()


def _unknown(reason: str) -> NotFound:
    return NotFound(reason, field="session_id", code="unknown_session")
