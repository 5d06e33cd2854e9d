# SPDX-License-Identifier: Apache-2.0
"""Who moved what into which bucket, as docs/spec/session-payment.md states it, in plain Python."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eth_utils import keccak

if TYPE_CHECKING:
    from collections.abc import Sequence

Slot = tuple[int, int, int]
"""Router, card, bucket."""


@dataclass
class MovesModel:
    """Batches of (session, moved wei) by bucket, and what was refunded of them."""

    batches: dict[Slot, list[list[tuple[int, int]]]] = field(default_factory=dict)
    refunded: dict[tuple[Slot, int], int] = field(default_factory=dict)

    def add(self, slot: Slot, moves: Sequence[tuple[int, int]]) -> None:
        """Note a batch, unless it moved nothing."""
        if moves:
            self.batches.setdefault(slot, []).append(list(moves))

    def digest(self, *slot: int) -> int:
        """Return the digest of a bucket."""
        digest = 0
        for batch in self.batches.get(slot, []):
            hashed = bytes(32)
            for key, wei in batch:
                hashed = keccak(hashed + (key << 96 | wei).to_bytes(32, "big"))
            digest = int.from_bytes(keccak(digest.to_bytes(32, "big") + hashed), "big") >> 96
        return digest

    def own(self, slot: Slot, key: int) -> int:
        """Return what a session moved into a bucket and was not refunded from it."""
        batches = self.batches.get(slot, [])
        moved = sum(wei for batch in batches for mover, wei in batch if mover == key)
        return moved - self.refunded.get((slot, key), 0)

    def give_back(self, slot: Slot, key: int, wei: int) -> None:
        """Note a refund."""
        self.refunded[slot, key] = self.refunded.get((slot, key), 0) + wei

    def drop(self, slot: Slot) -> None:
        """Forget a bucket that is empty."""
        self.batches.pop(slot, None)
