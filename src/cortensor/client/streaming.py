# SPDX-License-Identifier: Apache-2.0
"""A paid call whose answer is handed on while it comes; its receipt is checked before its end.

Before the first piece it is sent again like any call. After it another attempt could only repeat
what was handed on, so a stream that breaks off is the caller's to fetch, by the same key.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import structs

from cortensor.client.events import Events
from cortensor.client.flow import Chunk, Lost, Open, Opened, Part, Read, Reply, Sleep
from cortensor.client.paying import begun, let_go, note_lost, sent, settled
from cortensor.client.preparing import CHAT_PATH
from cortensor.client.problems import StreamCut
from cortensor.client.retrying import wait_before
from cortensor.errors import InvalidInput
from cortensor.router.versions.completion_schemas import CompletionV2

if TYPE_CHECKING:
    from collections.abc import Generator

    from cortensor.client.asks import Ask
    from cortensor.client.core import Core
    from cortensor.client.flow import Outcome, Send, Stream
    from cortensor.client.paying import Paid
    from cortensor.client.vouchers import OpenCall

    Hearing = Generator[Send | Sleep | Read | Chunk[Any], Outcome, Reply | Lost]

T = TypeVar("T")


def streamed(core: Core, ask: Ask[T]) -> Stream[Paid[T]]:
    """Make a paid call, and hand its answer on.

    Raises:
        InvalidInput: its route has no streams.
        Refusal: the router refuses, or the answer broke off there; nothing is charged, but for
            `ConsensusFailed`.
        StreamCut: the answer broke off on its way.
        BillRefused, TotalRefused: the receipt or the running total does not hold.
        Unsettled: no answer before the deadline.
    """
    until = core.until(ask.deadline_s)
    call = yield from begun(core, as_stream(ask), until)
    try:
        reply = yield from _whole(core, call, until)
        # The deadline was for the beginning.
        found = yield from settled(core, call, ask.answer, reply, core.until(ask.deadline_s))
        yield Chunk(paid=found)
    finally:
        let_go(core, call)


def as_stream(ask: Ask[T]) -> Ask[T]:
    """Return a call whose answer comes as events. Raises InvalidInput."""
    more: dict[str, Any] = {"stream": True}
    if ask.path == CHAT_PATH:
        more["stream_options"] = {"include_usage": True}
    elif not issubclass(ask.answer, CompletionV2):
        raise InvalidInput("only completions and chats are streamed", field="path")
    return structs.replace(ask, body={**ask.body, **more})


def _whole(
    core: Core, call: OpenCall, until: float
) -> Generator[Send | Sleep | Read | Chunk[Any], Outcome, Reply]:
    """Hand on what comes, and return the answer in one piece."""
    attempt = 0
    while True:
        attempt += 1
        found = yield from sent(core, call, until, step=Open)
        events = Events(call.path)
        heard = found if isinstance(found, Reply) else (yield from _heard(found, events))
        if isinstance(heard, Reply):
            return heard
        note_lost(core, call)
        wait = wait_before(heard, attempt)
        if events.text or wait is None or time.monotonic() + wait >= until:
            raise StreamCut(heard.reason, call.key, events.text)
        yield Sleep(wait)


def _heard(opened: Opened, events: Events) -> Hearing:
    """Hand on what comes of one attempt; return the answer in one piece, or its loss."""
    while not events.is_over:
        part = yield Read()
        if not isinstance(part, Part):
            return part if isinstance(part, Lost) else Lost("no part")
        if not part.data:
            break
        for text in events.feed(part.data):
            yield Chunk(text=text)
    return events.reply(opened.headers) or Lost("it has no end")
