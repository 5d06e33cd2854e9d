# SPDX-License-Identifier: Apache-2.0
"""v4's answer as a chat completion, whole or as events."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Literal

from msgspec import UNSET, UnsetType, structs

from cortensor.router.chat.errors import error_body
from cortensor.router.chat.schemas import (
    AnswerMessage,
    ChatChoice,
    ChatChunk,
    ChatCompletion,
    ChatDelta,
    ChunkChoice,
    CortensorBlock,
    StreamBlock,
)
from cortensor.router.versions.completion_schemas import NO_CONSENSUS_REASON, CompletionUsage
from cortensor.router.versions.completions import chosen_of
from cortensor.router.versions.event_format import INCOMPLETE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.errors import Error
    from cortensor.router.schemas import PaidResponse

ID_DIGITS = 32


def show_chat(answer: PaidResponse) -> ChatCompletion:
    """Return a delegation's answer as a chat completion."""
    chosen = chosen_of(answer.consensus.replica_results, answer.result.output)
    message = AnswerMessage(content=answer.result.output or "")
    return ChatCompletion(
        id=f"chatcmpl-{answer.receipt_id[-ID_DIGITS:]}",
        created=answer.issued_at,
        model=chosen.model,
        choices=[ChatChoice(message=message, finish_reason=_reason(answer))],
        usage=_usage(answer),
        cortensor=_block(answer, None),
    )


def _reason(answer: PaidResponse) -> str | None:
    if answer.result.output is None:
        return NO_CONSENSUS_REASON
    return chosen_of(answer.consensus.replica_results, answer.result.output).finish_reason


def _usage(answer: PaidResponse) -> CompletionUsage:
    replicas = answer.consensus.replica_results
    prompt = sum(each.input_units for each in replicas)
    made = sum(each.output_units for each in replicas)
    return CompletionUsage(prompt, made, prompt + made)


def _block(answer: PaidResponse, total: int | None) -> CortensorBlock:
    return CortensorBlock(
        status=NO_CONSENSUS_REASON if answer.result.output is None else "complete",
        receipt_id=answer.receipt_id,
        charge_wei=answer.charge_wei,
        charge_cor=answer.charge_cor,
        consensus=answer.consensus,
        bill=answer.bill,
        request_salt=answer.request_salt,
        receipt=answer.receipt,
        tool_traces=answer.tool_traces,
        total_wei=UNSET if total is None else str(total),
    )


class ChatEvents:
    """A chat completion as events; the one with the finish reason has the `cortensor` block.

    Args:
        model: as the caller named it.
        created: unix seconds.
        has_usage: whether a last event with the usage follows.
    """

    def __init__(self, model: str, *, created: int, has_usage: bool) -> None:
        self._start = ChatChunk(
            id=f"chatcmpl-{secrets.token_hex(ID_DIGITS // 2)}",
            created=created,
            model=model,
            choices=[],
            usage=None if has_usage else UNSET,
        )
        self._has_usage = has_usage
        self._is_begun = False

    def piece(self, text: str) -> object:
        """Return the event of a piece; the first names the role."""
        return self._event(ChatDelta(role=self._role(), content=text))

    def end(self, answer: PaidResponse, total: int | None) -> Sequence[object]:
        """Return the event with the finish reason, and the one with the usage if asked for."""
        whole = _block(answer, total)
        block = StreamBlock(**{name: getattr(whole, name) for name in whole.__struct_fields__})
        last = self._event(ChatDelta(role=self._role()), finish_reason=_reason(answer))
        events = [structs.replace(last, cortensor=block)]
        if self._has_usage:
            short = StreamBlock(
                status=block.status, charge_wei=block.charge_wei, receipt_id=block.receipt_id
            )
            events.append(structs.replace(self._start, usage=_usage(answer), cortensor=short))
        return events

    def broken(self, error: Error) -> object:
        """Return the event of an answer that breaks off: `incomplete`, and the error."""
        body = error_body(error.problem())
        more = {} if body.cortensor is UNSET else body.cortensor
        block = StreamBlock(
            status=INCOMPLETE, charge_wei="0", replica_results=more.get("replica_results", UNSET)
        )
        last = self._event(ChatDelta(), finish_reason=INCOMPLETE)
        return structs.replace(last, cortensor=block, error=body.error)

    def _role(self) -> Literal["assistant"] | UnsetType:
        if self._is_begun:
            return UNSET
        self._is_begun = True
        return "assistant"

    def _event(self, delta: ChatDelta, finish_reason: str | None = None) -> ChatChunk:
        choice = ChunkChoice(delta=delta, finish_reason=finish_reason)
        return structs.replace(self._start, choices=[choice])
