# SPDX-License-Identifier: Apache-2.0
"""The contracts as the router reads them: off the event loop, in the ledger's terms."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from cortensor.chain.facts import ChainIdentity, Surcharge
from cortensor.chain.rpc import connect, node_errors
from cortensor.chain.session_payment import SessionPayment
from cortensor.chain.table import PriceTable
from cortensor.errors import Conflict
from cortensor.store.records import STATE_NONE, SessionFacts

if TYPE_CHECKING:
    from cortensor.chain.book import AddressBook
    from cortensor.pricing import RateCard

WEI_PER_GWEI = 10**9
FUNDING_ESCROW = 0


class ChainReader:
    """Reads through one node.

    Args:
        rpc_url: an http(s) JSON-RPC endpoint.
        book: the contracts' addresses.
    """

    def __init__(self, rpc_url: str, book: AddressBook) -> None:
        self._web3 = connect(rpc_url)
        self._book = book
        self._payment = SessionPayment(self._web3, book.session_payment)
        self._table = PriceTable(self._web3, book.table)

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
        """Return a payment session, or None if it was never opened or is not escrow."""
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
        return Surcharge(epoch, self._table.surcharge_bps(epoch))

    def _identity(self) -> ChainIdentity:
        with node_errors("chain id"):
            chain_id = int(self._web3.eth.chain_id)
        if self._book.chain_id not in (None, chain_id):
            raise Conflict(
                f"the node is on chain {chain_id}, the deployment on {self._book.chain_id}",
                field="rpc_url",
                code="wrong_chain",
            )
        table, anchor = self._payment.linked()
        for name, stated, real in (
            ("table", self._book.table, table),
            ("receipt_anchor", self._book.receipt_anchor, anchor),
        ):
            if stated != real:
                raise Conflict(
                    f"is {stated}, but SessionPayment works with {real}",
                    field=f"addresses.{name}",
                    code="wrong_contract",
                )
        return ChainIdentity(chain_id, self._book.session_payment, table, anchor)

    def _session(self, session: str) -> SessionFacts | None:
        found = self._payment.session(int(session, 16))
        if found.state == STATE_NONE or found.funding != FUNDING_ESCROW:
            return None
        return SessionFacts(
            session=session,
            payer=found.payer,
            deposit=found.deposit,
            settled=found.settled,
            expiry=found.expiry,
            state=found.state,
            volume_tier=found.volume_tier,
            version=found.version,
            surcharge_cap_bps=found.surcharge_cap_bps,
            task_cap_wei=found.task_cap_gwei * WEI_PER_GWEI,
            fetched_at=int(time.time()),
        )
