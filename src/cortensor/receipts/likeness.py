# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: TC001 -- msgspec reads the annotations
"""What a receipt of format 3 says of answers that are the same without being equal.

From it groups follow without the answers; with the answers and the model it can be made again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from cortensor.consensus import Likeness
from cortensor.consensus.likeness import Pair
from cortensor.receipts.fields import Bps, Index, Name

if TYPE_CHECKING:
    from cortensor.consensus import Decision

Tolerance = Annotated[int, Meta(ge=0, le=1_000_000)]
"""Relative difference of two numbers that are the same, in millionths of the larger one."""
Gate = Literal[
    "structure", "script", "numbers", "money", "symbols", "negation", "enums", "names", "order"
]


class PairBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Two answers: `similarity_bps` is their cosine, `gate` the first they do not pass."""

    replicas: Annotated[list[Index], Meta(min_length=2, max_length=2)]
    similarity_bps: Bps
    gate: Gate | None


class LikenessBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How alike the answers are; see `consensus.Likeness`."""

    model: Name
    digest: Name
    dispersion_bps: Bps
    order: Annotated[list[Index], Meta(max_length=5)]
    pairs: Annotated[list[PairBlock], Meta(max_length=10)]

    def __post_init__(self) -> None:
        """Refuse a pair that is left out or there twice. Raises InvalidInput."""
        self.to_likeness()

    def to_likeness(self) -> Likeness:
        """Return it as consensus has it."""
        return Likeness(
            model=self.model,
            digest=self.digest,
            dispersion_bps=self.dispersion_bps,
            order=tuple(self.order),
            pairs=tuple(
                Pair(
                    replicas=(pair.replicas[0], pair.replicas[1]),
                    similarity_bps=pair.similarity_bps,
                    gate=pair.gate,
                )
                for pair in self.pairs
            ),
        )


def has_likeness(decision: Decision) -> bool:
    """Return whether only format 3 holds a decision."""
    return decision.likeness is not None or decision.tolerance_millionths != 0


def likeness_fields(decision: Decision) -> dict[str, Any]:
    """Return the fields of format 3 in the consensus block."""
    return {
        "tolerance_millionths": decision.tolerance_millionths,
        "likeness": msgspec.to_builtins(decision.likeness),
    }
