# SPDX-License-Identifier: Apache-2.0
"""An answer that is handed on while it is being made.

The paid path is the same with and without it: this stands between the path and its backend, asks
the backend for a stream, and passes each piece on. Once a piece went out, no other run may take
its place: half of one answer and half of another is nobody's answer.

The caller's deadline is for the first piece. It does not end an answer that is being read: half of
it would have been had for nothing, at a moment that the caller chose.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from cortensor.consensus import NUMERIC
from cortensor.router.adapters.sse import CUT
from cortensor.router.ports import BackendError
from cortensor.router.schemas import DelegateRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from cortensor.router.ports import Backend, Call, Clock, Completion
    from cortensor.router.schemas import ValidateRequest

    OnText = Callable[[str], None]


def can_stream(request: DelegateRequest | ValidateRequest) -> bool:
    """Return whether an answer can be shown before it is whole.

    Not one that others must agree with, and not one that has to be checked or repaired first.
    """
    return (
        isinstance(request, DelegateRequest)
        and request.consensus.replicas == 1
        and request.output_schema is None
        and request.consensus.strategy not in NUMERIC
    )


class StreamingBackend:
    """Runs one job's prompt as a stream.

    Args:
        inner: runs it.
        on_text: told each piece, in order, as it comes.
        clock: monotonic time.
        until: when the first piece must be there.
    """

    def __init__(self, inner: Backend, on_text: OnText, clock: Clock, until: float) -> None:
        self._inner = inner
        self._on_text = on_text
        self._clock = clock
        self._until = until
        self._speaker: object | None = None

    async def complete(self, call: Call) -> Completion:
        """Run a prompt, and pass its text on.

        Raises:
            BackendError: as the backend's; `cut_stream` also if another run already speaks.
            TimeoutError: there is no first piece in time.
        """
        if self._speaker is not None:
            raise BackendError(CUT, healthy=True)
        async with asyncio.timeout(max(0.0, self._until - self._clock.monotonic())) as bound:
            return await self._inner.stream(call, partial(self._say, bound))

    def _say(self, run: asyncio.Timeout, text: str) -> None:
        if self._speaker is None:
            self._speaker = run
            run.reschedule(None)
        if self._speaker is not run:
            raise BackendError(CUT, healthy=True)
        self._on_text(text)
