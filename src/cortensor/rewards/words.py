# SPDX-License-Identifier: Apache-2.0
"""A leaf's three words, bit for bit as the contract has them (`lib/reward_words.vy`).

Facts are what the receipts showed of a node, the tally is what it is paid by, sums are what every
node of the tree adds up: amount in the low half, score in the high one.
"""

from __future__ import annotations

from types import MappingProxyType

import msgspec

from cortensor.errors import InvalidInput
from cortensor.pricing.bits import WORD_BITS, Layout, pack_word, require_uint, unpack_word

BPS = 10_000
MAX_LEVEL = 10
STAKED = 1
"""Flag: the node was staked when the epoch was computed."""
HALF_BITS = 128
HALF = (1 << HALF_BITS) - 1

_FACTS: Layout = MappingProxyType(
    {
        "level_before": (0, 8),
        "level_after": (8, 8),
        "flags": (16, 8),
        "models": (24, 16),
        "tasks": (40, 32),
        "streak_before": (72, 32),
        "streak_after": (104, 32),
        "rate_bps": (136, 16),
        "agreement_bps": (152, 16),
        "consistency_bps": (168, 16),
        "answered_bps": (184, 16),
        "uptime_bps": (200, 16),
    }
)
FACTS_BITS = 216
_TALLY: Layout = MappingProxyType({"work": (0, 96), "operator_score": (96, 128)})
TALLY_BITS = 224
_BPS_FIELDS = tuple(name for name in _FACTS if name.endswith("_bps"))


class Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an epoch's receipts showed of a node.

    Attributes:
        level_before: the level it had in the epoch, 0 to 10.
        level_after: the level it has from the next one on.
        flags: bit 0, `STAKED`.
        models: distinct models that its operator's nodes were seen serving.
        tasks: paid replicas that count, answered or not.
        streak_before: successes in a row up to the epoch.
        streak_after: the same, at its end.
        rate_bps: successes among tasks, smoothed over epochs.
        agreement_bps: agreement with consensus, by how contested the tasks were.
        consistency_bps: how even the operator's agreement was over the epoch.
        answered_bps: replicas answered rather than timed out or failed.
        uptime_bps: heartbeats answered.
    """

    level_before: int = 0
    level_after: int = 0
    flags: int = 0
    models: int = 0
    tasks: int = 0
    streak_before: int = 0
    streak_after: int = 0
    rate_bps: int = 0
    agreement_bps: int = 0
    consistency_bps: int = 0
    answered_bps: int = 0
    uptime_bps: int = 0

    @property
    def is_staked(self) -> bool:
        """Whether the node was staked."""
        return bool(self.flags & STAKED)

    def pack(self) -> int:
        """Return the uint256 word.

        Raises:
            InvalidInput: if a field exceeds its width, a level is above 10 or a share above 10,000.
        """
        self.check()
        return pack_word(_FACTS, msgspec.structs.asdict(self), "facts")

    def check(self) -> None:
        """Check levels, flags and shares. Raises InvalidInput naming the field."""
        for name in ("level_before", "level_after"):
            if getattr(self, name) > MAX_LEVEL:
                raise InvalidInput(f"must be at most {MAX_LEVEL}", field=f"facts.{name}")
        if self.flags & ~STAKED:
            raise InvalidInput("has a flag without a meaning", field="facts.flags")
        for name in _BPS_FIELDS:
            if getattr(self, name) > BPS:
                raise InvalidInput(f"must be at most {BPS}", field=f"facts.{name}")

    @classmethod
    def unpack(cls, word: int) -> Facts:
        """Read a word. Raises InvalidInput where the contract calls the facts invalid."""
        _no_stray(word, FACTS_BITS, "facts")
        facts = cls(**unpack_word(_FACTS, word, "facts"))
        facts.check()
        return facts


class Tally(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a node is paid by: its own work in units, its operator's score over all its nodes."""

    work: int = 0
    operator_score: int = 0

    def pack(self) -> int:
        """Return the uint256 word. Raises InvalidInput if a field exceeds its width."""
        return pack_word(_TALLY, msgspec.structs.asdict(self), "tally")

    @classmethod
    def unpack(cls, word: int) -> Tally:
        """Read a word. Raises InvalidInput on stray bits."""
        _no_stray(word, TALLY_BITS, "tally")
        return cls(**unpack_word(_TALLY, word, "tally"))


def possible_facts(facts: int, tally: int) -> Facts | None:
    """Return a leaf's facts, or None where the contract calls facts or tally invalid.

    Only a root that stood its window unchallenged has such a leaf, and nothing follows from it.

    Args:
        facts: the word, of any 256 bits.
        tally: likewise.
    """
    try:
        Tally.unpack(tally)
        return Facts.unpack(facts)
    except InvalidInput:
        return None


class Sums(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a node of the tree sums up: wei and score of all leaves under it, each under 2**128."""

    amount: int = 0
    score: int = 0

    def pack(self) -> int:
        """Return the uint256 word. Raises InvalidInput if a half has no room."""
        require_uint(self.amount, HALF_BITS, "sums.amount")
        require_uint(self.score, HALF_BITS, "sums.score")
        return self.score << HALF_BITS | self.amount

    @classmethod
    def unpack(cls, word: int) -> Sums:
        """Read a word. Raises InvalidInput if it is not a uint256."""
        require_uint(word, WORD_BITS, "sums")
        return cls(amount=word & HALF, score=word >> HALF_BITS)


def _no_stray(word: int, bits: int, field: str) -> None:
    require_uint(word, WORD_BITS, field)
    if word >> bits:
        raise InvalidInput(f"must leave the bits from {bits} on zero", field=field)
