# SPDX-License-Identifier: Apache-2.0
"""What a replica is asked, and how its answer is read.

The prompt is a function of the request and the compute session alone, so the quote, the run and
anyone who re-runs the task see the same bytes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from cortensor.consensus import (
    INCONCLUSIVE,
    NUMERIC,
    RULINGS,
    SELLER_INVALID,
    SELLER_VALID,
    read_score,
)
from cortensor.router.consensus_schemas import ScoreRequest
from cortensor.router.json_guard import decode_json
from cortensor.router.messages import conversation
from cortensor.router.output_schema import inlined, parse_output
from cortensor.router.ports import Call
from cortensor.router.sampling import sampling_of
from cortensor.router.schemas import DelegateRequest, ValidateRequest

if TYPE_CHECKING:
    from cortensor.router.config import ComputeSession

TEMPLATE_TOKENS = 64
"""Allowance for the tokens a chat template adds around two messages."""

DEFAULT_VERDICT_TOKENS = 64
VALID, INVALID = "VALID", "INVALID"
VERDICT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"verdict": {"type": "string", "enum": [VALID, INVALID]}},
    "required": ["verdict"],
    "additionalProperties": False,
}
RULING_SCHEMA: dict[str, Any] = {
    **VERDICT_SCHEMA,
    "properties": {
        "verdict": {"type": "string", "enum": [SELLER_VALID, SELLER_INVALID, INCONCLUSIVE]}
    },
}
_RULE_ON = (
    "Did the seller deliver what was agreed, as it says? "
    f"Answer {SELLER_VALID} if it did, {SELLER_INVALID} if it did not, {INCONCLUSIVE} if what is "
    f'shown does not tell. Reply with JSON only: {{"verdict": "{SELLER_VALID}"}}, '
    f'{{"verdict": "{SELLER_INVALID}"}} or {{"verdict": "{INCONCLUSIVE}"}}.'
)
_WORD = re.compile(r"\b(INVALID|VALID)\b", re.IGNORECASE)
_NEGATED = re.compile(r"\b(?:not|isn't|never)\s+(?:\w+\s+)?(?:in)?valid\b", re.IGNORECASE)


class Reading(Struct, frozen=True):
    """An answer after reading: a `reason` means it is no vote.

    `score` is the number in it, in the caller's unit, where the strategy is one for scores.
    """

    verdict: str | None = None
    data: Any = None
    reason: str | None = None
    score: int | None = None


def as_text(value: object) -> str:
    """Return a request's free-form value as text: strings as they are, the rest as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def user_prompt(request: DelegateRequest | ValidateRequest) -> str:
    """Return the user message of a request."""
    if isinstance(request, ValidateRequest):
        context = as_text(request.context)
        shown = f"Context:\n{context}\n\n" if context else ""
        if is_dispute(request):
            return f"{shown}What the seller says it delivered:\n{request.claim}\n\n{_RULE_ON}"
        return (
            shown
            + f"Claim:\n{request.claim}\n\n"
            + f"Is the claim true? Answer {VALID} if it is true, {INVALID} if it is false. "
            + 'Reply with JSON only: {"verdict": "VALID"} or {"verdict": "INVALID"}.'
        )
    given = as_text(request.input)
    parts = [request.objective or ""]
    if given:
        parts.append(f"Input:\n{given}")
    if request.output_schema is not None or request.consensus.strategy in NUMERIC:
        parts.append("Reply with JSON only.")
    return "\n\n".join(parts)


def answer_schema(request: DelegateRequest | ValidateRequest) -> dict[str, Any] | None:
    """Return the schema the backend is asked to follow, if any."""
    if isinstance(request, ValidateRequest):
        return RULING_SCHEMA if is_dispute(request) else VERDICT_SCHEMA
    return None if request.output_schema is None else inlined(request.output_schema)


