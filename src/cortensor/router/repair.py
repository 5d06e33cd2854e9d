# SPDX-License-Identifier: Apache-2.0
"""An answer that breaks the caller's schema goes back to its model with what is wrong with it.

Bounded three ways: `limits.repair_attempts` (a request may ask for fewer), the call's own
deadline, and the price. The replica stays one replica at the price that was quoted: billed are the
tokens of the prompt as it was asked and those of the answer that is delivered. Drafts are the
router's own cost.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from cortensor.router.output_schema import faults
from cortensor.router.ports import BackendError

if TYPE_CHECKING:
    from cortensor.router.ports import Call, Clock, Completion, Engine

DRAFT_CHARS = 8192
"""Of a draft longer than that only the start goes back."""


class RepairingBackend:
    """Runs one job's prompts, and lets each be answered again where the schema is not kept.

    Args:
        inner: runs them.
        schema: the caller's.
        attempts: how often an answer may be made again.
        clock: monotonic time.
        until: when no more is begun, and what runs is given up.
    """

    def __init__(
        self, inner: Engine, schema: dict[str, Any], attempts: int, clock: Clock, until: float
    ) -> None:
        self._inner = inner
        self._schema = schema
        self._attempts = attempts
        self._clock = clock
        self._until = until

    async def complete(self, call: Call) -> Completion:
        """Run a prompt; raises BackendError where not even the first answer came."""
        answer = first = await self._inner.complete(call)
        for number in range(1, self._attempts + 1):
            wrong = faults(answer.text, self._schema)
            left = self._until - self._clock.monotonic()
            if not wrong or left <= 0:
                break
            try:
                async with asyncio.timeout(left):
                    again = await self._inner.complete(_again(call, answer.text, wrong))
            except (BackendError, TimeoutError):
                break  # what there is counts: an unreadable answer, and no failure of the session
            answer = structs.replace(
                again, input_units=first.input_units, repairs=number, tool_calls=_all(answer, again)
            )
        return answer


def _again(call: Call, draft: str, wrong: str) -> Call:
    asked = (
        f"That answer does not follow the JSON schema: {wrong}. "
        "Reply with the corrected JSON only, and nothing else."
    )
    more = (
        {"role": "assistant", "content": draft[:DRAFT_CHARS]},
        {"role": "user", "content": asked},
    )
    return structs.replace(
        call,
        chat=(*call.messages, *more),
        prompt_bound=call.prompt_bound + len(msgspec.json.encode(more)),
    )


def _all(draft: Completion, again: Completion) -> tuple[Any, ...]:
    return (*draft.tool_calls, *again.tool_calls)
