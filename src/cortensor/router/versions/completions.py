# SPDX-License-Identifier: Apache-2.0
"""v2 and v3 of completions: a prompt as a delegation, its answer as a text completion."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct, field

from cortensor.receipts.evidence import output_hash
from cortensor.router.problems import InvalidField
from cortensor.router.requests import convert
from cortensor.router.schemas import Text  # noqa: TC001 -- msgspec reads the annotations
from cortensor.router.versions.calls import addressed_body, consensus_v3
from cortensor.router.versions.schemas import ConsensusResultV3, ConsensusV3, Positive, SessionRef
from cortensor.router.versions.upgrade import Upgraded, given

if TYPE_CHECKING:
    from cortensor.router.schemas import PaidResponse, ReplicaResult

Seconds = Annotated[float, Meta(gt=0, le=86400)]
NOT_APPLIED = (
    "precommit_timeout",
    "temperature",
    "top_p",
    "top_k",
    "presence_penalty",
    "frequency_penalty",
)
"""Settings that a compute session has of its own, and a request cannot change."""


class CompletionRequestV2(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Complete a prompt on one compute session.

    The prompt is the user message as it is, by either `prompt_type`; the model's own chat template
    goes around it, so `prompt_template` must be empty. `timeout` is in seconds. Sampling settings
    are the compute session's own: those sent are named in the answer's `not_applied`.
    """

    prompt: Text
    session_id: SessionRef | None = None
    prompt_type: Literal[0, 1] = 0
    prompt_template: str | None = None
    stream: bool = False
    timeout: Seconds | None = None
    client_reference: Annotated[str, Meta(max_length=1024)] | None = None
    max_tokens: Positive | None = None
    precommit_timeout: float | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None


class CompletionRequestV3(
    CompletionRequestV2, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """Complete a prompt on 1, 3 or 5 compute sessions."""

    consensus: ConsensusV3 = field(default_factory=ConsensusV3)


class TextChoice(Struct, frozen=True):
    """The completion; `finish_reason` is the model's, or no_consensus where no text won."""

    index: int
    text: str
    finish_reason: str | None
    logprobs: None = None


class CompletionUsage(Struct, frozen=True):
    """Tokens of all replicas, as their backends report them within bounds."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CompletionV2(Struct, frozen=True, kw_only=True):
    """A text completion; `created` is in unix seconds, `id` is the receipt's."""

    id: str
    created: int
    model: str
    task_id: str
    choices: list[TextChoice]
    usage: CompletionUsage
    receipt_id: str
    charge_wei: str
    object: Literal["text_completion"] = "text_completion"
    not_applied: list[str] = field(default_factory=list)


class CompletionV3(CompletionV2, frozen=True, kw_only=True):
    """A text completion with its consensus."""

    consensus: ConsensusResultV3


def completion(version: str, data: dict[str, Any], session: str) -> Upgraded:
    """Return a completion of `version` v2 or v3 as v4 has it.

    Args:
        version: v2 or v3.
        data: the body as sent, with the session of the path.
        session: the payment session of the caller's grant.

    Raises:
        InvalidField: the body is not of that version, or has a template.
    """
    sent = convert(data, CompletionRequestV3 if version == "v3" else CompletionRequestV2)
    if sent.prompt_template:
        raise InvalidField(
            "the model's own chat template is used; leave it empty", field="prompt_template"
        )
    body, fields = addressed_body(version, data, session)
    body |= {"objective": sent.prompt, **given(data, "max_tokens")}
    fields |= {"objective": "prompt", "timeout_ms": "timeout", "metadata": "client_reference"}
    if sent.timeout is not None:
        body["timeout_ms"] = max(1, round(sent.timeout * 1000))
    if sent.client_reference is not None:
        body["metadata"] = {"client_reference": sent.client_reference}
    ignored = [name for name in NOT_APPLIED if data.get(name) is not None]
    show = partial(show_completion, version, ignored)
    return Upgraded(body=body, fields=fields, show=show, streams=sent.stream)


def show_completion(version: str, ignored: list[str], answer: PaidResponse) -> CompletionV2:
    """Return a delegation's answer as a text completion of `version`."""
    found, text = answer.consensus, answer.result.output
    chosen = _chosen(found.replica_results, text)
    prompt = sum(each.input_units for each in found.replica_results)
    made = sum(each.output_units for each in found.replica_results)
    common: dict[str, Any] = {
        "id": answer.receipt_id,
        "created": answer.issued_at,
        "model": chosen.model,
        "task_id": chosen.task_id,
        "choices": [
            TextChoice(
                index=0,
                text=text or "",
                finish_reason="no_consensus" if text is None else chosen.finish_reason,
            )
        ],
        "usage": CompletionUsage(prompt, made, prompt + made),
        "receipt_id": answer.receipt_id,
        "charge_wei": answer.charge_wei,
        "not_applied": ignored,
    }
    if version == "v2":
        return CompletionV2(**common)
    return CompletionV3(**common, consensus=consensus_v3(found))


def _chosen(replicas: list[ReplicaResult], text: str | None) -> ReplicaResult:
    hashed = output_hash(text)
    return next((each for each in replicas if each.output_hash == hashed), replicas[0])
