# SPDX-License-Identifier: Apache-2.0
"""What to ask of v2 and v3, as values, for `Client.run`. Pure.

`body` is the v4 form that the router makes of each (docs/spec/router.md, Versions): a receipt
commits to that, and a session key signs it. v3's consensus has `replicas`, `session_pool`,
`strategy` and `disagreement_policy`; the router refuses others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct, field

from cortensor.client.asks import Ask, AskOptions, HowOptions, common, how, members
from cortensor.router.versions.schemas import (
    ConsensusResultV3,
    DelegateAnswerV2,
    DelegateAnswerV3,
    ValidateAnswerV2,
    ValidateAnswerV3,
)

if TYPE_CHECKING:
    from typing import Literal, Unpack

    from cortensor.client.asks import Consensus
    from cortensor.router.consensus_schemas import Tier

T = TypeVar("T")


class V2Options(HowOptions, total=False):
    """What a v2 call may say; `compute_session` is the one that runs it, by default any."""

    compute_session: str
    tier: Tier


class V2DelegateOptions(V2Options, total=False):
    """What a v2 delegation may say."""

    input: Any
    output_schema: dict[str, Any]


class V2CheckOptions(V2Options, total=False):
    """What a v2 validation or fact check may say."""

    context: Any


class V3Options(HowOptions, total=False):
    """What a v3 call may say."""

    consensus: Consensus
    tier: Tier


class V3DelegateOptions(V3Options, total=False):
    """What a v3 delegation may say."""

    input: Any
    output_schema: dict[str, Any]


class V3FactcheckOptions(V3Options, total=False):
    """What a v3 fact check may say."""

    context: Any


class V3ValidateOptions(V3FactcheckOptions, total=False):
    """What a v3 validation may say."""

    mode: Literal["validation", "arbitration"]


class CompletionOptions(HowOptions, total=False):
    """What a completion may say."""

    consensus: Consensus
    client_reference: str


class CompletionText(Struct, frozen=True):
    """The completion; `finish_reason` is the model's, or no_consensus where no text won."""

    text: str
    finish_reason: str | None = None


class CompletionUsage(Struct, frozen=True):
    """Tokens of all replicas."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(Struct, frozen=True, kw_only=True):
    """A text completion; `not_applied` names settings that changed nothing."""

    model: str
    task_id: str
    choices: list[CompletionText]
    usage: CompletionUsage
    receipt_id: str
    charge_wei: str
    consensus: ConsensusResultV3
    not_applied: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text; empty without a consensus."""
        return self.choices[0].text


def delegate_v2(objective: str, **options: Unpack[V2DelegateOptions]) -> Ask[DelegateAnswerV2]:
    """Ask v2 for a task to be done on one compute session."""
    body = {"objective": objective, **members(options, "input", "output_schema")}
    return _v2("delegate", "delegate", body, options, DelegateAnswerV2)


def validate_v2(claim: str, **options: Unpack[V2CheckOptions]) -> Ask[ValidateAnswerV2]:
    """Ask v2 for a claim to be checked on one compute session."""
    body = {"claim": claim, **members(options, "context")}
    return _v2("validate", "validate", body, options, ValidateAnswerV2)


def factcheck_v2(claim: str, **options: Unpack[V2CheckOptions]) -> Ask[ValidateAnswerV2]:
    """Ask v2 for a fact to be checked on one compute session."""
    body = {"claim": claim, **members(options, "context")}
    return _v2("factcheck", "validate", body, options, ValidateAnswerV2)


def delegate_v3(objective: str, **options: Unpack[V3DelegateOptions]) -> Ask[DelegateAnswerV3]:
    """Ask v3 for a task to be done."""
    body = {"objective": objective, **members(options, "input", "output_schema")}
    return _v3("delegate", "delegate", body, options, DelegateAnswerV3)


def validate_v3(claim: str, **options: Unpack[V3ValidateOptions]) -> Ask[ValidateAnswerV3]:
    """Ask v3 for a claim to be checked, or with `mode` arbitration for a dispute to be decided."""
    body = {"claim": claim, **members(options, "context", "mode")}
    return _v3("validate", "validate", body, options, ValidateAnswerV3)


def factcheck_v3(claim: str, **options: Unpack[V3FactcheckOptions]) -> Ask[ValidateAnswerV3]:
    """Ask v3 for a fact to be checked."""
    body = {"claim": claim, **members(options, "context")}
    return _v3("factcheck", "validate", body, options, ValidateAnswerV3)


def completion(prompt: str, **options: Unpack[CompletionOptions]) -> Ask[Completion]:
    """Ask v3 to complete a prompt: it is the user message as it is."""
    settings: AskOptions = {**options, "metadata": {}}  # type: ignore[typeddict-item]
    body = {"objective": prompt, **common(settings)}
    sent = {"prompt": prompt, **members(body, "max_tokens", "consensus")}
    if "timeout_ms" in body:
        sent["timeout"] = body["timeout_ms"] / 1000
    body.pop("metadata", None)
    if "client_reference" in options:
        sent["client_reference"] = options["client_reference"]
        body["metadata"] = {"client_reference": options["client_reference"]}
    return Ask(
        path="/api/v3/completions",
        endpoint="delegate",
        body=body,
        sent=sent,
        answer=Completion,
        **how(options),
    )


def _v2(
    route: str,
    endpoint: Literal["delegate", "validate"],
    body: dict[str, Any],
    options: V2Options,
    answer: type[T],
) -> Ask[T]:
    settings: AskOptions = {**options}  # type: ignore[typeddict-item]
    sent = body | common(settings)
    whole = {**sent, "consensus": {"replicas": 1}}
    if "compute_session" in options:
        sent = {**sent, "session_id": options["compute_session"]}
        whole["consensus"] = {"replicas": 1, "session_pool": [options["compute_session"]]}
    return Ask(
        path=f"/api/v2/{route}",
        endpoint=endpoint,
        body=whole,
        sent=sent,
        answer=answer,
        **how(options),
    )


def _v3(
    route: str,
    endpoint: Literal["delegate", "validate"],
    body: dict[str, Any],
    options: V3Options,
    answer: type[T],
) -> Ask[T]:
    settings: AskOptions = {**options}  # type: ignore[typeddict-item]
    sent = body | common(settings)
    return Ask(
        path=f"/api/v3/{route}",
        endpoint=endpoint,
        body=sent,
        sent=sent,
        answer=answer,
        **how(options),
    )
