# SPDX-License-Identifier: Apache-2.0
"""Reading HTTP requests: size, time, type, JSON, schema. Each refusal names what is wrong."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from cortensor.errors import InvalidInput, NotFound, TooLarge, UnsupportedMedia
from cortensor.receipts.canonical import URN_PREFIX
from cortensor.receipts.request_text import request_text
from cortensor.receipts.tiers import with_tier
from cortensor.router.consensus_schemas import (
    ConsensusRequest,
    Policy,
    Strategy,
    Tier,
    WeightBy,
)
from cortensor.router.json_guard import decode_json, repeated_key
from cortensor.router.problems import BodyTimeoutError, InvalidField, Malformed
from cortensor.router.schemas import (
    DelegateRequest,
    PaymentSessionId,
    ValidateRequest,
)

if TYPE_CHECKING:
    from starlette.requests import Request

    from cortensor.router.config import Limits

T = TypeVar("T")

JSON_TYPE = "application/json"
_NAMED = re.compile(r"(?:unknown|required) field `([^`]*)`")
_ID = re.compile(r"0x[0-9a-f]{64}")


class QuoteQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Query of GET /api/v4/quote; `input_bytes` is the UTF-8 size of all text sent."""

    session_id: PaymentSessionId
    endpoint: Literal["delegate", "validate"] = "delegate"
    replicas: int | None = None
    min_replicas: Annotated[int, Meta(ge=1)] | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    input_bytes: Annotated[int, Meta(ge=0, le=1 << 24)] = 0
    session_pool: str | None = None
    strategy: Strategy | None = None
    weight_by: WeightBy | None = None
    disagreement_policy: Policy | None = None
    agreement_threshold_bps: Annotated[int, Meta(ge=0, le=10000)] | None = None
    tier: Tier | None = None


async def read_body(request: Request, limits: Limits) -> bytes:
    """Return a JSON request's body.

    Raises:
        UnsupportedMedia: the content type is not JSON.
        TooLarge: more than the limit; the rest is not read.
        BodyTimeoutError: the body did not arrive in time.
    """
    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() != JSON_TYPE:
        raise UnsupportedMedia(f"send {JSON_TYPE}", field="Content-Type")
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limits.max_body_bytes:
        raise _too_large(limits)
    data = bytearray()
    try:
        async with asyncio.timeout(limits.body_timeout_ms / 1000):
            async for chunk in request.stream():
                data += chunk
                if len(data) > limits.max_body_bytes:
                    raise _too_large(limits)
    except TimeoutError as error:
        raise BodyTimeoutError("the body did not arrive in time") from error
    return bytes(data)


def _too_large(limits: Limits) -> TooLarge:
    return TooLarge(f"a body may have {limits.max_body_bytes} bytes", field="$")


def parse_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in `raw`.

    Raises:
        Malformed: no JSON, a key twice in one object (two readers would see two requests), or
            not an object.
    """
    try:
        data = decode_json(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"the body is no JSON: {error}", field="$") from error
    # What is written as it is read repeats nothing, and most clients write so.
    repeated = None if msgspec.json.encode(data) == raw else repeated_key(raw)
    if repeated is not None:
        raise Malformed(f"the key {repeated[:64]!r} is there twice", field="$")
    if not isinstance(data, dict):
        raise Malformed("the body must be a JSON object", field="$")
    return data


def convert(data: object, shape: type[T], *, strict: bool = True) -> T:
    """Return `data` as a schema type.

    Raises:
        InvalidField: `unknown_field` or `invalid_field`, with the dotted path.
    """
    try:
        return msgspec.convert(data, shape, strict=strict)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `")
        field = where.rstrip("`").removeprefix("$").lstrip(".")
        named = _NAMED.search(reason)
        if named:
            field = f"{field}.{named[1]}".lstrip(".")
        code = "unknown_field" if "unknown field" in reason else "invalid_field"
        raise InvalidField(reason, field=field or "$", code=code) from error


def decode_call(endpoint: str, data: dict[str, Any]) -> DelegateRequest | ValidateRequest:
    """Return the body of a paid call, with its tier's settings. Raises InvalidField."""
    if endpoint == "validate":
        return convert(settled(data), ValidateRequest)
    return convert(settled(data), DelegateRequest)


def settled(data: dict[str, Any]) -> dict[str, Any]:
    """Return a body with what its tier and v3's names stand for. Raises InvalidField."""
    try:
        return with_tier(data)
    except InvalidInput as error:
        raise InvalidField(error.reason, field=error.field) from error


def quote_consensus(query: QuoteQuery) -> ConsensusRequest:
    """Return the consensus that a quote by size is for. Raises InvalidField."""
    pool = query.session_pool
    given = {
        "replicas": query.replicas,
        "min_replicas": query.min_replicas,
        "session_pool": [name for name in pool.split(",") if name] if pool is not None else None,
        "strategy": query.strategy,
        "weight_by": query.weight_by,
        "disagreement_policy": query.disagreement_policy,
        "agreement_threshold_bps": query.agreement_threshold_bps,
    }
    asked = {name: value for name, value in given.items() if value is not None}
    whole = settled({"consensus": asked, "policy": {"tier": query.tier}})
    return convert(whole["consensus"], ConsensusRequest)


def canonical_request(endpoint: str, data: dict[str, Any]) -> bytes:
    """Return the canonical bytes of a call, which its receipt commits to.

    They are the RFC 8785 form of `{"api_version", "endpoint", "request"}` with the body as sent.

    Raises:
        InvalidField: the body holds a number or text with no canonical form.
    """
    try:
        return request_text(endpoint, data)
    except InvalidInput as error:
        raise InvalidField(error.reason, field=error.field) from error


def receipt_key(text: str) -> str:
    """Return the 0x id in a receipt URN or id.

    Raises:
        NotFound: it is neither, so no receipt has it.
    """
    found = text.strip().lower().removeprefix(URN_PREFIX)
    if not _ID.fullmatch(found):
        raise NotFound("no receipt has this id", field="receipt_id", code="unknown_receipt")
    return found
