# SPDX-License-Identifier: Apache-2.0
"""What the ledger holds, as plain frozen records. Amounts are wei, times unix seconds."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

STATE_NONE, STATE_OPEN, STATE_CLOSING, STATE_CLOSED = range(4)

BatchState = Literal["built", "sent", "confirmed"]


class SessionFacts(Struct, frozen=True):
    """A payment session as the contract has it.

    `session` is "0x" + 40 lower-case hex digits. `task_cap_wei` is the most one task may cost;
    0 allows none.
    """

    session: str
    payer: str
    deposit: int
    settled: int
    expiry: int
    state: int
    volume_tier: int
    version: int
    surcharge_cap_bps: int
    task_cap_wei: int
    fetched_at: int


class Account(Struct, frozen=True):
    """A session with this router's side of it."""

    facts: SessionFacts
    spent: int
    reserved: int
    next_index: int
    cumulative: int

    @property
    def available(self) -> int:
        """Wei that can still be reserved."""
        return max(0, self.facts.deposit - self.spent - self.reserved)


class Replay(Struct, frozen=True):
    """The stored answer to an idempotency key."""

    request_hash: str
    status: int
    response: bytes
    receipt_id: str


class IdempotencyKey(Struct, frozen=True):
    """A caller's key with the hash of the request it was used for."""

    key: str
    request_hash: str


class ReceiptRecord(Struct, frozen=True):
    """A signed receipt with what belongs to it; ids and hashes are 0x hex."""

    receipt_id: str
    session: str
    version: int
    charge: int
    digest: str
    signature: str
    body: bytes
    struct: bytes
    evidence: bytes
    request: bytes
    surcharge_bps: int
    created_at: int


class LeafRecord(Struct, frozen=True):
    """A receipt's place in a batch."""

    batch: str
    position: int
    receipt_id: str
    session: str
    index: int
    cumulative: int
    leaf: str


class BatchRecord(Struct, frozen=True):
    """A settlement batch; `items` are the packed words of the contract's calldata."""

    number: int
    root: str
    version: int
    count: int
    uri: str
    items: list[int]
    total: int
    state: BatchState
    created_at: int
    tx_hash: str | None
    block_number: int | None
    gas_used: int | None
    gas_price: int | None


class TransactionRecord(Struct, frozen=True):
    """A signed settlement transaction; `max_fee` is wei a gas."""

    tx_hash: str
    batch: str
    nonce: int
    raw: bytes
    max_fee: int


class Pending(Struct, frozen=True):
    """Receipts not yet in a batch: how many, since when, and the first session to expire."""

    receipts: int
    oldest: int | None
    first_expiry: int | None
    unconfirmed_batches: int
