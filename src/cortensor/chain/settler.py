# SPDX-License-Identifier: Apache-2.0
"""Drains the outbox: anchors and settles batches, one at a time, safe to kill anywhere.

Order of events for a batch: leaves and calldata fixed in the database; transaction signed and
stored; broadcast; mined; confirmed. After a crash the same bytes are sent again. If another
transaction took the nonce, the same calldata is signed anew; sending it twice settles nothing
twice, because the contract settles cumulative totals.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.chain.anchor import Anchor
from cortensor.chain.rpc import connect
from cortensor.chain.sender import Sender
from cortensor.chain.session_payment import SessionPayment
from cortensor.errors import Conflict, Unavailable
from cortensor.store.lock import FileLock
from cortensor.store.records import TransactionRecord

if TYPE_CHECKING:
    from pathlib import Path

    from cortensor.chain.book import AddressBook
    from cortensor.chain.sender import Mined
    from cortensor.store.outbox import Outbox
    from cortensor.store.records import BatchRecord

ATTEMPTS = 3


class SettledBatch(Struct, frozen=True):
    """A confirmed batch: money in wei, gas as mined, sessions the contract passed over."""

    root: str
    version: int
    receipts: int
    sessions: int
    total_wei: str
    tx_hash: str
    block: int
    gas_used: int
    gas_price_wei: str
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
                settler (`not_settler`), or the contract refuses (`contract_refused`).
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
                    is_prepared = True
                done.append(self._drive(batch))

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
        for transaction in self._outbox.transactions(root):
            mined = self._sender.mined(transaction.tx_hash)
            if mined is not None and mined.is_success:
                return mined
        return None

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
        data = self._payment.settle_data(self._router_id, batch)
        signed = self._sender.sign(self._payment.address, data, nonce, replaced_fee)
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
        self._outbox.confirm(
            batch.root,
            tx_hash=mined.tx_hash,
            block=mined.block,
            gas_used=mined.gas_used,
            gas_price=mined.gas_price,
            now=int(time.time()),
        )
        return SettledBatch(
            root=batch.root,
            version=batch.version,
            receipts=batch.count,
            sessions=len(batch.items),
            total_wei=str(batch.total),
            tx_hash=mined.tx_hash,
            block=mined.block,
            gas_used=mined.gas_used,
            gas_price_wei=str(mined.gas_price),
            skipped=[
                {
                    "session_id": item.session,
                    "cumulative_wei": str(item.cumulative),
                    "reason": item.reason,
                }
                for item in self._payment.skipped(mined.receipt)
            ],
        )