def build_call(
    request: DelegateRequest | ValidateRequest, session: ComputeSession, max_tokens: int
) -> Call:
    """Return the call that runs a request on a compute session."""
    schema = answer_schema(request)
    chat: tuple[dict[str, Any], ...] = ()
    user = ""
    if isinstance(request, DelegateRequest) and request.messages is not None:
        chat = conversation(request.messages, session.system_prompt)
        size = len(msgspec.json.encode(chat))  # names and braces are more than a template adds
    else:
        user = user_prompt(request)
        size = len(user.encode())
    size += len(msgspec.json.encode(schema)) if schema else 0
    return Call(
        session=session,
        system=session.system_prompt,
        user=user,
        max_tokens=max_tokens,
        prompt_bound=prompt_bound(session, size),
        schema=schema,
        chat=chat,
        sampling=sampling_of(request, session),
    )


def prompt_bound(session: ComputeSession, prompt_bytes: int) -> int:
    """Return the most prompt tokens `prompt_bytes` bytes beside the system prompt can take.

    A token is at least one byte of text in every tokenizer in use, so bytes bound tokens.
    """
    return len(session.system_prompt.encode()) + prompt_bytes + TEMPLATE_TOKENS


def read_answer(request: DelegateRequest | ValidateRequest, text: str) -> Reading:
    """Read a replica's text: the verdict of a validation, the data of a typed delegation."""
    if isinstance(request, ValidateRequest):
        verdict = read_ruling(text) if is_dispute(request) else read_verdict(text)
        return Reading(verdict=verdict, reason=None if verdict else "unparsable")
    if not text.strip():
        return Reading(reason="empty")
    data = None
    if request.output_schema is not None:
        matches, data = parse_output(text, request.output_schema)
        if not matches:
            return Reading(reason="schema_mismatch")
    if request.consensus.strategy not in NUMERIC:
        return Reading(data=data)
    return _read_scored(request.consensus.score or ScoreRequest(), text, data)


def _read_scored(asked: ScoreRequest, text: str, data: Any) -> Reading:
    score = read_score(text, asked.field, asked.decimals)
    if score is None:
        return Reading(reason="no_score")
    low, high = asked.lowest, asked.highest
    if low is not None and high is not None and not low <= score <= high:
        return Reading(reason="out_of_bounds")
    return Reading(data=data, score=score)


def is_dispute(request: DelegateRequest | ValidateRequest) -> bool:
    """Return whether a request is an arbitration."""
    return isinstance(request, ValidateRequest) and request.mode == "arbitration"


def read_ruling(text: str) -> str | None:
    """Return SELLER_VALID, SELLER_INVALID or INCONCLUSIVE, or None when the text is none of them.

    A model that answers VALID or INVALID is understood.
    """
    try:
        value = decode_json(text)
    except msgspec.DecodeError:
        value = text
    if isinstance(value, dict):
        value = value.get("verdict")
    word = value.strip().strip("\"'.").upper() if isinstance(value, str) else ""
    return INCONCLUSIVE if word == INCONCLUSIVE else RULINGS.get(word)


def read_verdict(text: str) -> str | None:
    """Return VALID or INVALID, or None when the text is not exactly one of them."""
    try:
        value = decode_json(text)
    except msgspec.DecodeError:
        value = text
    if isinstance(value, dict):
        value = value.get("verdict")
    if not isinstance(value, str) or _NEGATED.search(value):
        return None
    found = {word.upper() for word in _WORD.findall(value)}
    return found.pop() if len(found) == 1 else None


def template_bytes(endpoint: str) -> int:
    """Return the bytes the prompt adds around a request's own text, schema included."""
    session = "0x" + "0" * 40
    if endpoint == "validate":
        checks = [
            ValidateRequest(session_id=session, claim="", context=" ", mode=mode)
            for mode in ("validation", "arbitration")
        ]
        return max(
            len(user_prompt(check).encode()) + len(msgspec.json.encode(answer_schema(check)))
            for check in checks
        )
    task = DelegateRequest(session_id=session, objective="", input=" ", output_schema={})
    return len(user_prompt(task).encode())
