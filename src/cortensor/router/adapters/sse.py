# SPDX-License-Identifier: Apache-2.0
"""The stream of an OpenAI-compatible server: server-sent events, each a piece of one answer.

It is whole when the model has said why it stopped (`finish_reason`). A connection that ends before
is a cut stream, also where something on the way ended it politely with `[DONE]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, field

from cortensor.router.event_lines import DONE, EventLines
from cortensor.router.json_guard import decode_json
from cortensor.router.ports import BackendError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CUT = "cut_stream"


class Usage(Struct):
    """What a server says of its own usage, in tokens."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Delta(Struct):
    content: str | None = None
    tool_calls: list[Any] | None = None


class _Choice(Struct):
    delta: _Delta = field(default_factory=_Delta)
    finish_reason: str | None = None


class _Chunk(Struct):
    choices: list[_Choice] = field(default_factory=list)
    model: str | None = None
    usage: Usage | None = None
    error: Any = None


class Pieces:
    """An answer as it comes together."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.finish_reason: str | None = None
        self.model: str | None = None
        self.usage: Usage | None = None
        self.tool_calls: list[Any] = []

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self.texts)

    def add(self, data: bytes) -> str:
        """Take one event's data and return the text in it.

        Raises:
            BackendError: `bad_reply` for what is no chunk, `upstream_error` for a reported error.
        """
        try:
            chunk = msgspec.convert(decode_json(data), _Chunk)
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
            raise BackendError("bad_reply") from error
        if chunk.error is not None:
            raise BackendError("upstream_error")
        self.model = chunk.model or self.model
        self.usage = chunk.usage or self.usage
        text = ""
        for choice in chunk.choices[:1]:
            text = choice.delta.content or ""
            self.tool_calls += choice.delta.tool_calls or ()
            self.finish_reason = choice.finish_reason or self.finish_reason
        if text:
            self.texts.append(text)
        return text


async def events(chunks: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """Yield the data of each event up to `[DONE]` or the end.

    Args:
        chunks: the body as it arrives.
        limit: the most bytes it may have.

    Raises:
        BackendError: `response_too_large`.
    """
    lines, total = EventLines(), 0
    async for chunk in chunks:
        total += len(chunk)
        if total > limit:
            raise BackendError("response_too_large")
        for data in lines.feed(chunk):
            if data == DONE:
                return
            yield data
