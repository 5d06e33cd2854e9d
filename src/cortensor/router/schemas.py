# SPDX-License-Identifier: Apache-2.0
"""Requests and answers of the v4 API. Unknown fields are refused; OpenAPI is made from these.

Money is decimal text of wei (`*_wei`) or of COR (`*_cor`). `agreement` and `confidence` are
decimals of basis points for reading; the receipt holds the exact integers.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from cortensor.receipts.body import AttemptBlock, ChainBlock  # noqa: TC001 -- msgspec reads them
from cortensor.router.anchor_schemas import AnchorStatus  # noqa: TC001 -- msgspec reads it
from cortensor.router.consensus_schemas import ConsensusRequest, PolicyRequest
from cortensor.router.messages import MAX_MESSAGES, MessageRequest
from cortensor.router.sampling import SamplingRequest  # noqa: TC001 -- msgspec reads it
from cortensor.router.standing import NodeStanding  # noqa: TC001 -- msgspec reads it

PaymentSessionId = Annotated[
    str,
    Meta(
        pattern="^0x[0-9a-f]{40}$",
        description="Payment session: 0x and 40 lower-case hex digits.",
        examples=["0x0000000100000000000000000000000000000001"],
    ),
]
Subject = Annotated[
    str,
    Meta(
        pattern="^0x[0-9a-f]{64}$",
        max_length=66,
        description="What the receipt is about: 0x and 64 lower-case hex digits.",
    ),
]
Text = Annotated[str, Meta(min_length=1, max_length=1 << 20)]


class PaidRequest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every paid call has.

    `tool_trace` reports what tools did for it elsewhere, one entry a call; the receipt has the
    hash of each. `subject` is what the receipt is about, such as a request of an ERC-8004
    validation registry; it is in what the router signs, and says nothing to the models.
    """

    session_id: PaymentSessionId
    consensus: ConsensusRequest = field(default_factory=ConsensusRequest)
    policy: PolicyRequest = field(default_factory=PolicyRequest)
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    timeout_ms: Annotated[int, Meta(ge=1)] | None = None
    receipt: bool = True
    subject: Subject | None = None
    metadata: dict[str, Any] | None = None
    tool_trace: Annotated[list[Any], Meta(max_length=256)] | None = None


