# SPDX-License-Identifier: Apache-2.0
"""Refusals of well-formed requests that the schema alone cannot make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cortensor.consensus import EMBEDDING, ENSEMBLE_MODEL, NUMERIC, WEIGHTED
from cortensor.consensus.equivalence import JSON, OVERLAP
from cortensor.receipts.build import fewest_runs
from cortensor.receipts.tiers import DEFAULT_TIER, TIERS, sla_of
from cortensor.router.messages import check_messages
from cortensor.router.output_schema import check_schema
from cortensor.router.problems import InvalidField
from cortensor.router.prompts import is_dispute
from cortensor.router.schemas import DelegateRequest

if TYPE_CHECKING:
    from cortensor.router.config import Limits
    from cortensor.router.consensus_schemas import ConsensusRequest, PolicyRequest, ScoreRequest
    from cortensor.router.schemas import ValidateRequest

REPLICA_COUNTS = (1, 3, 5)
METADATA_BYTES = 4096


def check_call(request: DelegateRequest | ValidateRequest, limits: Limits) -> None:
    """Refuse a request that is not served. Raises InvalidField."""
    check_replicas(request.consensus)
    check_tier(request.policy)
    check_strategy(request)
    if request.timeout_ms is not None and request.timeout_ms > limits.max_timeout_ms:
        raise InvalidField(f"must be at most {limits.max_timeout_ms} ms", field="timeout_ms")
    if request.metadata and len(msgspec.json.encode(request.metadata)) > METADATA_BYTES:
        raise InvalidField(f"must be at most {METADATA_BYTES} bytes", field="metadata")
    if isinstance(request, DelegateRequest):
        check_task(request, limits)
        check_equivalence(request)
    elif request.consensus.equivalence is not None:
        raise InvalidField("verdicts have only one", field="consensus.equivalence")
    else:
        check_likeness(request.consensus, None)


def check_equivalence(request: DelegateRequest) -> None:
    """Refuse what the answers' equivalence does not use, or cannot be trusted with.

    Raises:
        InvalidField: naming the field.
    """
    consensus = request.consensus
    if consensus.equivalence == EMBEDDING and request.output_schema is not None:
        # Likeness says nothing of a field's amount or verdict.
        raise InvalidField(
            "is for prose; answers of an output_schema are compared by canonical_json",
            field="consensus.equivalence",
        )
    is_score = consensus.strategy in NUMERIC
    check_likeness(consensus, None if is_score else equivalence_of(request))


def equivalence_of(request: DelegateRequest) -> str:
    """Return what makes a delegation's answers the same, unless they are scores."""
    default = OVERLAP.name if request.output_schema is None else JSON.name
    return request.consensus.equivalence or default


def check_likeness(consensus: ConsensusRequest, equivalence: str | None) -> None:
    """Refuse settings of another equivalence. Raises InvalidField."""
    for field, given, its in (
        ("tolerance_millionths", consensus.tolerance_millionths, JSON.name),
        ("dispersion_bps", consensus.dispersion_bps, EMBEDDING),
    ):
        if given is not None and equivalence != its:
            raise InvalidField(f"is for the equivalence {its}", field=f"consensus.{field}")


def check_task(request: DelegateRequest, limits: Limits) -> None:
    """Refuse a delegation with no task, with two, or with an answer that is not served.

    Raises:
        InvalidField: naming the field.
    """
    if request.messages is None:
        if request.objective is None:
            raise InvalidField("is needed, or messages", field="objective")
    elif request.objective is not None or request.input is not None:
        raise InvalidField("is there beside objective or input; send one", field="messages")
    else:
        check_messages(request.messages)
    if request.output_schema is not None:
        check_schema(request.output_schema)
    asked = request.repair_attempts
    if asked is not None and request.output_schema is None:
        raise InvalidField("is for answers with an output_schema", field="repair_attempts")
    if asked is not None and asked > limits.repair_attempts:
        raise InvalidField(f"must be at most {limits.repair_attempts}", field="repair_attempts")


def check_replicas(consensus: ConsensusRequest) -> None:
    """Refuse a number of replicas that is not priced, or a lower bound above it.

    Raises:
        InvalidField: naming the field.
    """
    if consensus.replicas not in REPLICA_COUNTS:
        raise InvalidField("must be 1, 3 or 5", field="consensus.replicas")
    if consensus.min_replicas is not None and consensus.min_replicas > consensus.replicas:
        raise InvalidField("must be at most consensus.replicas", field="consensus.min_replicas")


def fewest_replicas(consensus: ConsensusRequest) -> int:
    """Return how many replicas must run for an answer to be given, and charged."""
    return fewest_runs(
        consensus.replicas, consensus.agreement_threshold_bps, consensus.min_replicas
    )


def check_strategy(request: DelegateRequest | ValidateRequest) -> None:
    """Refuse a strategy that the endpoint has nothing for, or settings that it does not use.

    Raises:
        InvalidField: naming the field.
    """
    consensus = request.consensus
    strategy, is_score = consensus.strategy, consensus.strategy in NUMERIC
    is_delegation = isinstance(request, DelegateRequest)
    arbitrates = is_dispute(request)
    for is_wrong, field, reason in (
        (strategy != WEIGHTED and consensus.weight_by is not None, "weight_by",
         "is for the strategy weighted"),
        (is_score and not is_delegation, "strategy", "is for scores, which delegations give"),
        (strategy == ENSEMBLE_MODEL and (is_delegation or arbitrates), "strategy",
         "is for the verdicts VALID and INVALID"),
        (is_score and consensus.equivalence is not None, "equivalence", "scores have only one"),
        (not is_score and consensus.score is not None, "score",
         f"is for the strategies {', '.join(NUMERIC)}"),
        (not arbitrates and consensus.least_confidence_bps is not None, "least_confidence_bps",
         "is for mode arbitration"),
    ):  # fmt: skip
        if is_wrong:
            raise InvalidField(reason, field=f"consensus.{field}")
    if consensus.score is not None:
        check_bounds(consensus.score)


def check_bounds(score: ScoreRequest) -> None:
    """Refuse half a range, or one that is the wrong way round. Raises InvalidField."""
    low, high = score.lowest, score.highest
    if (low is None) != (high is None):
        raise InvalidField("give lowest and highest, or neither", field="consensus.score")
    if low is not None and high is not None and low > high:
        raise InvalidField("must be at most highest", field="consensus.score.lowest")


def check_tier(policy: PolicyRequest) -> None:
    """Refuse a service level that is not served yet. Raises InvalidField."""
    # A level has a price; it may not be sold before it changes how a request is served.
    if sla_of(policy.tier) != DEFAULT_TIER:
        raise InvalidField(
            f"must be one of {DEFAULT_TIER}, {', '.join(TIERS)}; other levels are not served yet",
            field="policy.tier",
        )
