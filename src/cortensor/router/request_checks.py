# SPDX-License-Identifier: Apache-2.0
"""Refusals of well-formed requests that the schema alone cannot make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cortensor.receipts.build import fewest_runs
from cortensor.router.output_schema import check_schema
from cortensor.router.problems import InvalidField
from cortensor.router.schemas import DelegateRequest

if TYPE_CHECKING:
    from cortensor.router.config import Limits
    from cortensor.router.schemas import ConsensusRequest, PolicyRequest, ValidateRequest

REPLICA_COUNTS = (1, 3, 5)
METADATA_BYTES = 4096


def check_call(request: DelegateRequest | ValidateRequest, limits: Limits) -> None:
    """Refuse a request that is not served. Raises InvalidField."""
    check_replicas(request.consensus)
    check_tier(request.policy)
    if request.timeout_ms is not None and request.timeout_ms > limits.max_timeout_ms:
        raise InvalidField(f"must be at most {limits.max_timeout_ms}", field="timeout_ms")
    if request.metadata and len(msgspec.json.encode(request.metadata)) > METADATA_BYTES:
        raise InvalidField(f"must be at most {METADATA_BYTES} bytes", field="metadata")
    if isinstance(request, DelegateRequest):
        if request.output_schema is not None:
            check_schema(request.output_schema)
    elif request.consensus.equivalence is not None:
        raise InvalidField("verdicts have only one", field="consensus.equivalence")


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


def check_tier(policy: PolicyRequest) -> None:
    """Refuse a tier that is not served yet. Raises InvalidField."""
    # A tier has a price; it may not be sold before it changes how a request is served.
    if policy.tier not in (None, "best_effort"):
        raise InvalidField("only best_effort is served yet", field="policy.tier")