class DelegateRequest(PaidRequest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Do a task: an objective, its input, and optionally the JSON schema of the answer.

    Or continue a conversation: `messages` in the place of `objective` and `input`. An answer that
    breaks the schema is made again up to `repair_attempts` times, by default as often as the
    router allows.
    """

    objective: Text | None = None
    input: Any = None
    messages: (
        Annotated[list[MessageRequest], Meta(min_length=1, max_length=MAX_MESSAGES)] | None
    ) = None
    output_schema: dict[str, Any] | None = None
    sampling: SamplingRequest | None = None
    repair_attempts: Annotated[int, Meta(ge=0)] | None = None


class ValidateRequest(PaidRequest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Check a claim, optionally against a context; the verdict is VALID or INVALID.

    `mode` arbitration decides a dispute: the claim is what a seller says it delivered, and the
    verdict SELLER_VALID, SELLER_INVALID or INCONCLUSIVE.
    """

    claim: Text
    context: Any = None
    mode: Literal["validation", "arbitration"] = "validation"


class ReplicaResult(Struct, frozen=True, omit_defaults=True):
    """One replica in the answer; `output` is shown under return_all only.

    `weight` is the capped log-odds of the session's accuracy, where the strategy weighs by it.
    `tool_calls` are those that the backend reports, `repairs` how often the answer was made again
    to follow its schema, at no cost to the caller.
    """

    index: int
    session_id: str
    task_id: str
    status: Literal["OK", "TIMEOUT", "ERROR"]
    late: bool
    latency_ms: int
    input_units: int
    output_units: int
    model: str
    verdict: str | None = None
    cluster: int | None = None
    reason: str | None = None
    output: str | None = None
    output_hash: str | None = None
    score: str | None = None
    weight: float | None = None
    cost_wei: str | None = None
    miner: str | None = None
    flags: list[str] = field(default_factory=list)
    finish_reason: str | None = None
    tool_calls: list[Any] = field(default_factory=list)
    repairs: int = 0


class MissingReplica(Struct, frozen=True):
    """A replica that was asked for and never ran; the bill gives its share back.

    `session_id` is null where there was no healthy compute session for it, or no need of it: an
    adaptive run had enough.
    """

    reason: Literal["no_healthy_session", "breaker_open", "queue_timeout", "not_needed"]
    session_id: str | None = None


class Similarity(Struct, frozen=True):
    """How alike two answers are, 0 to 1; `gate` is what keeps them apart all the same."""

    replicas: list[int]
    similarity: float
    gate: str | None


class ConsensusResult(Struct, frozen=True):
    """How the answer was formed; recomputable from the receipt.

    `replicas` ran, of `replicas_requested`. `strategy` is the one that was applied and priced;
    `fallback` says why it is not the one that was asked for. `verdicts` are v3's: one a replica,
    its verdict or its status. `n_eff` is how many independent votes the votes are worth.
    `similarities` are there where answers are compared by embedding.
    `shared_miners` ran more than one of the replicas. `attempts` are runs beside the replicas, as
    in the receipt; nobody is billed for them.
    """

    replicas_requested: int
    replicas: int
    agreement: float
    strategy: str
    weight_by: str | None
    fallback: str | None
    confidence: float
    confidence_method: str
    n_history: int
    n_eff: float | None
    non_vote_rule: str
    verdicts: list[str]
    disagreement_policy: str
    agreement_threshold_bps: int
    equivalence: str
    votes: dict[str, int]
    non_votes: int
    strong_disagreement: bool
    low_confidence: bool
    winner: list[int]
    dissent: list[int]
    replica_results: list[ReplicaResult]
    missing: list[MissingReplica]
    stopped: str | None = None
    similarities: list[Similarity] | UnsetType = UNSET
    shared_miners: list[str] = field(default_factory=list)
    attempts: list[AttemptBlock] = field(default_factory=list)


class Result(Struct, frozen=True):
    """The consolidated answer; `data` is the parsed output where a schema was asked for.

    `score` is the agreed score and `interval` its lowest and highest plausible value: integers in
    the unit of the request's `score`.
    """

    outcome: str
    verdict: str | None = None
    output: str | None = None
    data: Any = None
    score: str | UnsetType = UNSET
    interval: list[str] | UnsetType = UNSET


class BillResult(Struct, frozen=True):
    """The itemised charge; lines in wei, packed words as hex."""

    version: int
    surcharge_epoch: int
    terms: str
    usage: str
    lines: dict[str, str]


class ReceiptSummary(Struct, frozen=True):
    """A receipt in one line, where it is, and what its signature covers.

    It is in the answer where the request asks for it (`receipt`, by default), and always where the
    policy is of high risk.
    """

    receipt_id: str
    digest: str
    signature: str
    url: str
    summary: str = ""


class PaidResponse(Struct, frozen=True):
    """The answer to delegate and validate.

    `request_salt` with the canonical request proves the receipt's request commitment. `issued_at`
    is the receipt's time in unix seconds. `tool_traces` are the receipt's hashes: of the request's
    entries, then of the calls that backends report.
    """

    result: Result
    consensus: ConsensusResult
    receipt_id: str
    charge_wei: str
    charge_cor: str
    bill: BillResult
    request_salt: str
    receipt: ReceiptSummary | None = None
    issued_at: int = 0
    tool_traces: list[str] = field(default_factory=list)


class Estimate(Struct, frozen=True):
    """What a call will likely cost and take, by how its compute sessions did lately.

    Null where a session has not answered lately. `slow_ms` is what 1 of 20 exceeds.
    """

    charge_wei: str | None
    latency_ms: int | None
    slow_ms: int | None


class QuoteResponse(Struct, frozen=True):
    """The most a call can cost, and how that is made up.

    `replicas` can run now; for `missing_replicas` of those asked for there is no healthy compute
    session, and the quote gives their share back. `available_wei` is what the session has left;
    null without its grant.
    """

    session_id: str
    endpoint: str
    replicas: int
    missing_replicas: int
    session_pool: list[str]
    max_charge_wei: str
    max_charge_cor: str
    available_wei: str | None
    bill: BillResult
    surcharge_bps: int
    estimate: Estimate
    shared_miners: list[str] = field(default_factory=list)


class SessionState(Struct, frozen=True):
    """A compute session as the router sees it now.

    Accuracy is by gold questions and whatever else was handed in: `right` of `measured`, of
    which `audited` were gold. Statistics are of the last minutes; null where nothing is known.
    `node` is what the register of nodes says, null where it is not read.
    """

    id: str
    model: str | None
    model_class: str
    miner: str | None
    healthy: bool
    state: Literal["closed", "half_open", "open"]
    consecutive_failures: int
    retry_in_ms: int | None
    in_flight: int
    max_concurrency: int
    failure_rate: float | None = None
    latency_ms: float | None = None
    p95_ms: float | None = None
    output_units_per_s: float | None = None
    right: int = 0
    measured: int = 0
    audited: int = 0
    node: NodeStanding | None = None


class SessionsResponse(Struct, frozen=True):
    """All compute sessions."""

    count: int
    sessions: list[SessionState]


class ReplicaProgress(Struct, frozen=True):
    """A replica of a running task; MISSING for one that will not run."""

    index: int
    session_id: str
    status: Literal["RUNNING", "OK", "TIMEOUT", "ERROR", "MISSING"]


class TaskProgress(Struct, frozen=True):
    """A running task of the caller's payment session."""

    task_id: str
    endpoint: str
    idempotency_key: str | None
    replicas: list[ReplicaProgress]


class TasksResponse(Struct, frozen=True):
    """The running tasks of the caller's payment session, oldest first."""

    count: int
    tasks: list[TaskProgress]


class ReceiptResponse(Struct, frozen=True):
    """A receipt: canonical body, signed struct, signature, anchor status.

    `receipt`, the body, is null without the grant of the receipt's session. `chain` is the
    body's: where `charge` was signed, and `digest` is what was.
    """

    receipt_id: str
    receipt: dict[str, Any] | None
    chain: ChainBlock
    charge: dict[str, str]
    digest: str
    signature: str
    anchor: AnchorStatus


class BatchLeaf(Struct, frozen=True):
    """One anchored leaf with the signed struct it commits to."""

    position: int
    receipt_id: str
    session_id: str
    digest: str
    index: int
    cumulative: str
    leaf: str
    charge: dict[str, str]
    signature: str


class BatchResponse(Struct, frozen=True):
    """A settlement batch with every leaf, enough to rebuild its root."""

    root: str
    version: int
    count: int
    uri: str
    state: str
    tx_hash: str | None
    leaves: list[BatchLeaf]


class VoucherRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A total that the session's key signed: decimal wei, 65 bytes as 0x hex."""

    session_id: PaymentSessionId
    cumulative_wei: Annotated[str, Meta(pattern="^(0|[1-9][0-9]*)$", max_length=29)]
    signature: Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{130}$", max_length=132)]


class VoucherResponse(Struct, frozen=True):
    """Where a voucher session stands, in wei: charged, signed for, allowed beyond that."""

    session_id: str
    charged_wei: str
    vouchered_wei: str
    credit_wei: str


class Problem(Struct, frozen=True):
    """RFC 9457 problem; some codes add members, see docs/spec/router.md."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
