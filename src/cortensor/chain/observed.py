# SPDX-License-Identifier: Apache-2.0
"""What happened on chain, as plain records. Roots and hashes are 0x hex, addresses lower case."""

from __future__ import annotations

from msgspec import Struct, field


class Head(Struct, frozen=True):
    """A block: its number, hash and unix time."""

    number: int
    block_hash: str
    time: int


class SettlerSet(Struct, frozen=True):
    """An account became a router's settler."""

    router_id: int
    settler: str


class SettlerChanged(Struct, frozen=True):
    """From this block on an account, in lower case, is a router's settler."""

    router_id: int
    settler: str
    block: int


class BatchAnchored(Struct, frozen=True):
    """A root was appended to an anchorer's log."""

    anchorer: str
    root: str
    count: int
    uri: str
    block: int


class Settlement(Struct, frozen=True):
    """A batch moved `total` wei; `sessions` are those it named, whether it moved or skipped them.

    None where neither the event nor the transaction's calldata names them: a stake batch that was
    settled through another contract. Then it may be any stake session of the router.

    `skipped` are the sessions it said to pass over, as often as it did. `version` is its card.
    """

    router_id: int
    root: str
    sessions: list[int] | None
    block: int
    anchorer: str
    version: int
    total: int
    skipped: list[int]
    is_stake: bool


class MovedBatch(Struct, frozen=True):
    """An escrow or voucher batch that moved `total` wei into a bucket.

    `items` are its words, session << 96 | total; `skipped` the (session, total) it passed over.
    Both are in the batch's order.
    """

    router_id: int
    version: int
    bucket: int
    total: int
    items: list[int]
    skipped: list[tuple[int, int]]
    block: int
    log_index: int


class Enrolled(Struct, frozen=True):
    """A stake session got its account."""

    session: int
    block: int


class Demanded(Struct, frozen=True):
    """Somebody demanded a leaf. `settled` is wei, `answer_by` unix seconds."""

    session: int
    index: int
    challenger: str
    settled: int
    answer_by: int
    block: int


class Answered(Struct, frozen=True):
    """A demand was answered by a transaction, with a leaf of this hash. `settled` is wei."""

    session: int
    index: int
    settled: int
    leaf: str
    challengeable_until: int
    tx_hash: str
    block: int


class DemandClosed(Struct, frozen=True):
    """A demand ended. `settled` is wei."""

    session: int
    index: int
    settled: int
    is_answered: bool
    block: int


class FraudProven(Struct, frozen=True):
    """A fraud was proven, or a demand went unanswered."""

    session: int
    index: int
    challenger: str
    kind: str
    block: int


DisputeEvent = Demanded | Answered | DemandClosed | FraudProven


class Seen(Struct, frozen=True):
    """The events of a run of blocks; moves and disputes in the order they happened."""

    settlers: list[SettlerSet] = field(default_factory=list)
    anchored: list[BatchAnchored] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)
    moved: list[MovedBatch] = field(default_factory=list)
    enrolled: list[Enrolled] = field(default_factory=list)
    disputes: list[DisputeEvent] = field(default_factory=list)


class SurchargeEpoch(Struct, frozen=True):
    """A surcharge and when it was posted, in unix seconds."""

    bps: int
    posted_at: int
