# SPDX-License-Identifier: Apache-2.0
"""Who may speak: the first run that does, and no other after it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from cortensor.router.clock import SystemClock
from cortensor.router.config import ComputeSession
from cortensor.router.ports import BackendError, Call, Completion
from cortensor.router.schemas import DelegateRequest, ValidateRequest
from cortensor.router.streaming import StreamingBackend, can_stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from cortensor.router.ports import Backend

SESSION = "0x" + "00" * 20


class Told:
    """A backend that says what the call's prompt says, word by word, then fails or not."""

    async def stream(self, call: Call, on_text: Callable[[str], None]) -> Completion:
        for word in call.user.split():
            if word == "FAIL":
                raise BackendError("unreachable")
            on_text(word)
            await asyncio.sleep(0)
        return Completion(text=call.user, model="m", input_units=1, output_units=1)


def call(text: str) -> Call:
    return Call(ComputeSession(id="1"), "", text, 8, 8)


def speaking() -> tuple[StreamingBackend, list[str]]:
    heard: list[str] = []
    backend: Backend = Told()  # type: ignore[assignment]  # only what is used of it
    clock = SystemClock()
    return StreamingBackend(backend, heard.append, clock, clock.monotonic() + 5), heard


def test_a_run_that_fails_before_its_first_word_may_be_replaced() -> None:
    async def scenario() -> list[str]:
        backend, heard = speaking()
        with pytest.raises(BackendError, match="unreachable"):
            await backend.complete(call("FAIL"))
        await backend.complete(call("one two"))
        return heard

    assert asyncio.run(scenario()) == ["one", "two"]


def test_a_run_that_fails_after_its_first_word_may_not() -> None:
    async def scenario() -> list[str]:
        backend, heard = speaking()
        with pytest.raises(BackendError, match="unreachable"):
            await backend.complete(call("one FAIL"))
        with pytest.raises(BackendError, match="cut_stream") as refused:
            await backend.complete(call("other words"))
        assert refused.value.healthy  # the session did nothing wrong
        return heard

    assert asyncio.run(scenario()) == ["one"]


def test_of_two_runs_at_once_the_first_to_speak_is_heard() -> None:
    async def scenario() -> list[str]:
        backend, heard = speaking()
        first, second = await asyncio.gather(
            backend.complete(call("one two")),
            backend.complete(call("three four")),
            return_exceptions=True,
        )
        assert isinstance(first, Completion)
        assert isinstance(second, BackendError)
        return heard

    assert asyncio.run(scenario()) == ["one", "two"]


def test_what_must_be_agreed_on_or_checked_first_is_not_streamed() -> None:
    task = DelegateRequest(session_id=SESSION, objective="x")
    assert can_stream(task)
    assert not can_stream(DelegateRequest(session_id=SESSION, objective="x", output_schema={}))
    assert not can_stream(ValidateRequest(session_id=SESSION, claim="x"))
