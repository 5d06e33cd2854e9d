# SPDX-License-Identifier: Apache-2.0
"""A batch as an entry of its anchorer's log, and the on-chain head that entries lead to."""

from __future__ import annotations

import re

import msgspec
from msgspec import Struct

from cortensor.errors import InvalidInput
from cortensor.receipts.keccak import keccak256

HASH_BITS = 208
MASK = (1 << HASH_BITS) - 1
WORD_BYTES = 32
LIMIT = 1 << 64
_ROOT = re.compile(r"0x[0-9a-f]{64}")


class LogName(Struct, frozen=True):
    """Whose log: chain id, ReceiptAnchor and anchorer, both 0x hex, lower case."""

    chain_id: int
    contract: str
    anchorer: str

    @property
    def line(self) -> str:
        """The log in one line, as checkpoints and the key's grant name it."""
        return f"anchor eip155:{self.chain_id} {self.contract} {self.anchorer}"

    def genesis(self) -> int:
        """Return the head of the empty log."""
        return _hashed(self.chain_id, int(self.contract, 16), int(self.anchorer, 16))


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """One anchored batch, as ReceiptAnchor has it; fields in the order of their names."""

    count: int
    head: str
    number: int
    root: str
    time: int
    uri: str

    def encode(self) -> bytes:
        """Return the bytes that are logged: JSON without spaces."""
        return msgspec.json.encode(self)


def read_entry(data: bytes) -> Entry:
    """Return an entry of its bytes. Raises InvalidInput for bytes that are not its own."""
    try:
        found = msgspec.json.decode(data, type=Entry)
    except msgspec.DecodeError as error:
        raise InvalidInput("is no entry", field="entry") from error
    if found.encode() != data:
        raise InvalidInput("is an entry in another form", field="entry")
    return found


def next_head(before: int, root: str, count: int, time: int, uri: str) -> int:
    """Return the head after a batch, as ReceiptAnchor makes it."""
    named = int.from_bytes(keccak256(uri.encode()), "big")
    digest = _hashed(before, int(root, 16), count, time, named)
    return ((before >> HASH_BITS) + 1) << HASH_BITS | digest


def check_entry(entry: Entry, before: int) -> int:
    """Return the head after an entry that follows a head.

    Raises:
        InvalidInput: it does not follow.
    """
    is_sized = 0 <= entry.count < LIMIT and 0 <= entry.time < LIMIT
    if not (is_sized and _ROOT.fullmatch(entry.root)):
        raise InvalidInput(f"{entry.number} is no batch", field="entry")
    head = next_head(before, entry.root, entry.count, entry.time, entry.uri)
    if entry.number != head >> HASH_BITS or entry.head != f"0x{head:064x}":
        raise InvalidInput(f"{entry.number} does not follow what is before it", field="entry")
    return head


def _hashed(*words: int) -> int:
    """Return the 208 bits that the contract keeps of the hash of some words."""
    data = b"".join(word.to_bytes(WORD_BYTES, "big") for word in words)
    return int.from_bytes(keccak256(data), "big") & MASK
