# SPDX-License-Identifier: Apache-2.0
"""Requests and answers of the OpenAI-compatible routes. Unknown fields are refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

# ruff: noqa: TC001 -- msgspec reads the annotations
from cortensor.router.consensus_schemas import ConsensusRequest, PolicyRequest
from cortensor.router.messages import MAX_MESSAGES, ToolCall
from cortensor.router.sampling import MAX_STOPS, Seed, StopText
from cortensor.router.schemas import BillResult, ConsensusResult, ReceiptSummary
from cortensor.router.versions.completion_schemas import CompletionUsage, Penalty
from cortensor.router.versions.schemas import Positive, SessionRef

_Name = Annotated[str, Meta(min_length=1, max_length=256)]
_Text = Annotated[str, Meta(max_length=1 << 20)]


class TextPart(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a message; only text is read."""

    type: Literal["text"]
    text: _Text


class ChatMessage(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A message; what an earlier answer's message had and has no use here must be null or empty."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: _Text | Annotated[list[TextPart], Meta(min_length=1, max_length=256)] | None = None
    name: _Name | None = None
    tool_call_id: _Name | None = None
    tool_calls: Annotated[list[ToolCall], Meta(max_length=128)] | None = None
    refusal: None = None
    audio: None = None
    function_call: None = None
    annotations: Annotated[list[Any], Meta(max_length=0)] | None = None


class JsonSchema(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The schema an answer must follow; it is always held to it, `strict` or not."""

    schema: dict[str, Any]
    name: Annotated[str, Meta(min_length=1, max_length=64)] = "answer"
    description: str | None = None
    strict: bool | None = None


class ResponseFormat(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Free text, any JSON object, or JSON that follows a schema."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: JsonSchema | None = None


class StreamOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`include_usage` adds a last event with the usage."""

    include_usage: bool | None = None


class CortensorOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the OpenAI API has no field for; by the names of v4.

    `session_id` is a compute session, or the payment session of the grant.
    """

    session_id: SessionRef | None = None
    consensus: ConsensusRequest | None = None
    policy: PolicyRequest | None = None
    timeout_ms: Positive | None = None
    receipt: bool | None = None
    repair_attempts: Annotated[int, Meta(ge=0)] | None = None
    top_k: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    tool_trace: Annotated[list[Any], Meta(max_length=256)] | None = None


class ChatRequest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Continue a conversation.

    `model` is `cortensor` for any compute session, or the name of a model that some of them run.
    `user` and `metadata` are kept with the request.
    """

    model: _Name
    messages: Annotated[list[ChatMessage], Meta(min_length=1, max_length=MAX_MESSAGES)]
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    seed: Seed | None = None
    stop: StopText | Annotated[list[StopText], Meta(max_length=MAX_STOPS)] | None = None
    max_tokens: Positive | None = None
    max_completion_tokens: Positive | None = None
    n: Literal[1] | None = None
    response_format: ResponseFormat | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: Annotated[str, Meta(max_length=1024)] | None = None
    metadata: dict[str, str] | None = None
    cortensor: CortensorOptions | None = None


class CortensorBlock(Struct, frozen=True, kw_only=True):
    """What the answer rests on and what it cost, as in v4's answer.

    `total_wei` is what the payment session was charged so far.
    """

    status: Literal["complete", "no_consensus"]
    receipt_id: str
    charge_wei: str
    charge_cor: str
    consensus: ConsensusResult
    bill: BillResult
    request_salt: str
    receipt: ReceiptSummary | None = None
    tool_traces: list[str] = field(default_factory=list)
    total_wei: str | UnsetType = UNSET


class AnswerMessage(Struct, frozen=True, kw_only=True):
    """The answer."""

    content: str
    role: Literal["assistant"] = "assistant"
    refusal: None = None


class ChatChoice(Struct, frozen=True, kw_only=True):
    """The answer and why it ended: the model's reason, or no_consensus with an empty text."""

    message: AnswerMessage
    finish_reason: str | None
    index: int = 0
    logprobs: None = None


class ChatCompletion(Struct, frozen=True, kw_only=True):
    """A chat completion; `usage` is of all replicas, `created` in unix seconds."""

    id: str
    created: int
    model: str
    choices: list[ChatChoice]
    usage: CompletionUsage
    cortensor: CortensorBlock
    object: Literal["chat.completion"] = "chat.completion"

    @property
    def text(self) -> str:
        """The answer; empty without a consensus."""
        return self.choices[0].message.content


class ChatDelta(Struct, frozen=True, kw_only=True):
    """A piece of the answer; the first one names the role."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType = UNSET


class ChunkChoice(Struct, frozen=True, kw_only=True):
    """A piece; `finish_reason` is there after the last one, `incomplete` if it broke off."""

    delta: ChatDelta
    finish_reason: str | None = None
    index: int = 0
    logprobs: None = None


class StreamBlock(Struct, frozen=True, kw_only=True):
    """The `cortensor` block of an event: whole beside the finish reason, short beside the usage.

    An answer that broke off (`incomplete`) cost nothing; `replica_results` say why.
    """

    status: Literal["complete", "no_consensus", "incomplete"]
    charge_wei: str
    charge_cor: str | UnsetType = UNSET
    receipt_id: str | UnsetType = UNSET
    consensus: ConsensusResult | UnsetType = UNSET
    bill: BillResult | UnsetType = UNSET
    request_salt: str | UnsetType = UNSET
    receipt: ReceiptSummary | UnsetType | None = UNSET
    tool_traces: list[str] | UnsetType = UNSET
    total_wei: str | UnsetType = UNSET
    replica_results: list[dict[str, Any]] | UnsetType = UNSET


class ChatChunk(Struct, frozen=True, kw_only=True):
    """An event of a stream; `error` says that the answer broke off, and no `[DONE]` follows."""

    id: str
    created: int
    model: str
    choices: list[ChunkChoice]
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    usage: CompletionUsage | UnsetType | None = UNSET
    cortensor: StreamBlock | UnsetType = UNSET
    error: OpenAIError | UnsetType = UNSET


class Model(Struct, frozen=True, kw_only=True):
    """A model that can be asked for; `compute_sessions` run it."""

    id: str
    created: int
    compute_sessions: list[str]
    object: Literal["model"] = "model"
    owned_by: str = "cortensor"


class ModelList(Struct, frozen=True, kw_only=True):
    """All models."""

    data: list[Model]
    object: Literal["list"] = "list"


class OpenAIError(Struct, frozen=True, kw_only=True):
    """An error as clients of the OpenAI API read it; `code` is that of docs/spec/router.md."""

    message: str
    type: str
    code: str
    param: str | None


class OpenAIErrorBody(Struct, frozen=True, kw_only=True):
    """A refusal; `cortensor` has the further members of the problem, such as a quote."""

    error: OpenAIError
    cortensor: dict[str, Any] | UnsetType = UNSET
