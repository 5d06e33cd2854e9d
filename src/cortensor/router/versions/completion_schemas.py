# SPDX-License-Identifier: Apache-2.0
"""Requests and answers of v2 and v3 of completions. Unknown fields are refused."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

# ruff: noqa: TC001 -- msgspec reads the annotations
from cortensor.router.schemas import Text
from cortensor.router.versions.schemas import ConsensusResultV3, ConsensusV3, Positive, SessionRef

NO_CONSENSUS_REASON: Literal["no_consensus"] = "no_consensus"
"""The finish reason where no text won."""
Seconds = Annotated[float, Meta(gt=0, le=86400)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]


class CompletionRequestV2(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Complete a prompt on one compute session.

    The prompt is the user message as it is, by either `prompt_type`; the model's own chat template
    goes around it, so `prompt_template` must be empty. `timeout` is in seconds. Sampling settings
    count instead of the compute session's own; what changed nothing is in the answer's
    `not_applied`.
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
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None


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
    """A text completion; `created` is in unix seconds, `id` is the receipt's.

    The last event of a stream has no text, and `total_wei`, what its payment session was charged.
    """

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
    total_wei: str | UnsetType = UNSET

    @property
    def text(self) -> str:
        """The text; empty without a consensus."""
        return self.choices[0].text


class CompletionV3(CompletionV2, frozen=True, kw_only=True):
    """A text completion with its consensus."""

    consensus: ConsensusResultV3
