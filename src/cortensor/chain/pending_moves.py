# SPDX-License-Identifier: Apache-2.0
"""What sessions moved in batches of `settle` and `settle_vouchers`, and its place in a bucket.

The words and hashes of docs/spec/session-payment.md#moves, rebuilt from what events say. Nothing
is read here: whoever calls brings the events, the totals before them and the bucket's digest.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from cortensor.errors import VerificationFailed
from cortensor.receipts.keccak import WORD_BYTES, ZERO_WORD, keccak256

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ITEM_SHIFT = 96
AMOUNT_MASK = 2**ITEM_SHIFT - 1
DIGEST_SHIFT = 96
MAX_LATER = 512
"""Later batches that the dispute contract takes with one; see `PendingBatch` in its interface."""


class Move(Struct, frozen=True):
    """What a batch moved of a session: `moved` wei, to a total of `settled` wei."""

    session: int
    moved: int
    settled: int

    @property
    def word(self) -> int:
        """The word that is hashed: session << 96 | moved."""
        return self.session << ITEM_SHIFT | self.moved


class Prefix(Struct, frozen=True):
    """What `show_prefix` is called with: a digest that a bucket had before its `later` batches.

    `before` is a uint160, `later` are hashes of 32 bytes each, no more than MAX_LATER.
    """

    version: int
    bucket: int
    before: int
    later: tuple[bytes, ...]


class PendingBatch(Struct, frozen=True):
    """The dispute contract's struct of that name: a batch's moves and its place in its bucket.

    `version` is the card that the batch's sessions pin, which the contract knows by itself.
    `bucket` is settlement time // BUCKET_SECONDS. `before` is the bucket's digest before the batch,
    a uint160; `moves` are words; `later` are the hashes of the bucket's later batches, 32 bytes
    each.
    """

    version: int
    bucket: int
    before: int
    moves: tuple[int, ...]
    later: tuple[bytes, ...]

    def moved(self, session: int) -> int:
        """Return the wei that a session moved in it."""
        return sum(word & AMOUNT_MASK for word in self.moves if word >> ITEM_SHIFT == session)

    def steps(self) -> tuple[list[Prefix], PendingBatch]:
        """Return what must be shown before it, in order, and it with no more than is then taken.

        One that few batches followed needs no step. The steps of a batch stay the same as more
        follow it, but for the first, which is proven against the bucket's digest of now.
        """
        if len(self.later) <= MAX_LATER:
            return [], self
        digests = [with_batch(self.before, batch_hash(self.moves))]
        for hashed in self.later:
            digests.append(with_batch(digests[-1], hashed))
        starts = range(MAX_LATER, len(self.later), MAX_LATER)
        steps = [
            Prefix(self.version, self.bucket, digests[at], self.later[at : at + MAX_LATER])
            for at in starts
        ]
        near = msgspec.structs.replace(self, later=self.later[:MAX_LATER])
        return steps[::-1], near

    def longest_step(self) -> Prefix:
        """Return the longest step that could be proven now: what each step costs at most."""
        digest = with_batch(self.before, batch_hash(self.moves))
        for hashed in self.later[:-MAX_LATER]:
            digest = with_batch(digest, hashed)
        return Prefix(self.version, self.bucket, digest, self.later[-MAX_LATER:])

    def abi_value(self) -> dict[str, Any]:
        """Return the struct as web3 takes it."""
        return {
            "bucket": self.bucket,
            "before": self.before,
            "moves": list(self.moves),
            "later": list(self.later),
        }


def split_item(item: int) -> tuple[int, int]:
    """Return (session, total in wei) of an item's word."""
    return item >> ITEM_SHIFT, item & AMOUNT_MASK


def moves_of(
    items: Sequence[int],
    skipped: Sequence[tuple[int, int]],
    total: int,
    settled: Callable[[int], int],
) -> list[Move]:
    """Return what a batch moved, in its order.

    Args:
        items: session << 96 | total, as its event tells them: moved or not.
        skipped: (session, total) of its `SettlementSkipped` events, in their order.
        total: wei that its event says it moved.
        settled: the wei a session had settled before it.

    Raises:
        VerificationFailed: that is not what the event says: a total before it is another.
    """
    passed_over = deque(skipped)
    totals: dict[int, int] = {}
    moves: list[Move] = []
    for item in items:
        session, cumulative = split_item(item)
        if session not in totals:
            totals[session] = settled(session)
        if cumulative <= totals[session]:
            continue  # settled before, which no event tells
        # An item that moved is not told of later as skipped: its total is settled by then. So the
        # first that fits is the one that was.
        if passed_over and passed_over[0] == (session, cumulative):
            passed_over.popleft()
            continue
        moves.append(Move(session, cumulative - totals[session], cumulative))
        totals[session] = cumulative
    # A total before that is taken for lower than it was makes the moves too large, never too small.
    if passed_over or sum(move.moved for move in moves) != total:
        raise VerificationFailed("does not move what its event says", field="batch")
    return moves


def batch_hash(words: Sequence[int]) -> bytes:
    """Return the 32-byte hash of a batch's moves."""
    hashed = ZERO_WORD
    for word in words:
        hashed = keccak256(hashed + word.to_bytes(WORD_BYTES, "big"))
    return hashed


def with_batch(digest: int, hashed: bytes) -> int:
    """Return a bucket's digest, a uint160, with one batch more; 0 is that of none."""
    chained = keccak256(digest.to_bytes(WORD_BYTES, "big") + hashed)
    return int.from_bytes(chained, "big") >> DIGEST_SHIFT


def placed(
    version: int, bucket: int, batches: Sequence[Sequence[int]], digest: int
) -> list[PendingBatch]:
    """Return the batches of a bucket with their places, oldest first.

    Args:
        version: the bucket's rate card.
        bucket: settlement time // BUCKET_SECONDS.
        batches: the words of each batch that moved something there, oldest first.
        digest: what `SessionPayment.moves_digest` says of the bucket.

    Raises:
        VerificationFailed: the batches have another digest: one is missing, or is not as it was.
    """
    hashes = [batch_hash(words) for words in batches]
    digests = [0]
    for hashed in hashes:
        digests.append(with_batch(digests[-1], hashed))
    if digests[-1] != digest:
        raise VerificationFailed("has moves that are not known here", field="bucket")
    return [
        PendingBatch(version, bucket, digests[place], tuple(words), tuple(hashes[place + 1 :]))
        for place, words in enumerate(batches)
    ]
