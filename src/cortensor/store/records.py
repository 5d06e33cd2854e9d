# SPDX-License-Identifier: Apache-2.0
"""What the ledger holds, as plain frozen records. Amounts are wei, times unix seconds."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

STATE_NONE, STATE_OPEN, STATE_CLOSING, STATE_CLOSED = range(4)
ESCROW, VOUCHER, STAKE = range(3)
FUNDINGS = ("escrow", "voucher", "stake")
DAY_SECONDS, WEEK_SECONDS = 86_400, 604_800
WEEKLY = 16  # in a profile, beside the bucket

BatchState = Literal["built", "sent", "confirmed"]
Finality = Literal["soft", "safe", "hard"]


class SessionFacts(Struct, frozen=True):
    """A payment session as the contract has it.

    `session` is "0x" + 40 lower-case hex digits. `task_cap_wei` is the most one task may cost;
    0 allows none. `session_key` is None for none. `deposit` of a stake session is what it has
    drawn and what it can still draw; `profile` is its bucket + 16 if weekly, None before it is
    enrolled.
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
    funding: int = ESCROW
    session_key: str | None = None
    profile: int | None = None


class Account(Struct, frozen=True):
    """A session with this router's side of it."""

    facts: SessionFacts
    spent: int
    reserved: int
    next_index: int
    cumulative: int
    vouchered: int = 0

    @property
    def available(self) -> int:
        """Wei that can still be reserved."""
        return max(0, self.facts.deposit - self.spent - self.reserved)

    @property
    def unsigned(self) -> int:
        """Wei charged or reserved beyond the session's last voucher."""
        return self.spent + self.reserved - self.vouchered


class Replay(Struct, frozen=True):
    """The stored answer to an idempotency key, and the session's total with its charge."""

    request_hash: str
    status: int
    response: bytes
    receipt_id: str
    total: int | None = None


class IdempotencyKey(Struct, frozen=True):
    """A caller's key with the hash of the request it was used for."""

    key: str
    request_hash: str


class ReceiptRecord(Struct, frozen=True):
    """A signed receipt with what belongs to it; ids and hashes are 0x hex.

    `authorization` is the JSON of what the session's key signed for the request, if it has one.
    """

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
    request_commitment: str | None = None
    authorization: bytes | None = None


class SignedRecord(Struct, frozen=True):
    """What a router signed for a receipt: digest and signature, 0x hex, and the struct's JSON."""

    digest: str
    signature: str
    struct: bytes


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
    """A settlement batch; `items` are the packed words of the contract's calldata.

    `work_at` is there for stake, `signatures` for vouchers: (r, vs) of each item, 0x hex.
    `finality` says how sure the block of a confirmed one is: soft for in a block and no more; None
    if it is in none, or has not been looked at.
    """

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
    funding: int = ESCROW
    work_at: int | None = None
    signatures: list[tuple[str, str]] = []
    block_hash: str | None = None
    finality: Finality | None = None


class CostRecord(Struct, frozen=True):
    """What a mined transaction of a batch cost; `gas_price` is wei a gas.

    `gas_used` has the gas that a rollup takes for its data in it; `l1_gas` says how much, where
    the node does.
    """

    tx_hash: str
    block: int
    is_success: bool
    gas_used: int
    gas_price: int
    l1_gas: int | None = None

    @property
    def fee(self) -> int:
        """Wei of ETH."""
        return self.gas_used * self.gas_price


class SkipRecord(Struct, frozen=True):
    """A total that a settlement passed over, with the contract's reason."""

    session: str
    cumulative: int
    reason: str


class OpenSkip(Struct, frozen=True):
    """A total that was passed over and has not moved since.

    `reason` is the last that was given, `version` the card of the batch it was in. `work_at` and
    `profile` (as in `SessionFacts`) are of stake; `expiry` is the session's as last read. It is
    tried again at `next_at`; None for one that is given up.
    """

    session: str
    cumulative: int
    reason: str
    funding: int
    version: int
    expiry: int
    tries: int
    next_at: int | None
    work_at: int | None = None
    profile: int | None = None

    @property
    def window_s(self) -> int:
        """Seconds in a window of the session's stake."""
        is_weekly = self.profile is not None and self.profile >= WEEKLY
        return WEEK_SECONDS if is_weekly else DAY_SECONDS

    @property
    def window(self) -> int | None:
        """The window of the work, by index; None where no quota pays for it."""
        return None if self.work_at is None else self.work_at // self.window_s


class RefusalRecord(Struct, frozen=True):
    """Why a batch is not settled: the contract's reason, and when it is tried again.

    `next_at` is None for one that is parked: it is tried again when somebody asks for it.
    """

    batch: str
    reason: str
    tries: int
    first_at: int
    next_at: int | None


class TransactionRecord(Struct, frozen=True):
    """A signed settlement transaction; `max_fee` is wei a gas."""

    tx_hash: str
    batch: str
    nonce: int
    raw: bytes
    max_fee: int


class ErrandRecord(Struct, frozen=True):
    """A signed transaction that settles nothing; `action` says what it does."""

    tx_hash: str
    action: str
    nonce: int
    raw: bytes
    max_fee: int


class Pending(Struct, frozen=True):
    """Receipts that can be settled and are in no batch: how many, since when, and so on.

    `first_expiry` is that of the first session to end, `oldest_stake` when the oldest work for a
    stake session was done. `retry_at` is when the first of what could not be settled is tried
    again, a batch or a total: 0 for at once, None for nothing.
    """

    receipts: int
    oldest: int | None
    first_expiry: int | None
    unconfirmed_batches: int
    oldest_stake: int | None = None
    retry_at: int | None = None
