# SPDX-License-Identifier: Apache-2.0
"""Conversations: a delegation that continues one has `messages` in the place of an objective.

Tools are not run here. Calls that were made and what they gave are part of the conversation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from cortensor.router.problems import InvalidField

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_MESSAGES = 1024
SYSTEM_ROLES = frozenset({"system", "developer"})
_Id = Annotated[str, Meta(min_length=1, max_length=256)]


class FunctionCall(Struct, frozen=True, forbid_unknown_fields=True):
    """A function that the model asked for; `arguments` is its own JSON text."""

    name: _Id
    arguments: Annotated[str, Meta(max_length=1 << 20)]


class ToolCall(Struct, frozen=True, forbid_unknown_fields=True):
    """A call of a tool that an assistant's message asked for."""

    id: _Id
    function: FunctionCall
    type: Literal["function"] = "function"


class MessageRequest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One message; `content` may be null only where an assistant called tools.

    `developer` is what newer clients call `system`.
    """

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Annotated[str, Meta(max_length=1 << 20)] | None = None
    name: _Id | None = None
    tool_call_id: _Id | None = None
    tool_calls: Annotated[list[ToolCall], Meta(min_length=1, max_length=128)] | None = None


def check_messages(messages: Sequence[MessageRequest]) -> None:
    """Refuse a conversation that no model can continue. Raises InvalidField."""
    called: set[str] = set()
    for number, message in enumerate(messages):
        where = f"messages[{number}]"
        if message.tool_calls is not None and message.role != "assistant":
            raise InvalidField("is for assistant messages", field=f"{where}.tool_calls")
        if message.content is None and message.tool_calls is None:
            raise InvalidField("is needed", field=f"{where}.content")
        if (message.tool_call_id is not None) != (message.role == "tool"):
            raise InvalidField("is for tool messages, and needed", field=f"{where}.tool_call_id")
        if message.tool_call_id is not None and message.tool_call_id not in called:
            raise InvalidField("answers no earlier tool call", field=f"{where}.tool_call_id")
        called |= {call.id for call in message.tool_calls or ()}


def conversation(messages: Sequence[MessageRequest], system: str) -> tuple[dict[str, Any], ...]:
    """Return messages as a backend gets them.

    Args:
        messages: the caller's.
        system: the compute session's own instructions, for a conversation that has none.
    """
    shown = []
    for message in messages:
        data = msgspec.to_builtins(message)
        if message.role == "developer":
            data["role"] = "system"  # the name that every server knows
        shown.append({name: value for name, value in data.items() if value is not None})
    if messages[0].role not in SYSTEM_ROLES:
        shown.insert(0, {"role": "system", "content": system})
    return tuple(shown)
