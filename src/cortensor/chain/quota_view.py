# SPDX-License-Identifier: Apache-2.0
"""A payer's stake sessions as `cortensor quota` shows them. Amounts are micro-COR (1e12 wei)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.chain.book import SESSION_PAYMENT
from cortensor.chain.logs import EventSource
from cortensor.chain.quota import Quota
from cortensor.chain.rpc import chain_of, connect, contract, node_errors
from cortensor.chain.session_payment import FUNDING_STAKE, SessionPayment
from cortensor.chain.table import PriceTable
from cortensor.errors import InvalidInput
from cortensor.pricing.quota import (
    BUCKETS,
    MICRO_WEI,
    TICK_SECONDS,
    Account,
    Permission,
    Pool,
    Rules,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cortensor.chain.quota import AccountState
    from cortensor.chain.session_payment import PaymentSession
    from cortensor.pricing import RateCard

WEEKLY = 16  # of a profile: the salt of a stake session
WORD_BYTES = 32
STATE_NONE = 0


class StakeSession(Struct, frozen=True):
    """One stake session with its account; `withdrawable_at` is unix seconds, 0 if nothing leaves.

    `account` is None before anybody enrolled the session.
    """

    session: int
    facts: PaymentSession
    account: Account | None
    permission: Permission
    withdrawable_at: int


class QuotaView:
    """Reads through one node; every other contract is the one that SessionPayment names.

    Args:
        rpc_url: an http(s) JSON-RPC endpoint, or several of one chain.
        session_payment: the escrow.
        chain_id: the chain it must be on; None for any.

    Raises:
        Conflict: the node is on another chain (`wrong_chain`).
    """

    def __init__(
        self, rpc_url: str | Sequence[str], session_payment: str, chain_id: int | None
    ) -> None:
        self._web3 = connect(rpc_url, chain_id)
        chain_of(self._web3, chain_id)
        self._payment = SessionPayment(self._web3, session_payment)
        self._quota = Quota(self._web3, self._payment.quota())
        self._table = PriceTable(self._web3, self._payment.linked()[0])

    def now(self) -> int:
        """Return the latest block's time: windows go by it, not by this machine's clock."""
        with node_errors("block"):
            return int(self._web3.eth.get_block("latest")["timestamp"])

    def opened(self, payer: str, from_block: int) -> list[int]:
        """Return a payer's stake sessions from the events of their opening."""
        bound = contract(self._web3, SESSION_PAYMENT, self._payment.address)
        source = EventSource(self._web3, [(bound, ("SessionOpened",))], second_topic=_topic(payer))
        with node_errors("block number"):
            last = int(self._web3.eth.block_number)
        found = source.between(from_block, last)
        return [e["args"]["session"] for e in found if e["args"]["funding"] == FUNDING_STAKE]

    def profiles(self, payer: str, router_id: int) -> Iterable[int]:
        """Yield the ids that a payer's stake sessions with a router have, opened or not."""
        for profile in (*range(BUCKETS), *range(WEEKLY, WEEKLY + BUCKETS)):
            salt = profile.to_bytes(WORD_BYTES, "big")
            yield self._payment.session_id(payer, router_id, salt)

    def session(self, session: int) -> StakeSession | None:
        """Return a stake session, or None if it is none."""
        facts = self._payment.facts(session)
        if facts.state == STATE_NONE or facts.funding != FUNDING_STAKE:
            return None
        found = self._quota.account(session)
        held = self._quota.permission(session)
        return StakeSession(
            session=session,
            facts=facts,
            account=_account(found) if found.window else None,
            permission=Permission(
                limit=held.limit,
                floor=held.floor,
                next_limit=held.next_limit,
                next_floor=held.next_floor,
                next_window=held.next_window,
            ),
            withdrawable_at=found.withdrawable_at,
        )

    def rules(self) -> Rules:
        """Return what stake buys now."""
        rates, limits = self._quota.rates(), self._quota.limits()
        return Rules(
            older_rates=rates.before,
            newest_rates=rates.after,
            effective_at=rates.effective_at,
            cap=limits.cap,
            rate=limits.rate,
            burst_ticks=limits.burst_ticks,
        )

    def pool(self) -> Pool:
        """Return the pool that pays for free work."""
        found = self._quota.pool()
        return Pool(
            balance_wei=found.balance_wei,
            spent=found.spent_today_wei // MICRO_WEI,
            limit=found.limit_wei // MICRO_WEI,
        )

    def card(self, version: int) -> RateCard:
        """Return a rate card."""
        return self._table.card(version)

    def surcharge_bps(self) -> int:
        """Return the surcharge of the latest epoch."""
        return self._table.surcharge_bps(self._table.surcharge_epoch())


def _account(found: AccountState) -> Account:
    cadence = 604_800 if found.is_weekly else 86_400
    begins_before = (found.window - 1) * cadence
    until = max(found.rate_limited_until - begins_before, 0)
    return Account(
        window=found.window,
        bucket=found.bucket,
        is_weekly=found.is_weekly,
        stake=found.stake,
        drawn=found.drawn,
        left_now=found.left_now,
        left_before=found.left_before,
        overage_now=found.overage_now,
        tat=until // TICK_SECONDS,
        leaving=found.leaving,
    )


def _topic(address: str) -> str:
    digits = address.removeprefix("0x").lower()
    if len(digits) != 40 or any(c not in "0123456789abcdef" for c in digits):  # noqa: PLR2004  an address
        raise InvalidInput("must be an address", field="address")
    return "0x" + digits.rjust(64, "0")
