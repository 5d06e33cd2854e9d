# SPDX-License-Identifier: Apache-2.0
"""Brings one batch from where it stands to confirmed, safe to kill anywhere.

Order of events: leaves and calldata fixed in the database; transaction signed and stored;
broadcast; mined; confirmed. After a crash the same bytes are sent again. If another transaction
took the nonce, or one below it is missing, the same calldata is signed anew; sending it twice
settles nothing twice, because a root moves money once.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.chain.sender import REPLACEMENT_PERCENT, Outbid
from cortensor.errors import Conflict, Unavailable
from cortensor.store.records import FUNDINGS, TransactionRecord

if TYPE_CHECKING:
    from cortensor.chain.sender import Mined, Sender
    from cortensor.chain.settlement import Settlement
    from cortensor.store.outbox import Outbox
    from cortensor.store.records import BatchRecord

ATTEMPTS = 3
REVERTED = "settlement_reverted"
CLOCK_SLACK_S = 60
OUTBIDDING_PERCENT = 100  # more for each try: what the other transaction pays is not known

log = logging.getLogger(__name__)


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


class Driver:
    """Sends batches for one router.

    Args:
        sender: signs and sends as the router's settler.
        settlement: the escrow.
        router_id: whose batches these are.
        outbox: where they are kept.
        timeout_s: how long to wait for a transaction.
    """

    def __init__(
        self,
        sender: Sender,
        settlement: Settlement,
        router_id: int,
        outbox: Outbox,
        timeout_s: float,
    ) -> None:
        self._sender = sender
        self._settlement = settlement
        self._router_id = router_id
        self._outbox = outbox
        self._timeout_s = timeout_s

    def drive(self, batch: BatchRecord) -> SettledBatch:
        """Settle a batch.

        Raises:
            Conflict: the contract refuses it (`contract_refused`), or did so on chain
                (`settlement_reverted`).
            Unavailable: the node; what was stored is resumed by the next call.
        """
        for _ in range(ATTEMPTS):
            mined = self.already_mined(batch.root)
            if mined is not None:
                return self.confirm(batch, mined)
            transaction = self._current(batch)
            try:
                is_accepted = self._sender.broadcast(transaction.raw)
            except Outbid:
                self._sign(batch, transaction.nonce, transaction.raw, OUTBIDDING_PERCENT)
                continue
            self._outbox.mark_sent(batch.root)
            if not is_accepted:
                continue  # the nonce is used: by an earlier send of ours, or by a stranger
            mined = self._wait(batch, transaction)
            self._compare_clocks(mined)
            if not mined.is_success:
                self._outbox.note_costs(batch.root, [each.cost for each in self._mined(batch.root)])
                raise Conflict(f"settlement {mined.tx_hash} reverted", code=REVERTED)
            return self.confirm(batch, mined)
        raise Unavailable(
            "the settler's nonce moved during each attempt; is the key used elsewhere?",
            code="settlement_pending",
        )

    def _wait(self, batch: BatchRecord, transaction: TransactionRecord) -> Mined:
        """Wait for a transaction; if blocks go by without it, sign one that pays more.

        Raises:
            Unavailable: not mined in time; the next call sends what was signed.
        """
        block = self._sender.block_number()
        try:
            return self._sender.wait(transaction.tx_hash, self._timeout_s)
        except Unavailable:
            # A chain without blocks mines nothing for any price, nor does one that waits for a
            # nonce below ours.
            if self._sender.block_number() > block and self._sender.is_next(transaction.nonce):
                self._sign(batch, transaction.nonce, transaction.raw)
            raise

    def _compare_clocks(self, mined: Mined) -> None:
        """Warn of a clock that is not the chain's, by a block that was just made.

        The router's clock dates receipts. Ahead of the chain, they verify as issued after they were
        anchored, and stake is drawn in a window that has not begun.
        """
        ahead = int(time.time()) - self._sender.time_of(mined.block)
        if abs(ahead) > CLOCK_SLACK_S:
            side = "ahead of" if ahead > 0 else "behind"
            log.warning("this clock is %d s %s the chain's: set it", abs(ahead), side)

    def already_mined(self, root: str) -> Mined | None:
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
        nonce = self._sender.place(None if newest is None else newest.nonce)
        if newest is None or nonce != newest.nonce:
            return self._sign(batch, nonce)
        if newest.max_fee >= self._sender.base_fee():
            return newest
        return self._sign(batch, nonce, newest.raw)

    def _sign(
        self,
        batch: BatchRecord,
        nonce: int,
        replaced: bytes | None = None,
        more_percent: int = REPLACEMENT_PERCENT,
    ) -> TransactionRecord:
        data = self._settlement.data(self._router_id, batch)
        signed = self._sender.sign(self._settlement.address, data, nonce, replaced, more_percent)
        record = TransactionRecord(
            tx_hash=signed.tx_hash,
            batch=batch.root,
            nonce=signed.nonce,
            raw=signed.raw,
            max_fee=signed.max_fee,
        )
        self._outbox.sign(record, int(time.time()))
        return record

    def confirm(self, batch: BatchRecord, mined: Mined) -> SettledBatch:
        """Note that a transaction settled a batch, and what came of it."""
        costs = [each.cost for each in self._mined(batch.root)]
        skipped = self._settlement.skipped(mined.receipt)
        self._outbox.confirm(
            batch.root,
            tx_hash=mined.tx_hash,
            block=mined.block,
            block_hash=mined.block_hash,
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
