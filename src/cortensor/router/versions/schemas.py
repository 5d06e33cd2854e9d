# SPDX-License-Identifier: Apache-2.0
"""Requests and answers of v2 and v3. Unknown fields are refused; OpenAPI is made from these.

v2 is one compute session with basic evidence; v3 is the same plus a consensus block.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from cortensor.router.consensus_schemas import (
    ComputeSessionId,
    Policy,
    PolicyRequest,
    Strategy,
)
from cortensor.router.schemas import Text  # noqa: TC001 -- msgspec reads the annotations

SessionRef = (
    Annotated[int, Meta(ge=0, le=2**63 - 1, description="Compute session.", examples=[201])]
    | Annotated[
        str,
        Meta(
            min_length=1,
            max_length=64,
            description="Compute session, or the payment session of the grant.",
            examples=["201"],
        ),
    ]
)
Positive = Annotated[int, Meta(ge=1)]


class Execution(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Bounds of a delegation: steps, tools, output tokens, and milliseconds from its arrival.

    A replica answers in one step and without tools, so any `max_steps` is kept, and `tools` must
    be empty.
    """

    max_steps: Positive | None = None
    tools: list[Any] | None = None
    max_tokens: Positive | None = None
    timeout_ms: Positive | None = None


class ConsensusV3(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many compute sessions run a request, which, and what their disagreement means.

    `replicas` is 1, 3 or 5. `strategy` is v4's name of `aggregation`; one is enough.
    """

    replicas: int | None = None
    session_pool: Annotated[list[ComputeSessionId], Meta(max_length=256)] | None = None
    aggregation: Strategy | None = None
    strategy: Strategy | None = None
    disagreement_policy: Policy | None = None


class _Common(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    session_id: SessionRef | None = None
    policy: PolicyRequest = field(default_factory=PolicyRequest)
    metadata: dict[str, Any] | None = None
    max_tokens: Positive | None = None
    timeout_ms: Positive | None = None


class DelegateRequestV2(_Common, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Do a task on one compute session.

    `tools` and `workflow` must be empty: nothing here runs them.
    """

    objective: Text
    input: Any = None
    execution: Execution | None = None
    tools: list[Any] | None = None
    workflow: Any = None
    output_schema: dict[str, Any] | None = None


class DelegateRequestV3(DelegateRequestV2, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Do a task on 1, 3 or 5 compute sessions."""

    consensus: ConsensusV3 = field(default_factory=ConsensusV3)


class ValidateRequestV2(_Common, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Check a claim on one compute session.

    `actor` is whose claim it is: kept with the request, and not shown to who checks it.
    """

    claim: Text
    context: Any = None
    actor: Any = None


class ValidateRequestV3(ValidateRequestV2, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Check a claim, or decide a dispute (`mode` arbitration), on 1, 3 or 5 compute sessions."""

    consensus: ConsensusV3 = field(default_factory=ConsensusV3)
    mode: Literal["validation", "arbitration"] = "validation"


class FactcheckRequestV2(_Common, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Check a fact on one compute session, by what its model knows and the context given."""

    claim: Text
    context: Any = None


class FactcheckRequestV3(FactcheckRequestV2, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Check a fact on 1, 3 or 5 compute sessions."""

    consensus: ConsensusV3 = field(default_factory=ConsensusV3)


class Step(Struct, frozen=True, omit_defaults=True):
    """What one compute session did; `output` is shown under return_all only."""

    index: int
    session_id: str
    task_id: str
    status: Literal["OK", "TIMEOUT", "ERROR"]
    late: bool
    latency_ms: int
    model: str
    verdict: str | None = None
    reason: str | None = None
    output: str | None = None
    output_hash: str | None = None


class EvidenceConfigs(Struct, frozen=True):
    """The settings that the answer was made with."""

    strategy: str
    disagreement_policy: str
    agreement_threshold_bps: int
    equivalence: str


class EvidenceBlock(Struct, frozen=True):
    """What an answer rests on: a step for each compute session that ran, no tools, settings."""

    steps: list[Step]
    configs: EvidenceConfigs
    tools: list[Any] = field(default_factory=list)


class ConsensusResultV3(Struct, frozen=True):
    """How far the replicas agree.

    `replicas` ran, of `replicas_requested`; `agreement` and `confidence` are fractions of 1.
    `verdicts` has one label a replica: its verdict, or OK, TIMEOUT, ERROR. `strategy` and
    `aggregation` both name what was applied; `fallback` says why it is not what was asked for.
    """

    replicas: int
    replicas_requested: int
    agreement: float
    verdicts: list[str]
    strategy: str
    aggregation: str
    confidence: float
    disagreement_policy: str
    low_confidence: bool
    fallback: str | None = None


class _Charged(Struct, frozen=True, kw_only=True):
    evidence: EvidenceBlock
    receipt_id: str
    charge_wei: str
    charge_cor: str


class DelegateAnswerV2(_Charged, frozen=True, kw_only=True):
    """A delegation's answer: text, or JSON data where a schema was asked for."""

    status: Literal["OK", "NO_CONSENSUS"]
    result: Any


class DelegateAnswerV3(DelegateAnswerV2, frozen=True, kw_only=True):
    """A delegation's answer with its consensus; `result` is null without one."""

    consensus: ConsensusResultV3


class ValidateAnswerV2(_Charged, frozen=True, kw_only=True):
    """A verdict and its reasons; `status` is the same word.

    VALID or INVALID, of an arbitration SELLER_VALID, SELLER_INVALID or INCONCLUSIVE, of a fact
    check TRUE or FALSE; RETRY where the replicas reached none. NEEDS_SPEC is never said here.
    """

    verdict: str
    status: str
    reasons: list[str]


class ValidateAnswerV3(ValidateAnswerV2, frozen=True, kw_only=True):
    """A verdict, its reasons and its consensus."""

    consensus: ConsensusResultV3
