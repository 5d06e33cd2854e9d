# SPDX-License-Identifier: Apache-2.0
"""The OpenAI-compatible routes in the OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cortensor.router.chat.options import OPTION_HEADERS
from cortensor.router.chat.schemas import (
    ChatChunk,
    ChatCompletion,
    ChatRequest,
    Model,
    ModelList,
)
from cortensor.router.chat.schemas import OpenAIErrorBody as ErrorBody
from cortensor.router.versions.event_format import EVENT_STREAM, event_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from msgspec import Struct

SHAPES: tuple[type[Struct], ...] = (
    ChatRequest,
    ChatCompletion,
    ChatChunk,
    Model,
    ModelList,
    ErrorBody,
)
JSON = "application/json"
_PROBLEMS = (400, 401, 402, 403, 404, 408, 409, 413, 415, 429, 500, 502, 503)


def chat_paths(ref: dict[str, dict[str, Any]], headers: Sequence[str]) -> dict[str, Any]:
    """Return the paths.

    Args:
        ref: a reference to each schema, by name.
        headers: those that every paid call takes.
    """
    answers = _responses(ref, ChatCompletion, _PROBLEMS)
    answers["200"]["content"][EVENT_STREAM] = {"schema": event_schema(ref[ChatChunk.__name__])}
    names = (*headers, *OPTION_HEADERS)
    named = [{"name": n, "in": "header", "schema": {"type": "string"}} for n in names]
    model = {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "/v1/chat/completions": {
            "post": {
                "summary": "Continue a conversation, for clients of the OpenAI API",
                "security": [{"grant": []}, {"key": []}],
                "parameters": named,
                "requestBody": {
                    "required": True,
                    "content": {JSON: {"schema": ref[ChatRequest.__name__]}},
                },
                "responses": answers,
            }
        },
        "/v1/models": {
            "get": {
                "summary": "The models that can be asked for",
                "responses": _responses(ref, ModelList, ()),
            }
        },
        "/v1/models/{model}": {
            "get": {
                "summary": "One model",
                "parameters": [model],
                "responses": _responses(ref, Model, (404,)),
            }
        },
    }


def _responses(
    ref: dict[str, dict[str, Any]], good: type[Struct], problems: Sequence[int]
) -> dict[str, Any]:
    found = {str(status): _response("Refused", ref[ErrorBody.__name__]) for status in problems}
    return {"200": _response("Done", ref[good.__name__]), **found}


def _response(description: str, shape: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {JSON: {"schema": shape}}}
