# SPDX-License-Identifier: Apache-2.0
"""Drains the outbox: anchors and settles batches, one at a time, safe to kill anywhere.

Order of events for a batch: leaves and calldata fixed in the database; transaction signed and
stored; broadcast; mined; confirmed. After a crash the same bytes are sent again. If another
transaction took the nonce, the same calldata is signed anew; sending it twice settles nothing
twice, because a root moves money once. What a settlement skipped is therefore never sent again
under its root: the session's next batch carries the higher total.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from cortensor.chain.anchor import Anchor
from cortensor.chain.pool import Pool
from cortensor.chain.release import Releaser
from cortensor.chain.rpc import connect
from cortensor.chain.sender import Sender
from cortensor.chain.session_payment import SessionPayment
from cortensor.chain.settlement import Settlement
from cortensor.errors import Conflict, Unavailable
from cortensor.pricing import format_cor
from cortensor.store.lock import FileLock
from cortensor.store.records import FUNDINGS, CostRecord, TransactionRecord

if TYPE_CHECKING:
    from pathlib import Path

    from cortensor.chain.book import AddressBook
    from cortensor.chain.release import Released
    from cortensor.chain.sender import Mined
    from cortensor.store.outbox import Outbox
    from cortensor.store.records import BatchRecord

ATTEMPTS = 3
PENDING_EXCEEDS = "router: pending exceeds bond"
FULL_PERCENT = 80  # of the cover: from here on, matured money is released before more is settled


class SettledBatch(Struct, frozen=True):
    """A confirmed batch: money in wei, gas as mined, sessions the contract passed over.

    `fee_wei` is wei of ETH for every transaction of the batch, also those that reverted.
    """

    root: str
    funding: str
    version: int
    receipts: int
    sessions: int
    total_wei: str
    tx_hash: str
    block: int
    gas_used: int
    gas_price_wei: str
    fee_wei: str
    skipped: list[dict[str, str]]


class Settler:
    """Settles for one router.

    Args:
        rpc_url: an http(s) JSON-RPC endpoint.
        book: contracts.
        key: the settler's private key, 0x hex.
        router_id: whose batches these are.
        outbox: where batches are kept.
        lock_path: held while settling, so that two processes never settle at once.
        uri_base: prefix of each batch's public address; None for none.
        timeout_s: how long to wait for a transaction.
    """

    def __init__(
        self,
        *,
        rpc_url: str,
        book: AddressBook,
        key: str,
        router_id: int,
        outbox: Outbox,
        lock_path: Path,
        uri_base: str | None,
        timeout_s: float,
    ) -> None:
        web3 = connect(rpc_url)
        self._sender = Sender(web3, key)
        self._payment = SessionPayment(web3, book.session_payment)
        self._settlement = Settlement(web3, book.session_payment, book.stake_quota)
        self._pool = None if book.stake_pool is None else Pool(web3, book.stake_pool)
        self._releaser = Releaser(
            web3, self._sender, self._settlement, router_id, outbox, timeout_s
        )
        self._anchor = Anchor(web3, book.receipt_anchor)
        self._router_id = router_id
        self._outbox = outbox
        self._lock_path = lock_path
        self._uri_base = uri_base
        self._timeout_s = timeout_s

    def settle_all(self) -> list[SettledBatch]:
        """Settle everything that waits, oldest first.

        Raises:
            Conflict: another process settles (`already_running`), the key is not the router's
                settler (`not_settler`), the bond does not cover more (`pending_exceeds_bond`), or
                the contract refuses (`contract_refused`).
            Unavailable: the node; what was stored is resumed by the next call.
        """
        done: list[SettledBatch] = []
        with FileLock(self._lock_path, "a settlement"):
            is_prepared = False
            while True:
                batch = self._outbox.unconfirmed() or self._outbox.build(
                    self._uri_base, int(time.time())
                )
                if batch is None:
                    return done
                if not is_prepared:
                    self._prepare()
                    self._make_room()
                    is_prepared = True
                done.append(self._settle(batch))

    def release(self) -> list[Released]:
        """Release what has matured of the router's money.

        Raises:
            Conflict: another process settles (`already_running`).
            Unavailable: the node.
        """
        with FileLock(self._lock_path, "a settlement"):
            return self._releaser.release_matured()

    def _make_room(self) -> None:
        """Release what has matured if little more can be pending."""
        if self._pool is None:
            return
        cover = self._pool.cover(self._router_id)
        if self._settlement.total_pending(self._router_id) * 100 >= cover * FULL_PERCENT:
            self._releaser.release_matured()

    def _settle(self, batch: BatchRecord) -> SettledBatch:
        """Drive a batch; if the bond does not cover it, release what has matured and try again."""
        try:
            return self._drive(batch)
        except Conflict as error:
            if PENDING_EXCEEDS not in error.reason:
                raise
        released = self._releaser.release_matured()
        try:
            if any(not bucket.reason for bucket in released):
                return self._drive(batch)
        except Conflict as error:
            if PENDING_EXCEEDS not in error.reason:
                raise
        raise self._exceeds(batch)

    def _exceeds(self, batch: BatchRecord) -> Conflict:
        pending = self._settlement.total_pending(self._router_id)
        at = self._releaser.next_at()
        when = (
            "nothing is known to mature"
            if at is None
            else f"the next release is at {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
        )
        return Conflict(
            f"router {self._router_id} has {format_cor(pending)} COR pending, and its bond does not"
            f" cover {format_cor(batch.total)} COR more: bond more, or wait ({when}); it is tried"
            " again with the next call",
            field="router_id",
            code="pending_exceeds_bond",
        )

    def _prepare(self) -> None:
        """Check the key, and let SessionPayment anchor in its name (once ever)."""
        settler = self._payment.router(self._router_id).settler
        if settler.lower() != self._sender.address.lower():
            raise Conflict(
                f"router {self._router_id} settles from {settler}, the key is "
                f"{self._sender.address}",
                field="signer_key_env",
                code="not_settler",
            )
        if self._anchor.is_authorised(self._sender.address, self._payment.address):
            return
        data = self._anchor.authorise_data(self._payment.address)
        nonce = self._sender.nonce("pending")
        signed = self._sender.sign(self._anchor.address, data, nonce)
        self._sender.broadcast(signed.raw)
        if not self._sender.wait(signed.tx_hash, self._timeout_s).is_success:
            raise Conflict("authorising the anchor failed", code="contract_refused")

    def _drive(self, batch: BatchRecord) -> SettledBatch:
        """Bring one batch from where it stands to confirmed."""
        for _ in range(ATTEMPTS):
            mined = self._already_mined(batch.root)
            if mined is not None:
                return self._confirm(batch, mined)
            transaction = self._current(batch)
            is_accepted = self._sender.broadcast(transaction.raw)
            self._outbox.mark_sent(batch.root)
            if not is_accepted:
                continue  # the nonce is used: by an earlier send of ours, or by a stranger
            mined = self._sender.wait(transaction.tx_hash, self._timeout_s)
            if not mined.is_success:
                raise Conflict(
                    f"settlement {mined.tx_hash} reverted; it is tried again with the next call",
                    code="settlement_reverted",
                )
            return self._confirm(batch, mined)
        raise Unavailable(
            "the settler's nonce moved during each attempt; is the key used elsewhere?",
            code="settlement_pending",
        )

    def _already_mined(self, root: str) -> Mined | None:
        """Return the first of a batch's transactions that succeeded: the one that moved money."""
        done = [mined for mined in self._mined(root) if mined.is_success]
        return min(done, key=lambda mined: mined.block, default=None)

    def _mined(self, root: str) -> list[Mined]:
        found = (self._sender.mined(each.tx_hash) for each in self._outbox.transactions(root))
        return [mined for mined in found if mined is not None]

    def _current(self, batch: BatchRecord) -> TransactionRecord:
        """Return the transaction to send: the stored one while its nonce and fee still serve."""
        stored = self._outbox.transactions(batch.root)
        newest = stored[0] if stored else None
        next_nonce = self._sender.nonce("latest")
        if newest is not None and newest.nonce >= next_nonce:
            if newest.max_fee >= self._sender.base_fee():
                return newest
            return self._sign(batch, newest.nonce, newest.max_fee)
        return self._sign(batch, max(next_nonce, self._sender.nonce("pending")), None)

    def _sign(self, batch: BatchRecord, nonce: int, replaced_fee: int | None) -> TransactionRecord:
        data = self._settlement.data(self._router_id, batch)
        signed = self._sender.sign(self._settlement.address, data, nonce, replaced_fee)
        record = TransactionRecord(
            tx_hash=signed.tx_hash,
            batch=batch.root,
            nonce=signed.nonce,
            raw=signed.raw,
            max_fee=signed.max_fee,
        )
        self._outbox.sign(record, int(time.time()))
        return record

    def _confirm(self, batch: BatchRecord, mined: Mined) -> SettledBatch:
        costs = [_cost(each) for each in self._mined(batch.root)]
        skipped = self._settlement.skipped(mined.receipt)
        self._outbox.confirm(
            batch.root,
            tx_hash=mined.tx_hash,
            block=mined.block,
            gas_used=mined.gas_used,
            gas_price=mined.gas_price,
            now=int(time.time()),
            costs=costs,
            bucket=self._settlement.bucket(mined.receipt),
            skipped=skipped,
        )
        return SettledBatch(
            root=batch.root,
            funding=FUNDINGS[batch.funding],
            version=batch.version,
            receipts=batch.count,
            sessions=len(batch.items),
            total_wei=str(batch.total),
            tx_hash=mined.tx_hash,
            block=mined.block,
            gas_used=mined.gas_used,
            gas_price_wei=str(mined.gas_price),
            fee_wei=str(sum(cost.fee for cost in costs)),
            skipped=[
                {
                    "session_id": item.session,
                    "cumulative_wei": str(item.cumulative),
                    "reason": item.reason,
                }
                for item in skipped
            ],
        )


def _cost(mined: Mined) -> CostRecord:
    return CostRecord(
        tx_hash=mined.tx_hash,
        block=mined.block,
        is_success=mined.is_success,
        gas_used=mined.gas_used,
        gas_price=mined.gas_price,
        l1_gas=_l1_gas(mined.receipt),
    )


def _l1_gas(receipt: Any) -> int | None:
    """Return the gas a rollup took for its data; web3 leaves fields it does not know as hex."""
    given = receipt.get("gasUsedForL1")
    if isinstance(given, str):
        return int(given, 16)
    return given if isinstance(given, int) else None
