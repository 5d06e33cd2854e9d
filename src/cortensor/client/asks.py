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
    from typing import Unpack

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
    metadata: dict[str, Any]
    idempotency_key: str
    deadline_s: float
    max_charge_wei: int
    extra: dict[str, Any]


class AskOptions(HowOptions, total=False):
    """What every v4 call may say; `budget_wei` is the most it may cost, else it is refused."""

    consensus: Consensus
    tier: Tier
    risk: Literal["low", "medium", "high"]
    latency: Literal["normal", "low"]
    budget_wei: int
    receipt: bool


class DelegateOptions(AskOptions, total=False):
    """What a delegation may say."""

    input: Any
    output_schema: dict[str, Any]


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
        endpoint: delegate or validate: what v4 makes of it.
        body: v4's body, which the receipt commits to.
        answer: the type of its answer.
        sent: the body that is sent, where it is another version's.
        idempotency_key, deadline_s, max_charge_wei: see `HowOptions`.
    """

    path: str
    endpoint: Literal["delegate", "validate"]
    body: dict[str, Any]
    answer: type[T]
    sent: dict[str, Any] | None = None
    idempotency_key: str | None = None
    deadline_s: float | None = None
    max_charge_wei: int | None = None


def delegate(objective: str, **options: Unpack[DelegateOptions]) -> Ask[PaidResponse]:
    """Ask for a task to be done."""
    body = {"objective": objective, **members(options, "input", "output_schema")}
    return _ask("delegate", "delegate", body, options)


def validate(claim: str, **options: Unpack[ValidateOptions]) -> Ask[PaidResponse]:
    """Ask for a claim to be checked, or with `mode` arbitration for a dispute to be decided."""
    body = {"claim": claim, **members(options, "context", "mode")}
    return _ask("validate", "validate", body, options)


def factcheck(claim: str, **options: Unpack[FactcheckOptions]) -> Ask[PaidResponse]:
    """Ask for a fact to be checked: a validation whose labels are TRUE and FALSE."""
    return _ask("factcheck", "validate", {"claim": claim, **members(options, "context")}, options)


def _ask(
    route: str,
    endpoint: Literal["delegate", "validate"],
    body: dict[str, Any],
    options: AskOptions,
) -> Ask[PaidResponse]:
    body |= common(options) | members(options, "receipt")
    return Ask(
        path=f"/api/v4/{route}", endpoint=endpoint, body=body, answer=PaidResponse, **how(options)
    )


def common(options: AskOptions) -> dict[str, Any]:
    """Return the members of a body that all its kinds have."""
    body = members(options, "max_tokens", "timeout_ms", "metadata") | options.get("extra", {})
    consensus: dict[str, Any] = msgspec.to_builtins(options.get("consensus", Consensus()))
    if consensus:
        body["consensus"] = consensus
    policy = members(options, "tier", "risk", "latency")
    if "budget_wei" in options:
        policy["budget_wei"] = str(options["budget_wei"])
    if policy:
        body["policy"] = policy
    return body


def members(options: Any, *names: str) -> dict[str, Any]:
    """Return those options by name that were given."""
    return {name: options[name] for name in names if options.get(name) is not None}


def how(options: HowOptions) -> dict[str, Any]:
    """Return what of the options is no member of a body."""
    return members(options, "idempotency_key", "deadline_s", "max_charge_wei")
