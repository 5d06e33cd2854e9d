# SPDX-License-Identifier: Apache-2.0
"""Answers as server-sent events: pieces while they are made, then the whole of what was charged.

The status is decided by the first piece: what fails before it is an ordinary refusal. What fails
after it is an event that says so, and no `[DONE]`: a reader can tell a whole answer from a part.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import msgspec
from starlette.responses import StreamingResponse

from cortensor.errors import Error
from cortensor.router.event_lines import DONE
from cortensor.router.schemas import PaidResponse
from cortensor.router.versions.event_format import EVENT_STREAM

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence

    from cortensor.router.answer import Answer
    from cortensor.router.streaming import OnText

    Paid = Callable[[OnText], Awaitable[Answer]]

HTTP_BAD_REQUEST = 400


class Shape(Protocol):
    """How one call's events look; each is JSON data."""

    def piece(self, text: str) -> object:
        """Return the event of a piece of the answer."""

    def end(self, answer: PaidResponse, total: int | None) -> Sequence[object]:
        """Return the events after the last piece: why it ended, and what it cost.

        `total` is what the payment session was charged so far, in wei.
        """

    def broken(self, error: Error) -> object:
        """Return the event of an answer that breaks off; nothing was charged for it."""


class Running:
    """A paid call that may already speak.

    The call goes on when nobody listens any more; it is charged once and its receipt is kept.

    Args:
        paid: starts it, given whom to tell each piece.
    """

    def __init__(self, paid: Paid) -> None:
        self._pieces: asyncio.Queue[str | None] = asyncio.Queue()
        self._task = asyncio.ensure_future(paid(self._pieces.put_nowait))
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Future[Answer]) -> None:
        if not task.cancelled():
            task.exception()  # seen: the reader may have left before the failure
        self._pieces.put_nowait(None)

    async def piece(self) -> str | None:
        """Return the next piece, or None after the last one."""
        return await self._pieces.get()

    async def answer(self) -> Answer:
        """Return the answer; raises what the call raises."""
        return await self._task


def streamed(
    running: Running, first: str, shape: Shape, headers: Mapping[str, str]
) -> StreamingResponse:
    """Return the response that passes a running call's pieces on, from its first one."""
    return _response(_live(running, first, shape), headers)


def at_once(answer: Answer, shape: Shape, headers: Mapping[str, str]) -> StreamingResponse:
    """Return a finished answer as events: its text as one piece."""

    async def events() -> AsyncIterator[bytes]:
        whole = msgspec.json.decode(answer.body, type=PaidResponse)
        if whole.result.output:
            yield _event(shape.piece(whole.result.output))
        for event in _last(shape, whole, answer.total):
            yield event

    return _response(events(), headers)


async def _live(running: Running, first: str, shape: Shape) -> AsyncIterator[bytes]:
    piece: str | None = first
    while piece is not None:
        yield _event(shape.piece(piece))
        piece = await running.piece()
    try:
        answer = await running.answer()
    except Error as error:
        yield b"event: error\n" + _event(shape.broken(error))
        return
    except Exception:
        yield b"event: error\n" + _event(shape.broken(Error("an internal error")))
        raise
    whole = msgspec.json.decode(answer.body, type=PaidResponse)
    for event in _last(shape, whole, answer.total):
        yield event


def _last(shape: Shape, whole: PaidResponse, total: int | None) -> Iterator[bytes]:
    for data in shape.end(whole, total):
        yield _event(data)
    yield b"data: " + DONE + b"\n\n"


def _event(data: object) -> bytes:
    return b"data: " + msgspec.json.encode(data) + b"\n\n"


def _response(events: AsyncIterator[bytes], headers: Mapping[str, str]) -> StreamingResponse:
    kept = {**headers, "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, 200, kept, EVENT_STREAM)
