# SPDX-License-Identifier: Apache-2.0
"""v2 and v3 of completions: a prompt as a delegation, its answer as a text completion."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import UNSET, structs

from cortensor.receipts.evidence import output_hash
from cortensor.router.problems import InvalidField
from cortensor.router.requests import convert
from cortensor.router.sampling import to_bps
from cortensor.router.versions.calls import addressed_body, consensus_v3
from cortensor.router.versions.completion_schemas import (
    NO_CONSENSUS_REASON,
    CompletionRequestV2,
    CompletionRequestV3,
    CompletionUsage,
    CompletionV2,
    CompletionV3,
    TextChoice,
)
from cortensor.router.versions.event_format import INCOMPLETE
from cortensor.router.versions.upgrade import Upgraded, given

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cortensor.errors import Error
    from cortensor.router.schemas import PaidResponse, ReplicaResult

NOT_APPLIED = ("precommit_timeout",)
"""Settings that the router takes and has no use for: there is no chain between it and replicas."""
RATES = ("temperature", "top_p", "presence_penalty", "frequency_penalty")


def completion(version: str, data: dict[str, Any], session: str) -> Upgraded:
    """Return a completion of `version` v2 or v3 as v4 has it.

    Args:
        version: v2 or v3.
        data: the body as sent, with the session of the path.
        session: the payment session of the caller's grant.

    Raises:
        InvalidField: the body is not of that version, or has a template.
    """
    sent = convert(data, CompletionRequestV3 if version == "v3" else CompletionRequestV2)
    if sent.prompt_template:
        raise InvalidField(
            "the model's own chat template is used; leave it empty", field="prompt_template"
        )
    body, fields = addressed_body(version, data, session)
    body |= {"objective": sent.prompt, **given(data, "max_tokens")}
    fields |= {"objective": "prompt", "timeout_ms": "timeout", "metadata": "client_reference"}
    if sent.timeout is not None:
        body["timeout_ms"] = max(1, round(sent.timeout * 1000))
    if sent.client_reference is not None:
        body["metadata"] = {"client_reference": sent.client_reference}
    sampling = sampling_sent(data)
    if sampling:
        body["sampling"] = sampling
    ignored = [name for name in NOT_APPLIED if data.get(name) is not None]
    show = partial(show_completion, version, ignored)
    stream = CompletionEvents(show) if sent.stream else None
    return Upgraded(body=body, fields=fields, show=show, stream=stream)


def sampling_sent(data: dict[str, Any]) -> dict[str, Any]:
    """Return the sampling that a checked body has, as v4 has it."""
    found = {f"{name}_bps": to_bps(data[name]) for name in RATES if data.get(name) is not None}
    return {**found, **given(data, "top_k", "seed")}


class CompletionEvents:
    """A text completion as events: pieces of text, then one with all the rest and no text.

    Args:
        show: makes the whole completion of an answer.
    """

    def __init__(self, show: Callable[[PaidResponse], CompletionV2]) -> None:
        self._show = show

    def piece(self, text: str) -> object:
        """Return the event of a piece."""
        return self._event(text, None)

    def end(self, answer: PaidResponse, total: int | None) -> Sequence[object]:
        """Return the event after the last piece."""
        whole = self._show(answer)
        choices = [structs.replace(choice, text="") for choice in whole.choices]
        known = UNSET if total is None else str(total)
        return [structs.replace(whole, choices=choices, total_wei=known)]

    def broken(self, error: Error) -> object:
        """Return the event of a completion that breaks off."""
        return {**self._event("", INCOMPLETE), "error": {**error.problem(), "message": str(error)}}

    @staticmethod
    def _event(text: str, finish_reason: str | None) -> dict[str, Any]:
        choice = TextChoice(index=0, text=text, finish_reason=finish_reason)
        return {"object": "text_completion", "choices": [choice]}


def show_completion(version: str, ignored: list[str], answer: PaidResponse) -> CompletionV2:
    """Return a delegation's answer as a text completion of `version`."""
    found, text = answer.consensus, answer.result.output
    chosen = chosen_of(found.replica_results, text)
    prompt = sum(each.input_units for each in found.replica_results)
    made = sum(each.output_units for each in found.replica_results)
    common: dict[str, Any] = {
        "id": answer.receipt_id,
        "created": answer.issued_at,
        "model": chosen.model,
        "task_id": chosen.task_id,
        "choices": [
            TextChoice(
                index=0,
                text=text or "",
                finish_reason=NO_CONSENSUS_REASON if text is None else chosen.finish_reason,
            )
        ],
        "usage": CompletionUsage(prompt, made, prompt + made),
        "receipt_id": answer.receipt_id,
        "charge_wei": answer.charge_wei,
        "not_applied": ignored,
    }
    if version == "v2":
        return CompletionV2(**common)
    return CompletionV3(**common, consensus=consensus_v3(found))


def chosen_of(replicas: list[ReplicaResult], text: str | None) -> ReplicaResult:
    """Return the replica whose answer was chosen, or the first where none was."""
    hashed = output_hash(text)
    return next((each for each in replicas if each.output_hash == hashed), replicas[0])
