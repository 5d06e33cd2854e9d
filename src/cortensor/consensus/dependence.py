# SPDX-License-Identifier: Apache-2.0
"""How far replicas are independent: error correlation, effective votes, shared evidence.

Replicas that share a model or a prompt err together, so five of them are worth fewer than five
(measured on FactBench: two to three). `effective_votes_milli` is Kish's k / (1 + (k - 1) phi).
`without_shared` takes from each weight a part of what all of them say together.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import msgspec

from cortensor.consensus.fixed_point import BPS
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MILLI = 1000
ONE_LIAR_NEEDS = 4
"""Votes from which one liar can be outvoted at all: n >= 3f + 1 with f = 1."""


class Origin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where an answer comes from; None is unknown, and then like no other."""

    model: str | None = None
    prompt: str | None = None


class Correlation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Correlation of two raters' errors (phi), in bps, by what they have in common.

    The defaults are those of FactBench, four models under four prompts. Twins (same model, same
    prompt) count as one witness until measured otherwise.
    """

    twins_bps: int = BPS
    same_model_bps: int = 2990
    same_prompt_bps: int = 3370
    neither_bps: int = 1650

    def __post_init__(self) -> None:
        """Refuse what is no correlation. Raises InvalidInput."""
        for name in self.__struct_fields__:
            if not 0 <= getattr(self, name) <= BPS:
                raise InvalidInput("must be 0 .. 10000", field=f"correlation.{name}")

    def of(self, left: Origin, right: Origin) -> int:
        """Return the correlation of two raters' errors in bps."""
        return int(getattr(self, f"{relation(left, right)}_bps"))

    def mean_bps(self, origins: Sequence[Origin]) -> int:
        """Return the mean over all pairs in bps, rounded down; 0 for fewer than two."""
        pairs = [self.of(a, b) for a, b in combinations(origins, 2)]
        return sum(pairs) // len(pairs) if pairs else 0


def relation(left: Origin, right: Origin) -> str:
    """Return what two raters share: twins, same_model, same_prompt or neither."""
    same_model = left.model is not None and left.model == right.model
    same_prompt = left.prompt is not None and left.prompt == right.prompt
    if same_model and same_prompt:
        return "twins"
    if same_model:
        return "same_model"
    return "same_prompt" if same_prompt else "neither"


def effective_votes_milli(votes: int, correlation_bps: int) -> int:
    """Return Kish's effective number of independent votes, in thousandths, rounded down."""
    if votes == 0:
        return 0
    return MILLI * votes * BPS // (BPS + (votes - 1) * correlation_bps)


def without_shared(weights: Mapping[int, int], correlation_bps: int) -> dict[int, int]:
    """Take from each weight half of what correlation says is told twice.

    With equally correlated errors the best linear weights are |w| - s, s = phi sum|w| /
    (1 + (k - 1) phi) (Fisher's discriminant; Sherman-Morrison inverse of the correlation matrix).
    They sum to n_eff mean weights. Half of phi is used, and no weight changes its sign: full
    weights are more accurate by half a point at most, and hand the verdict to one replica.

    Args:
        weights: replica index -> log-odds in millionths.
        correlation_bps: mean error correlation of these replicas.

    Returns:
        Weights in millionths, none larger than before.
    """
    phi = correlation_bps // 2
    total = sum(abs(weight) for weight in weights.values())
    shared = phi * total // (BPS + (len(weights) - 1) * phi) if weights else 0
    return {index: _shrink(weight, shared) for index, weight in weights.items()}


def _shrink(weight: int, by: int) -> int:
    size = max(0, abs(weight) - by)
    return size if weight >= 0 else -size


def without_dictator(weights: Mapping[int, int]) -> dict[int, int]:
    """Bound the largest weight by the sum of the others, where one liar can be outvoted at all.

    So one liar of four or more, whatever is credited to it, cannot turn the verdict of all others.
    Among fewer than four votes no rule can do that and be better than a majority.
    """
    if len(weights) < ONE_LIAR_NEEDS:
        return dict(weights)
    heaviest = max(weights, key=lambda index: abs(weights[index]))
    others = sum(abs(weight) for index, weight in weights.items() if index != heaviest)
    bound = min(abs(weights[heaviest]), others)
    return {**weights, heaviest: bound if weights[heaviest] >= 0 else -bound}
