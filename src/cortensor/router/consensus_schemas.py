# SPDX-License-Identifier: Apache-2.0
"""What a caller says of consensus and policy."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

ComputeSessionId = Annotated[str, Meta(min_length=1, max_length=64)]
Tier = Literal["best_effort", "low", "medium", "high", "fast", "safe", "oracle", "adaptive"]
Policy = Literal["return_all", "fail_hard", "best_effort"]
Equivalence = Literal["exact", "json", "canonical_json", "overlap", "token_overlap", "embedding"]
Strategy = Literal[
    "majority",
    "weighted",
    "median",
    "median_of_means",
    "trimmed_mean",
    "ensemble_model",
    "model_ensemble",
]
WeightBy = Literal["reputation", "stake", "latency", "cost"]
NonVotes = Literal["abstain", "ignore", "against"]
Score = Annotated[int, Meta(ge=-(2**53) + 1, le=2**53 - 1)]


class ScoreRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What a score is: the number in the answer, or at `field` of its object, times 10^`decimals`.

    Scores at most `tolerance` from the result agree with it; one outside `lowest` .. `highest`
    (both or neither) is no vote. All three are in that unit.
    """

    field: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    decimals: Annotated[int, Meta(ge=0, le=18)] = 0
    tolerance: Annotated[int, Meta(ge=0, le=2**53 - 1)] = 0
    lowest: Score | None = None
    highest: Score | None = None


class ConsensusRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """How agreement is formed.

    Up to `replicas` independent runs on distinct compute sessions out of `session_pool` (default:
    all), and no fewer than `min_replicas`; by default as many as must agree to reach the threshold
    among all that were asked for. Those that do not run are given back in the bill.

    `strategy` weighted takes `weight_by` (default: reputation). median, median_of_means and
    trimmed_mean are for delegations whose answer is a score, ensemble_model for verdicts. Without
    enough history a strategy falls back to majority, is priced as that, and says so. `non_votes`
    is what a replica without an answer counts as. `aggregation` is v3's name of `strategy`.
    `least_confidence_bps` is what a ruling needs in arbitration, 7000 by default.

    `equivalence` is what makes two answers of a delegation the same: exact; json (canonical_json),
    whose numbers may differ by `tolerance_millionths` of the larger one; overlap (token_overlap) of
    words; embedding, for answers in prose that are at most `dispersion_bps` of cosine distance
    apart, 2500 by default. By default json where there is an output_schema, else overlap.
    """

    replicas: int = 1
    min_replicas: Annotated[int, Meta(ge=1)] | None = None
    session_pool: Annotated[list[ComputeSessionId], Meta(max_length=256)] | None = None
    strategy: Strategy = "majority"
    weight_by: WeightBy | None = None
    disagreement_policy: Policy = "return_all"
    agreement_threshold_bps: Annotated[int, Meta(ge=0, le=10000)] = 5001
    equivalence: Equivalence | None = None
    tolerance_millionths: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    dispersion_bps: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    non_votes: NonVotes = "abstain"
    score: ScoreRequest | None = None
    least_confidence_bps: Annotated[int, Meta(ge=1, le=10000)] | None = None
    aggregation: Strategy | None = None


class PolicyRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What a request that names a tier asks for where it does not say so itself.

    fast: one replica; safe: three; oracle: five; adaptive: one, then three, then five, until the
    confidence suffices or no answer could change the outcome, and only those that ran are paid.
    best_effort (the default) changes nothing; low, medium and high are service levels that are not
    served yet.

    `risk` low, medium or high is another word for fast, safe and oracle, for a request without a
    tier. `budget_wei` is the most the call may cost: above that it is refused with its quote.
    `latency` low prefers the quickest sessions over the least loaded, and lets a slow replica be
    doubled at the router's cost.
    """

    tier: Tier | None = None
    risk: Literal["low", "medium", "high"] | None = None
    budget_wei: Annotated[str, Meta(pattern="^(0|[1-9][0-9]*)$", max_length=29)] | None = None
    latency: Literal["normal", "low"] | None = None
