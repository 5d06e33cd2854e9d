# SPDX-License-Identifier: Apache-2.0
"""A chat completion as v4 has it: a delegation with messages."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from cortensor.router.chat.answer import ChatEvents, show_chat
from cortensor.router.chat.errors import UnsupportedParameterError, error_body
from cortensor.router.chat.schemas import ChatMessage, ChatRequest
from cortensor.router.problems import InvalidField
from cortensor.router.requests import convert
from cortensor.router.versions.completions import sampling_sent
from cortensor.router.versions.upgrade import POOL, Upgraded, addressed, given, pooled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.router.chat.models import Models

JSON = "application/json"
SCHEMA = "response_format.json_schema.schema"
ANY_OBJECT = {"type": "object"}
NOT_SERVED: dict[str, tuple[Any, ...]] = {
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "parallel_tool_calls": (True, False),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
    "web_search_options": (),
    "reasoning_effort": (),
    "verbosity": (),
    "store": (False,),
    "service_tier": ("auto", "default"),
    "safety_identifier": (),
    "prompt_cache_key": (),
    "prompt_cache_retention": (),
}
"""Fields of the OpenAI API that are not served -> the values that ask for nothing."""
_FIELDS = {
    "output_schema": SCHEMA,
    "consensus": "cortensor.consensus",
    "policy": "cortensor.policy",
    "repair_attempts": "cortensor.repair_attempts",
    "timeout_ms": "cortensor.timeout_ms",
    "tool_trace": "cortensor.tool_trace",
    "session_id": "cortensor.session_id",
    "sampling.top_k": "cortensor.top_k",
}
_OPTIONS = ("policy", "timeout_ms", "receipt", "repair_attempts")


def chat(data: dict[str, Any], session: str, models: Models) -> Upgraded:
    """Return a chat completion as v4 has it.

    Args:
        data: the body as sent, with the options of its headers.
        session: the payment session of the caller's grant.
        models: what `model` may name.

    Raises:
        InvalidField: a field that is malformed, unknown, or not served here.
        NotFound: no compute session runs the model.
    """
    kept = served(data)
    sent = convert(kept, ChatRequest)
    options = {k: v for k, v in (kept.get("cortensor") or {}).items() if v is not None}
    payer, compute = addressed(options, session)
    consensus = pooled(options, compute)
    pool = models.pool(sent.model)
    if pool is not None:
        asked = consensus.get("session_pool")
        if asked is not None and not set(asked) <= set(pool):
            raise InvalidField("is not what all of the sessions asked for run", field="model")
        consensus = {**consensus, "session_pool": asked or pool}
    body: dict[str, Any] = {"session_id": payer, **given(options, *_OPTIONS)}
    body["messages"] = [message_v4(each) for each in sent.messages]
    found = {
        "consensus": consensus,
        "sampling": _sampling(sent, kept, options),
        "metadata": _metadata(sent),
        "max_tokens": _max_tokens(sent),
        "output_schema": _schema(sent),
        "tool_trace": [*(options.get("tool_trace") or []), *tool_steps(sent.messages)],
    }
    body |= {name: value for name, value in found.items() if value}
    if sent.stream_options is not None and not sent.stream:
        raise InvalidField("is for streams", field="stream_options")
    fields = dict(_FIELDS)
    if sent.max_completion_tokens is not None:
        fields["max_tokens"] = "max_completion_tokens"
    if compute is not None:
        fields[POOL] = "cortensor.session_id"
    events = None
    if sent.stream:
        usage = bool(sent.stream_options and sent.stream_options.include_usage)
        events = ChatEvents(sent.model, created=int(time.time()), has_usage=usage)
    return Upgraded(
        body=body,
        fields=fields,
        show=show_chat,
        problem=_charged_problem,
        problem_type=JSON,
        stream=events,
    )


def served(data: dict[str, Any]) -> dict[str, Any]:
    """Return a body without the fields that ask for nothing.

    Raises:
        UnsupportedParameterError: a field asks for something that is not served here.
    """
    for name, harmless in NOT_SERVED.items():
        value = data.get(name)
        if value is not None and not any(_same(value, each) for each in harmless):
            raise UnsupportedParameterError("is not supported here; leave it out", field=name)
    if data.get("n") not in (None, 1):
        raise UnsupportedParameterError("only one answer is given; leave it out", field="n")
    messages = data.get("messages")
    for number, message in enumerate(messages if isinstance(messages, list) else ()):
        content = message.get("content") if isinstance(message, dict) else None
        for place, part in enumerate(content if isinstance(content, list) else ()):
            kind = part.get("type") if isinstance(part, dict) else None
            if isinstance(kind, str) and kind != "text":
                raise UnsupportedParameterError(
                    f"{kind[:64]} content is not supported here; send text",
                    field=f"messages[{number}].content[{place}]",
                )
    return {name: value for name, value in data.items() if name not in NOT_SERVED}


def _same(value: object, other: object) -> bool:
    return type(value) is type(other) and value == other  # 0 is not False here


def message_v4(message: ChatMessage) -> dict[str, Any]:
    """Return a message as v4 has it: its text parts joined, nulls left out."""
    content = message.content
    if isinstance(content, list):
        content = "\n".join(part.text for part in content)
    called = [msgspec.to_builtins(call) for call in message.tool_calls or ()]
    found = {
        "role": message.role,
        "content": content,
        "name": message.name,
        "tool_call_id": message.tool_call_id,
        "tool_calls": called or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def tool_steps(messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
    """Return what tools did in a conversation, one entry for each result that it reports."""
    calls = {call.id: call.function for message in messages for call in message.tool_calls or ()}
    steps = []
    for message in messages:
        call = calls.get(message.tool_call_id or "")
        if message.role == "tool" and call is not None:
            steps.append(
                {
                    "tool_call_id": message.tool_call_id,
                    "name": call.name,
                    "arguments": call.arguments,
                    "result": message_v4(message).get("content"),
                }
            )
    return steps


def _sampling(sent: ChatRequest, data: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    found = sampling_sent({**data, "top_k": options.get("top_k")})
    if isinstance(sent.stop, str):
        found["stop"] = [sent.stop]
    elif sent.stop:
        found["stop"] = list(sent.stop)
    return found


def _metadata(sent: ChatRequest) -> dict[str, Any] | None:
    known: dict[str, Any] = dict(sent.metadata or {})
    if sent.user is not None:
        if known.get("user", sent.user) != sent.user:
            raise InvalidField("differs from metadata.user", field="user")
        known["user"] = sent.user
    return known or None


def _max_tokens(sent: ChatRequest) -> int | None:
    both = {sent.max_tokens, sent.max_completion_tokens} - {None}
    if len(both) > 1:
        raise InvalidField("differs from max_tokens", field="max_completion_tokens")
    return next(iter(both), None)


def _schema(sent: ChatRequest) -> dict[str, Any] | None:
    asked = sent.response_format
    if asked is None or asked.type == "text":
        return None
    if asked.type == "json_object":
        return dict(ANY_OBJECT)
    if asked.json_schema is None:
        raise InvalidField(
            "is needed for the type json_schema", field="response_format.json_schema"
        )
    return asked.json_schema.schema or dict(ANY_OBJECT)


def _charged_problem(problem: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(error_body(problem))
    return found
