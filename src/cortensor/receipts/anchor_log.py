# SPDX-License-Identifier: Apache-2.0
"""An anchorer's log as ReceiptAnchor chains it: does a newer head extend one that somebody kept?

The mirror of the contract's `head_after`: whoever has an older head and the batches since, from
events, needs no contract and no archive to see that none was removed, changed or reordered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cortensor.errors import InvalidInput
from cortensor.receipts.keccak import WORD_BYTES, ZERO_WORD, from_hex, keccak256, word
from cortensor.receipts.typed import uint_word

if TYPE_CHECKING:
    from collections.abc import Iterable

_NUMBER_BYTES = 6


class LoggedBatch(msgspec.Struct, frozen=True):
    """One batch of a log: what `BatchAnchored` or `BatchTold` said, and its block's time.

    Attributes:
        root: the 32 bytes of the Merkle root.
        count: how many leaves it has.
        anchored_at: unix seconds.
        uri: where it can be fetched, empty if nowhere.
    """

    root: bytes
    count: int
    anchored_at: int
    uri: str = ""

    def abi_tuple(self) -> tuple[bytes, int, int, bytes]:
        """Return the contract's `Batch`, which has the URI's hash."""
        return self.root, self.count, self.anchored_at, keccak256(self.uri.encode())


def genesis_head(chain_id: int, receipt_anchor: str, anchorer: str) -> bytes:
    """Return the head of an anchorer's empty log; addresses are 0x-hex.

    Raises:
        InvalidInput: for a malformed address.
    """
    encoded = uint_word(chain_id, 256, "chain_id")
    for address, field in ((receipt_anchor, "receipt_anchor"), (anchorer, "anchorer")):
        encoded += from_hex(address.lower(), 20, field).rjust(WORD_BYTES, b"\0")
    return bytes(_NUMBER_BYTES) + keccak256(encoded)[_NUMBER_BYTES:]


def head_number(head: bytes) -> int:
    """Return how many batches a head stands for. Raises InvalidInput unless it has 32 bytes."""
    return int.from_bytes(word(head, "head")[:_NUMBER_BYTES], "big")


def head_after(old_head: bytes, batches: Iterable[LoggedBatch]) -> bytes:
    """Return the head that a log has after more batches.

    Args:
        old_head: the head before them; `genesis_head` for a log's start.
        batches: all that came after it, in order, stored or told.

    Raises:
        InvalidInput: if a value does not fit its type, or the log is full.
    """
    head = word(old_head, "old_head")
    for batch in batches:
        root, count, anchored_at, uri_hash = batch.abi_tuple()
        link = (
            head
            + word(root, "batches.root")
            + uint_word(count, 256, "batches.count")
            + uint_word(anchored_at, 256, "batches.anchored_at")
            + uri_hash
        )
        number = uint_word(head_number(head) + 1, 8 * _NUMBER_BYTES, "batches")
        head = number[-_NUMBER_BYTES:] + keccak256(link)[_NUMBER_BYTES:]
    return head


def extends(old_head: bytes, batches: Iterable[LoggedBatch], new_head: bytes) -> bool:
    """Return whether a newer head is an older one and exactly these batches, in order.

    Raises:
        InvalidInput: as `head_after`; a zero head is refused, since it names no log.
    """
    for head, field in ((old_head, "old_head"), (new_head, "new_head")):
        if word(head, field) == ZERO_WORD:
            raise InvalidInput("is the head of no log: take genesis_head", field=field)
    return head_after(old_head, batches) == new_head
