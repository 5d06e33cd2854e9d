# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: TC001 -- msgspec reads the annotations
"""What a receipt of format 2 says of its rule: all that `consensus.recompute` needs to redo it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from cortensor.consensus import SCORE, Decision, Scale, block_of, entry_of
from cortensor.receipts.fields import Bps, Index, IntText, Name, Range, SafeInt, Uint

StopReason = Literal["confident", "settled", "exhausted", "unavailable", "deadline"]
"""Why no more replicas were asked. The last two: no compute session or no time was left."""
Text = Annotated[str, Meta(max_length=200)]


class WeighingBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The rule applied; `fallback` says why it is not the one that was asked for.

    `priors` are log-probabilities in millionths, `correlation_bps` the replicas' mean error
    correlation. Weights are in the replica entries.
    """

    strategy: Name
    weight_by: Literal["reputation", "stake", "latency", "cost"] | None
    fallback: Text | None
    priors: dict[Name, SafeInt]
    correlation_bps: Bps | None


class CalibrationBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the confidence was made; see `consensus.Calibrated`."""

    method: Name
    n_history: Uint
    version: Text
    ece_bps: Uint | None
    brier_bps: Uint | None
    temperature_bps: Uint | None
    right: Uint | None
    rounds: Uint | None


class ScaleBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What scores mean: the number at `field` (null: the whole answer) times 10^decimals."""

    field: Name | None
    decimals: Index
    tolerance: IntText
    bounds: Range | None
    half_width: IntText | None


class AdaptiveBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How replicas were added: totals after each stage, the confidence that ends it, and why."""

    plan: Annotated[list[Index], Meta(min_length=1, max_length=5)]
    stop_bps: Bps
    reason: StopReason


class RuleUsed(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller fixed of a rule and a decision does not hold.

    Attributes:
        score_field: key of the score in an answer, None if the answer is the score.
        score_decimals: decimal places of the score's unit.
        scale: what scores mean, None without scores.
        values: replica index -> score.
        least_confidence_bps: what a ruling needs, None if it is no arbitration.
        adaptive: how replicas were added, None if all were asked at once.
    """

    score_field: str | None = None
    score_decimals: int = 0
    scale: Scale | None = None
    values: dict[int, int] = {}
    least_confidence_bps: int | None = None
    adaptive: AdaptiveBlock | None = None


def rule_block(decision: Decision, used: RuleUsed) -> dict[str, Any]:
    """Return the fields of format 2 in the consensus block."""
    interval = decision.interval
    return {
        **block_of(decision),
        "scale": _scale(decision, used) if decision.equivalence == SCORE else None,
        "value": None if decision.value is None else str(decision.value),
        "interval": None if interval is None else [str(end) for end in interval],
        "least_confidence_bps": used.least_confidence_bps,
        "adaptive": None if used.adaptive is None else msgspec.to_builtins(used.adaptive),
    }


def rule_entry(decision: Decision, used: RuleUsed, index: int) -> dict[str, Any]:
    """Return the fields of format 2 in a replica entry."""
    value = used.values.get(index)
    return {**entry_of(decision, index), "value": None if value is None else str(value)}


def _scale(decision: Decision, used: RuleUsed) -> dict[str, Any]:
    scale = used.scale if used.scale is not None else Scale()
    width = scale.past(decision.replicas - decision.non_votes).half_width
    return {
        "field": used.score_field,
        "decimals": used.score_decimals,
        "tolerance": str(scale.tolerance),
        "bounds": None if scale.bounds is None else [str(end) for end in scale.bounds],
        "half_width": None if width is None else str(width),
    }
