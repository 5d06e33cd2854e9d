# SPDX-License-Identifier: Apache-2.0
"""A receipt's tasks, run again: same model, prompt and seed; and what agrees with the receipt.

A re-run proves nothing against anyone: machines differ in the last bits, and a receipt holds no
system prompt. Where it agrees, it shows that the answer is what such a model says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from cortensor.consensus import EMBEDDING, RUNGS, SCORE
from cortensor.consensus.grouping import group_answers
from cortensor.errors import Error, InvalidInput
from cortensor.receipts.evidence import OK, output_hash
from cortensor.receipts.request_text import request_text
from cortensor.router.config import ComputeSession, Limits
from cortensor.router.ports import BackendError
from cortensor.router.prompts import build_call, read_answer
from cortensor.router.quoting import token_limit
from cortensor.router.requests import decode_call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.receipts.body import Body, Replica
    from cortensor.receipts.bundle import Bundle
    from cortensor.router.ports import Backend
    from cortensor.router.schemas import DelegateRequest, ValidateRequest

SAME, AGREES, DIFFERS, NOT_RUN, FAILED = "same", "agrees", "differs", "not_run", "failed"


class Rerun(Struct, frozen=True):
    """One replica run again.

    `same`: byte for byte; `agrees`: the same verdict, or one group with the answer shown;
    `not_run`: it may not be run again, `failed`: the backend gave no answer. `reason` says more.
    """

    index: int
    result: str
    reason: str
    output: str | None = None


async def rerun_receipt(
    bundle: Bundle,
    backend: Backend,
    *,
    sessions: Mapping[str, ComputeSession],
    limits: Limits,
    only: Sequence[int] = (),
    model: str | None = None,
) -> list[Rerun]:
    """Run a receipt's replicas again, one after the other.

    Args:
        bundle: with its request shown.
        backend: where to run, started.
        sessions: compute sessions as they were, for their system prompts; others get the default.
        limits: of the router, for a request without `max_tokens`.
        only: replicas to run, by default all.
        model: what the backend calls the model, by default as the receipt does.

    Raises:
        InvalidInput: the request is not shown, or no request of this API.
    """
    body, request = bundle.receipt, request_of(bundle)
    known = {replica.index for replica in body.replicas}
    for index in only:
        if index not in known:
            raise InvalidInput(f"has no replica {index}", field="replica")
    outputs = bundle.outputs()
    found = []
    for replica in body.replicas:
        if only and replica.index not in only:
            continue
        reason = why_not(body, replica)
        if reason is not None:
            found.append(Rerun(replica.index, NOT_RUN, reason))
            continue
        session = session_of(replica, sessions, model)
        tokens = token_limit(body.endpoint, request.max_tokens, limits)
        try:
            done = await backend.complete(build_call(request, session, tokens))
        except (BackendError, Error) as error:
            found.append(Rerun(replica.index, FAILED, f"no answer: {error}"))
            continue
        found.append(_compare(body, replica, request, outputs.get(replica.index), done.text))
    return found


def request_of(bundle: Bundle) -> DelegateRequest | ValidateRequest:
    """Return the shown request.

    Raises:
        InvalidInput: it is not shown, not canonical, or no request of this API.
    """
    if bundle.request is None or not isinstance(bundle.request.canonical, str):
        raise InvalidInput("is not shown, so nothing can be run again", field="request")
    try:
        call = json.loads(bundle.request.canonical)
    except ValueError as error:
        raise InvalidInput(f"is not JSON: {error}", field="request") from error
    asked = call.get("request") if isinstance(call, Mapping) else None
    endpoint = bundle.receipt.endpoint
    if not isinstance(asked, dict):
        raise InvalidInput("is no call", field="request")
    if request_text(endpoint, asked).decode() != bundle.request.canonical:
        raise InvalidInput("is not the canonical text of a call", field="request")
    return decode_call(endpoint, asked)


def why_not(body: Body, replica: Replica) -> str | None:
    """Return why a replica may not be run again, or None if it may."""
    if replica.status != OK or replica.output_hash is None:
        return "it delivered nothing"
    if body.tool_traces:
        return "tools did part of the work"
    if replica.temperature_bps is None:
        return "its temperature is not known"
    if replica.temperature_bps > 0 and replica.seed is None:
        return "it was sampled without a seed"
    return None


def session_of(
    replica: Replica, sessions: Mapping[str, ComputeSession], model: str | None = None
) -> ComputeSession:
    """Return a compute session with the model, seed and temperature that the receipt states."""
    known = sessions.get(replica.session_id, ComputeSession(id=replica.session_id))
    return msgspec.structs.replace(
        known,
        model=model or replica.model,
        seed=replica.seed,
        temperature_bps=replica.temperature_bps or 0,
    )


def _compare(
    body: Body,
    replica: Replica,
    request: DelegateRequest | ValidateRequest,
    before: str | None,
    text: str,
) -> Rerun:
    if output_hash(text) == replica.output_hash:
        return Rerun(replica.index, SAME, "the same answer, byte for byte", text)
    reading = read_answer(request, text)
    if body.endpoint == "validate":
        is_same = reading.verdict is not None and reading.verdict == replica.verdict
        told = f"verdict {reading.verdict or 'none'}, the receipt has {replica.verdict or 'none'}"
        return Rerun(replica.index, AGREES if is_same else DIFFERS, told, text)
    equivalence = body.consensus.equivalence
    if equivalence == SCORE:
        score = None if reading.score is None else str(reading.score)
        is_same = score is not None and score == replica.value
        told = f"score {score or 'none'}, the receipt has {replica.value or 'none'}"
        return Rerun(replica.index, AGREES if is_same else DIFFERS, told, text)
    if before is None:
        told = "another answer; how far apart is not known, the first is not shown"
        return Rerun(replica.index, DIFFERS, told, text)
    # Where answers were compared by an embedding, without its model only equal ones are alike.
    rung = RUNGS["exact" if equivalence == EMBEDDING else equivalence]
    if len(group_answers([(0, before), (1, text)], rung)) == 1:
        return Rerun(replica.index, AGREES, f"the same answer by {rung.name}", text)
    return Rerun(replica.index, DIFFERS, f"another answer by {rung.name}", text)
