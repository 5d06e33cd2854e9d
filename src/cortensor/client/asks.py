# SPDX-License-Identifier: Apache-2.0
"""What to ask of v4, as values: `delegate(...)`, `validate(...)`, `factcheck(...)`. Pure.

What is left out is not sent, so that a tier's settings and the router's defaults apply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, TypedDict, TypeVar

import msgspec
from msgspec import Struct

from cortensor.router.consensus_schemas import (  # noqa: TC001 -- msgspec reads the annotations
    Equivalence,
    NonVotes,
    Policy,
    ScoreRequest,
    Strategy,
    Tier,
    WeightBy,
)
from cortensor.router.schemas import PaidResponse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Unpack

    from cortensor.router.messages import MessageRequest
    from cortensor.router.sampling import SamplingRequest

T = TypeVar("T")


class Consensus(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How agreement is formed; what is None is not sent. See `ConsensusRequest` of the API."""

    replicas: int | None = None
    min_replicas: int | None = None
    session_pool: list[str] | None = None
    strategy: Strategy | None = None
    weight_by: WeightBy | None = None
    disagreement_policy: Policy | None = None
    agreement_threshold_bps: int | None = None
    equivalence: Equivalence | None = None
    tolerance_millionths: int | None = None
    dispersion_bps: int | None = None
    non_votes: NonVotes | None = None
    score: ScoreRequest | None = None
    least_confidence_bps: int | None = None


class HowOptions(TypedDict, total=False):
    """What every paid call may say of how it is made.

    `deadline_s` bounds all its attempts together, `timeout_ms` is the router's own limit for the
    work. `max_charge_wei` is what a session key signs for. `extra` are members of the body that
    this client has no name for.
    """

    max_tokens: int
    timeout_ms: int
    idempotency_key: str
    deadline_s: float
    max_charge_wei: int
    extra: dict[str, Any]


class PolicyOptions(TypedDict, total=False):
    """What a call may ask for in few words; `budget_wei` is the most it may cost, else refused."""

    tier: Tier
    risk: Literal["low", "medium", "high"]
    latency: Literal["normal", "low"]
    budget_wei: int


class CallOptions(HowOptions, PolicyOptions, total=False):
    """What a delegation, a validation or a fact check of any version may say."""

    metadata: dict[str, Any]


class AskOptions(CallOptions, total=False):
    """What every v4 call may say; `tool_trace` reports what tools did for it, one entry a call.

    `subject` is what the receipt is about, 0x and 64 hex digits, as `receipts.agent_subject` makes.
    """

    consensus: Consensus
    receipt: bool
    subject: str
    tool_trace: list[Any]


class DelegateOptions(AskOptions, total=False):
    """What a delegation may say.

    `messages` are a conversation to continue, in the place of objective and input.
    """

    input: Any
    messages: Sequence[MessageRequest | Mapping[str, Any]]
    output_schema: dict[str, Any]
    sampling: SamplingRequest
    repair_attempts: int


class FactcheckOptions(AskOptions, total=False):
    """What a fact check may say."""

    context: Any


class ValidateOptions(FactcheckOptions, total=False):
    """What a validation may say."""

    mode: Literal["validation", "arbitration"]


class Ask(Struct, Generic[T], frozen=True, kw_only=True):
    """A paid call without its session.

    Attributes:
        path: the route.
        body: what is sent; v4's has the payment session beside it.
        answer: the type of its answer.
        idempotency_key, deadline_s, max_charge_wei: see `HowOptions`.
    """

    path: str
    body: dict[str, Any]
    answer: type[T]
    idempotency_key: str | None = None
    deadline_s: float | None = None
    max_charge_wei: int | None = None


def delegate(objective: str | None = None, **options: Unpack[DelegateOptions]) -> Ask[PaidResponse]:
    """Ask for a task to be done, or with `messages` for a conversation to be continued."""
    body: dict[str, Any] = {} if objective is None else {"objective": objective}
    body |= members(options, "input", "output_schema", "repair_attempts")
    if "messages" in options:
        body["messages"] = [plain(each) for each in options["messages"]]
    if "sampling" in options:
        body["sampling"] = plain(options["sampling"])
    return _ask("delegate", body, options)


def validate(claim: str, **options: Unpack[ValidateOptions]) -> Ask[PaidResponse]:
    """Ask for a claim to be checked, or with `mode` arbitration for a dispute to be decided."""
    return _ask("validate", {"claim": claim, **members(options, "context", "mode")}, options)


def factcheck(claim: str, **options: Unpack[FactcheckOptions]) -> Ask[PaidResponse]:
    """Ask for a fact to be checked: a validation whose labels are TRUE and FALSE."""
    return _ask("factcheck", {"claim": claim, **members(options, "context")}, options)


def _ask(route: str, body: dict[str, Any], options: AskOptions) -> Ask[PaidResponse]:
    body |= bounds(options) | consensus(options)
    body |= members(options, "receipt", "subject", "tool_trace")
    return made(f"/api/v4/{route}", body, options, PaidResponse)


def made(path: str, body: dict[str, Any], options: HowOptions, answer: type[T]) -> Ask[T]:
    """Return a call of a route; its `extra` members count before those that have names."""
    return Ask(
        path=path,
        body=body | options.get("extra", {}),
        answer=answer,
        **members(options, "idempotency_key", "deadline_s", "max_charge_wei"),
    )


def bounds(options: CallOptions) -> dict[str, Any]:
    """Return the members of a body that say how much a call may take and cost."""
    return members(options, "max_tokens", "timeout_ms", "metadata") | policy(options)


def policy(options: PolicyOptions) -> dict[str, Any]:
    """Return the `policy` of a body, if it has one."""
    found = members(options, "tier", "risk", "latency")
    if options.get("budget_wei") is not None:
        found["budget_wei"] = str(options["budget_wei"])
    return {"policy": found} if found else {}


def consensus(options: Any) -> dict[str, Any]:
    """Return the `consensus` of a body, if it has one."""
    found = msgspec.to_builtins(options.get("consensus") or Consensus())
    return {"consensus": found} if found else {}


def members(options: Any, *names: str) -> dict[str, Any]:
    """Return those options by name that were given."""
    return {name: options[name] for name in names if options.get(name) is not None}


def plain(value: Struct | Mapping[str, Any]) -> dict[str, Any]:
    """Return a struct of the API as it is sent: what is null in it says nothing."""
    if not isinstance(value, Struct):
        return dict(value)
    found: dict[str, Any] = msgspec.to_builtins(value)
    return {name: each for name, each in found.items() if each is not None}
