# SPDX-License-Identifier: Apache-2.0
"""What to ask of v2 and v3, as values, for `Client.run`. Pure.

v3's consensus has `replicas`, `session_pool`, `strategy` and `disagreement_policy`; a call with
others is InvalidInput, before it is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from cortensor.client.asks import Ask, CallOptions, bounds, consensus, made, members
from cortensor.router.versions.schemas import (
    DelegateAnswerV2,
    DelegateAnswerV3,
    ValidateAnswerV2,
    ValidateAnswerV3,
)

if TYPE_CHECKING:
    from typing import Literal, Unpack

    from cortensor.client.asks import Consensus

T = TypeVar("T")


class V2Options(CallOptions, total=False):
    """What a v2 call may say; `compute_session` is the one that runs it, by default any."""

    compute_session: str


class V2DelegateOptions(V2Options, total=False):
    """What a v2 delegation may say."""

    input: Any
    output_schema: dict[str, Any]


class V2FactcheckOptions(V2Options, total=False):
    """What a v2 fact check may say."""

    context: Any


class V2ValidateOptions(V2FactcheckOptions, total=False):
    """What a v2 validation may say; `actor` is whose claim it is, for the record."""

    actor: Any


class V3Options(V2Options, total=False):
    """What a v3 call may say; `compute_session` alone is for one replica."""

    consensus: Consensus


class V3DelegateOptions(V3Options, total=False):
    """What a v3 delegation may say."""

    input: Any
    output_schema: dict[str, Any]


class V3FactcheckOptions(V3Options, total=False):
    """What a v3 fact check may say."""

    context: Any


class V3ValidateOptions(V3FactcheckOptions, total=False):
    """What a v3 validation may say; `actor` is whose claim it is, for the record."""

    actor: Any
    mode: Literal["validation", "arbitration"]


def delegate_v2(objective: str, **options: Unpack[V2DelegateOptions]) -> Ask[DelegateAnswerV2]:
    """Ask v2 for a task to be done on one compute session."""
    body = {"objective": objective, **members(options, "input", "output_schema")}
    return _ask("v2/delegate", body, options, DelegateAnswerV2)


def validate_v2(claim: str, **options: Unpack[V2ValidateOptions]) -> Ask[ValidateAnswerV2]:
    """Ask v2 for a claim to be checked on one compute session."""
    body = {"claim": claim, **members(options, "context", "actor")}
    return _ask("v2/validate", body, options, ValidateAnswerV2)


def factcheck_v2(claim: str, **options: Unpack[V2FactcheckOptions]) -> Ask[ValidateAnswerV2]:
    """Ask v2 for a fact to be checked on one compute session."""
    body = {"claim": claim, **members(options, "context")}
    return _ask("v2/factcheck", body, options, ValidateAnswerV2)


def delegate_v3(objective: str, **options: Unpack[V3DelegateOptions]) -> Ask[DelegateAnswerV3]:
    """Ask v3 for a task to be done."""
    body = {"objective": objective, **members(options, "input", "output_schema")}
    return _ask("v3/delegate", body, options, DelegateAnswerV3)


def validate_v3(claim: str, **options: Unpack[V3ValidateOptions]) -> Ask[ValidateAnswerV3]:
    """Ask v3 for a claim to be checked, or with `mode` arbitration for a dispute to be decided."""
    body = {"claim": claim, **members(options, "context", "actor", "mode")}
    return _ask("v3/validate", body, options, ValidateAnswerV3)


def factcheck_v3(claim: str, **options: Unpack[V3FactcheckOptions]) -> Ask[ValidateAnswerV3]:
    """Ask v3 for a fact to be checked."""
    body = {"claim": claim, **members(options, "context")}
    return _ask("v3/factcheck", body, options, ValidateAnswerV3)


def _ask(route: str, body: dict[str, Any], options: V2Options, answer: type[T]) -> Ask[T]:
    body |= bounds(options) | consensus(options) | compute_session(options)
    return made(f"/api/{route}", body, options, answer)


def compute_session(options: Any) -> dict[str, Any]:
    """Return the member of a body that names the compute session, if it does."""
    named = options.get("compute_session")
    return {} if named is None else {"session_id": named}
