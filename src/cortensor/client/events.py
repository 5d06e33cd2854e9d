# SPDX-License-Identifier: Apache-2.0
"""The events of a streamed answer, put together to the answer that it would be in one piece. Pure.

So whatever is checked of an answer is checked of a streamed one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from cortensor.client.flow import MAX_REPLY_BYTES, Reply
from cortensor.client.preparing import CHAT_PATH
from cortensor.client.problems import JSON, PROBLEM_TYPE, openai_problem
from cortensor.errors import UpstreamFailed
from cortensor.router.chat.schemas import OpenAIError
from cortensor.router.event_lines import DONE, EventLines
from cortensor.router.headers import TOTAL_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

OK = 200
BROKEN = 502


class _Delta(Struct, frozen=True):
    content: str | None = None


class _Choice(Struct, frozen=True):
    text: str = ""
    delta: _Delta = _Delta()
    finish_reason: str | None = None


class _Charged(Struct, frozen=True):
    receipt_id: str | None = None
    total_wei: str | None = None


class _Event(_Charged, frozen=True):
    """An event of either shape, as far as it is read."""

    choices: list[_Choice] = []
    cortensor: _Charged | None = None
    usage: Any = None


class Events:
    """One answer as it comes.

    Args:
        path: the call's route, which says what the events look like.
    """

    def __init__(self, path: str) -> None:
        self._is_chat = path == CHAT_PATH
        self._lines = EventLines()
        self._size = 0
        self._texts: list[str] = []
        self._last: dict[str, Any] | None = None
        self._total: str | None = None
        self._usage: Any = None
        self._problem: dict[str, Any] | None = None
        self._is_done = False

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self._texts)

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to come: it is whole, or the router says that it broke off."""
        return self._is_done or self._problem is not None

    def feed(self, data: bytes) -> list[str]:
        """Take what came, and return the pieces of text in it.

        Raises:
            UpstreamFailed: it is no stream of answers, or too large (`bad_answer`).
        """
        self._size += len(data)
        if self._size > MAX_REPLY_BYTES:
            raise UpstreamFailed("the answer is too large", code="bad_answer")
        found = [self._take(each) for each in self._lines.feed(data) if not self.is_over]
        pieces = [text for text in found if text]
        self._texts += pieces
        return pieces

    def _take(self, data: bytes) -> str:
        if data == DONE:
            self._is_done = self._last is not None
            return ""
        try:
            whole = msgspec.json.decode(data, type=dict[str, Any])
            if whole.get("error") is not None:
                self._problem = self._broken(whole)
                return ""
            event = msgspec.convert(whole, _Event)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise UpstreamFailed(f"an event cannot be read: {error}", code="bad_answer") from error
        self._usage = event.usage or self._usage
        charged = (event.cortensor or _Charged()) if self._is_chat else event
        if event.choices and charged.receipt_id is not None:
            self._last, self._total = whole, charged.total_wei
        return "".join(each.text or each.delta.content or "" for each in event.choices[:1])

    def _broken(self, whole: dict[str, Any]) -> dict[str, Any]:
        """Return the problem by which an answer broke off."""
        if not self._is_chat:
            return {"status": BROKEN, "code": "internal", **whole["error"]}
        error = msgspec.convert(whole["error"], OpenAIError)
        return openai_problem(error, whole.get("cortensor") or {}, BROKEN)

    def reply(self, headers: Mapping[str, str]) -> Reply | None:
        """Return the answer, or the refusal, as it would be in one piece; None before its end.

        Args:
            headers: of the stream; the running total, which a stream has in its last event, is
                put among them.
        """
        if self._problem is not None:
            body = msgspec.json.encode(self._problem)
            status = int(self._problem["status"])
            return Reply(status, {**headers, "content-type": PROBLEM_TYPE}, body)
        if not self._is_done or self._last is None:
            return None
        known = {"content-type": JSON}
        if self._total is not None:
            known[TOTAL_HEADER.lower()] = self._total
        body = msgspec.json.encode(self._chat() if self._is_chat else self._completion())
        return Reply(OK, {**headers, **known}, body)

    def _completion(self) -> dict[str, Any]:
        last = self._last or {}
        return {**last, "choices": [{**last["choices"][0], "text": self.text}]}

    def _chat(self) -> dict[str, Any]:
        last = self._last or {}
        choice = {
            "message": {"content": self.text},
            "finish_reason": last["choices"][0].get("finish_reason"),
        }
        named = {name: last.get(name) for name in ("id", "created", "model", "cortensor")}
        return {**named, "choices": [choice], "usage": self._usage}
