# SPDX-License-Identifier: Apache-2.0
"""The contracts as the router reads them: off the event loop, in the ledger's terms."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from cortensor.chain.facts import ChainIdentity, Surcharge
from cortensor.chain.quota import Quota
from cortensor.chain.rpc import chain_of, connect, node_errors
from cortensor.chain.session_payment import NOBODY, SessionPayment
from cortensor.chain.table import PriceTable
from cortensor.errors import Conflict
from cortensor.pricing.quota import DAY_SECONDS, MICRO_WEI, TICK_SECONDS, WEEK_SECONDS
from cortensor.store.records import STAKE, STATE_NONE, WEEKLY, SessionFacts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.chain.book import AddressBook
    from cortensor.chain.quota import AccountState, PermissionState, QuotaLimits, QuotaPool
    from cortensor.pricing import RateCard

WEI_PER_GWEI = 10**9


class ChainReader:
    """Reads through a node.

    Args:
        rpc_url: an http(s) JSON-RPC endpoint, or several of one chain.
        book: the contracts' addresses.
    """

    def __init__(self, rpc_url: str | Sequence[str], book: AddressBook) -> None:
        self._web3 = connect(rpc_url, book.chain_id)
        self._book = book
        self._payment = SessionPayment(self._web3, book.session_payment)
        self._table = PriceTable(self._web3, book.table)
        self._quota = None if book.stake_quota is None else Quota(self._web3, book.stake_quota)

    async def identity(self) -> ChainIdentity:
        """Return the node's chain id with the contracts.

        Raises:
            Conflict: the node is on another chain than the records, or the payment contract
                works with another table or anchor.
        """
        return await asyncio.to_thread(self._identity)

    async def settler(self, router_id: int) -> str:
        """Return the address that may settle for a router."""
        return (await asyncio.to_thread(self._payment.router, router_id)).settler

    async def session(self, session: str) -> SessionFacts | None:
        """Return a payment session, or None if it was never opened.

        The deposit of a stake session is what it has drawn and can draw now; 0 where the address
        book has no StakeQuota.
        """
        return await asyncio.to_thread(self._session, session)

    async def card(self, version: int) -> RateCard:
        """Return a rate card."""
        return await asyncio.to_thread(self._table.card, version)

    async def surcharge(self) -> Surcharge:
        """Return the latest surcharge epoch."""
        return await asyncio.to_thread(self._latest_surcharge)

    async def settle_window_seconds(self) -> int:
        """Return how long after its end a session can still be settled."""
        return await asyncio.to_thread(self._payment.settle_window_seconds)

    async def ping(self) -> int:
        """Return the latest block number."""
        return await asyncio.to_thread(self._block_number)

    def _block_number(self) -> int:
        with node_errors("block number"):
            return int(self._web3.eth.block_number)

    def _latest_surcharge(self) -> Surcharge:
        epoch = self._table.surcharge_epoch()
        with node_errors("block"):  # after the epoch, so it is not from before it was posted
            as_of = int(self._web3.eth.get_block("latest")["timestamp"])
        return Surcharge(epoch, self._table.surcharge_bps(epoch), as_of)

    def _identity(self) -> ChainIdentity:
        chain_id = chain_of(self._web3, self._book.chain_id, "rpc_url")
        table, anchor = self._payment.linked()
        linked: list[tuple[str, str, str]] = [
            ("table", self._book.table, table),
            ("receipt_anchor", self._book.receipt_anchor, anchor),
        ]
        if self._book.stake_quota is not None:
            linked.append(("stake_quota", self._book.stake_quota, self._payment.quota()))
        if self._book.stake_pool is not None:
            linked.append(("stake_pool", self._book.stake_pool, self._payment.pool()))
        for name, stated, real in linked:
            if stated != real:
                raise Conflict(
                    f"is {stated}, but SessionPayment works with {real}",
                    field=f"addresses.{name}",
                    code="wrong_contract",
                )
        return ChainIdentity(chain_id, self._book.session_payment, table, anchor)

    def _session(self, session: str) -> SessionFacts | None:
        found = self._payment.facts(int(session, 16))
        if found.state == STATE_NONE:
            return None
        deposit, profile = found.deposit, None
        if found.funding == STAKE:
            deposit, profile = self._stake(int(session, 16))
        return SessionFacts(
            session=session,
            payer=found.payer,
            deposit=deposit,
            settled=found.settled,
            expiry=found.expiry,
            state=found.state,
            volume_tier=found.volume_tier,
            version=found.version,
            surcharge_cap_bps=found.surcharge_cap_bps,
            task_cap_wei=found.task_cap_gwei * WEI_PER_GWEI,
            fetched_at=int(time.time()),
            funding=found.funding,
            session_key=None if found.session_key == NOBODY else found.session_key.lower(),
            profile=profile,
        )

    def _stake(self, session: int) -> tuple[int, int | None]:
        """Return what a stake session has drawn and can draw, in wei, and its profile."""
        if self._quota is None:
            return 0, None
        account = self._quota.account(session)
        if account.window == 0:  # not enrolled yet
            return 0, None
        left = drawable(
            account,
            self._quota.permission(session),
            self._quota.pool(),
            self._quota.limits(),
            int(time.time()),
        )
        profile = account.bucket + (WEEKLY if account.is_weekly else 0)
        return (account.drawn + left) * MICRO_WEI, profile


def drawable(
    account: AccountState,
    permission: PermissionState,
    pool: QuotaPool,
    limits: QuotaLimits,
    now: int,
) -> int:
    """Return the micro-COR that an account can draw for work of this moment.

    Its quota comes first, then its stake: while the pool is short of what is left of the quota,
    it pays that and no stake is reached, since a draw is paid in full or skipped. Work may be
    settled in the next window, so stake counts only as far as it is there and allowed until that
    window ends. Others may draw from the pool meanwhile. No more than the rate limit lets go in
    one draw.
    """
    unspent = max(pool.limit_wei - pool.spent_today_wei, 0)
    affordable = min(pool.balance_wei, unspent) // MICRO_WEI
    if affordable < account.left_now:
        left = affordable
    else:
        left = account.left_now + _overage(account, permission)
    if limits.rate == 0:
        return left
    busy_ticks = -(min(now - account.rate_limited_until, 0) // TICK_SECONDS)
    return min(left, max(limits.burst_ticks - busy_ticks, 0) * limits.rate)


def _overage(account: AccountState, permission: PermissionState) -> int:
    """Return the micro-COR of stake that can be deducted in this window and in the next."""
    limit, floor = permission.limit, permission.floor
    if permission.next_window == account.window + 1:
        limit, floor = min(limit, permission.next_limit), max(floor, permission.next_floor)
    held = account.stake
    cadence = WEEK_SECONDS if account.is_weekly else DAY_SECONDS
    if account.withdrawable_at >= (account.window + 2) * cadence:
        held += account.leaving
    return min(max(limit - account.overage_now, 0), max(held - floor, 0))
