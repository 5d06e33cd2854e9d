# SPDX-License-Identifier: Apache-2.0
"""What a job consumed, in one word; the bit layout is the contract's (`lib/job_words.vy`)."""

from __future__ import annotations

from types import MappingProxyType

import msgspec

from cortensor.pricing.bits import Layout, pack_word, unpack_word

_LAYOUT: Layout = MappingProxyType(
    {
        "input_units": (0, 48),
        "output_units": (48, 48),
        "validator_units": (96, 48),
        "failed_replicas": (144, 8),
        "late_replicas": (152, 8),
        "missing_replicas": (160, 8),
    }
)


class Usage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Measured work, summed over the replicas that delivered, on time or late.

    Attributes:
        input_units: prompt tokens.
        output_units: generated tokens.
        validator_units: tokens of validation work.
        failed_replicas: replicas that delivered nothing (TIMEOUT or ERROR).
        late_replicas: replicas that delivered after their deadline.
        missing_replicas: replicas that were agreed but never ran.
    """

    input_units: int = 0
    output_units: int = 0
    validator_units: int = 0
    failed_replicas: int = 0
    late_replicas: int = 0
    missing_replicas: int = 0

    def pack(self) -> int:
        """Return the uint256 word. Raises InvalidInput if a field exceeds its width."""
        return pack_word(_LAYOUT, msgspec.structs.asdict(self), "usage")

    @classmethod
    def unpack(cls, word: int) -> Usage:
        """Read a word. Raises InvalidInput on reserved bits or a value beyond uint256."""
        return cls(**unpack_word(_LAYOUT, word, "usage"))
