# SPDX-License-Identifier: Apache-2.0
"""The anchor's logs as docs/spec/receipt-anchor.md states them: lists of batches, hashed."""

from __future__ import annotations

from dataclasses import dataclass, field

from eth_abi import encode
from eth_utils import keccak


@dataclass(frozen=True)
class Anchored:
    """A batch in a log; one that is only told cannot be looked up."""

    root: bytes
    count: int
    anchored_at: int
    uri: str
    is_told: bool = False


@dataclass
class AnchorModel:
    """Every anchorer's log, and how its head follows from it."""

    chain_id: int
    address: str
    uri: str = ""
    logs: dict[str, list[Anchored]] = field(default_factory=dict)

    def is_new(self, anchorer: str, root: bytes) -> bool:
        """Return whether a root is not stored in a log."""
        log = self.logs.get(anchorer, [])
        return all(batch.root != root for batch in log if not batch.is_told)

    def append_once(self, anchorer: str, root: bytes, count: int, now: int) -> bool:
        """Store a batch; return False, and change nothing, if its root is stored in the log."""
        if not self.is_new(anchorer, root):
            return False
        log = self.logs.setdefault(anchorer, [])
        log.append(Anchored(root, count, now, self.uri))
        return True

    def tell(self, anchorer: str, root: bytes, count: int, now: int) -> None:
        """Append a batch that is only told: a root may be told again, and stored besides."""
        told = Anchored(root, count, now, self.uri, is_told=True)
        self.logs.setdefault(anchorer, []).append(told)

    def head(self, anchorer: str) -> bytes:
        """Return the head of a log: its length in 48 bits, a hash over all of it in 208."""
        genesis = encode(["uint256", "address", "address"], [self.chain_id, self.address, anchorer])
        head = bytes(6) + keccak(genesis)[6:]
        for number, batch in enumerate(self.logs.get(anchorer, []), start=1):
            link = encode(
                ["bytes32", "bytes32", "uint256", "uint256", "bytes32"],
                [head, batch.root, batch.count, batch.anchored_at, keccak(text=batch.uri)],
            )
            head = number.to_bytes(6, "big") + keccak(link)[6:]
        return head
