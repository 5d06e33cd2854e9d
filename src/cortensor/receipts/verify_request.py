# SPDX-License-Identifier: Apache-2.0
"""The check of the request: what was asked, as the caller sent it, against what the receipt says.

The shown text is the RFC 8785 form of `{"api_version", "endpoint", "request"}` with the body as
sent, so what the caller left out has the API's defaults. They are restated here: a verifier needs
no router. A router that answers another request than the one it commits to fails here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import rfc8785

from cortensor.errors import InvalidInput
from cortensor.nesting import MAX_DEPTH, check_nesting
from cortensor.receipts.body import split_message
from cortensor.receipts.canonical import MAX_SAFE_INTEGER, reject_number, unique_object
from cortensor.receipts.checks import differ, judge, not_checked
from cortensor.receipts.evidence import request_commitment as commit
from cortensor.receipts.keccak import WORD_BYTES, from_hex, to_hex

if TYPE_CHECKING:
    from cortensor.receipts.body import Body
    from cortensor.receipts.bundle import Bundle
    from cortensor.receipts.checks import Check

DEFAULT_REPLICAS = 1
DEFAULT_STRATEGY = "majority"
DEFAULT_POLICY = "return_all"
DEFAULT_THRESHOLD_BPS = 5001

_NAME = "request"
_SAFE_DIGITS = len(str(MAX_SAFE_INTEGER))


class ConsensusAsked(msgspec.Struct, frozen=True):
    """The consensus asked for; null is as good as absent where None is allowed."""

    replicas: int = DEFAULT_REPLICAS
    session_pool: list[str] | None = None
    strategy: str = DEFAULT_STRATEGY
    disagreement_policy: str = DEFAULT_POLICY
    agreement_threshold_bps: int = DEFAULT_THRESHOLD_BPS
    equivalence: str | None = None


class PolicyAsked(msgspec.Struct, frozen=True):
    """The policy asked for."""

    tier: str | None = None


class Asked(msgspec.Struct, frozen=True):
    """What of a request a receipt restates; the rest (objective, input, …) is free."""

    session_id: str
    consensus: ConsensusAsked = msgspec.field(default_factory=ConsensusAsked)
    policy: PolicyAsked = msgspec.field(default_factory=PolicyAsked)
    max_tokens: int | None = None


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of the text committed to."""

    api_version: str
    endpoint: str
    request: Asked


def check_request(bundle: Bundle) -> Check:
    """The shown request is the one committed to, and the receipt restates it."""
    if bundle.request is None:
        return not_checked(_NAME, "the request is not shown")
    text, body = bundle.request.canonical, bundle.receipt
    salt = from_hex(bundle.request.salt, WORD_BYTES, "request.salt")
    # A lone surrogate has no bytes; `read_call` refuses the text for it.
    commitment = to_hex(commit(salt, text.encode(errors="replace")))
    problems = differ(
        "request_commitment", body.request_commitment, commitment, "the shown request gives"
    )
    try:
        problems += _compare(body, read_call(text))
    except InvalidInput as error:
        problems.append(str(error))
    return judge(_NAME, problems, "the shown request is the one committed to and carried out")


def read_call(text: str) -> Call:
    """Read the text a receipt commits to.

    Raises:
        InvalidInput: if it is not JSON, not in canonical form, or no call.
    """
    check_nesting(text, MAX_DEPTH + 1, field=_NAME)  # the body, at most MAX_DEPTH, is in an object
    try:
        data = json.loads(
            text, parse_int=_number, parse_constant=reject_number, object_pairs_hook=unique_object
        )
    except InvalidInput as error:
        raise InvalidInput(error.reason, field=_NAME) from error
    except ValueError as error:
        raise InvalidInput(f"is not JSON: {error}", field=_NAME) from error
    try:
        is_canonical = rfc8785.dumps(data) == text.encode()
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise InvalidInput(f"has no canonical form: {error}", field=_NAME) from error
    if not is_canonical:
        raise InvalidInput("is not in canonical form (RFC 8785)", field=_NAME)
    try:
        return msgspec.convert(data, Call)
    except msgspec.ValidationError as error:
        reason, field = split_message(str(error))
        raise InvalidInput(reason, field=f"{_NAME}.{field}") from error


def _number(text: str) -> Any:
    """Return an integer, or what JSON means by digits beyond the safe integers: a double.

    Callers may send 1e20, which RFC 8785 writes as digits. No such number is compared or counted.
    """
    is_short = len(text.lstrip("-")) <= _SAFE_DIGITS
    value = int(text) if is_short else None
    if value is not None and abs(value) <= MAX_SAFE_INTEGER:
        return value
    return float(text)


def _compare(body: Body, call: Call) -> list[str]:
    """Return where the receipt says something else than the request."""
    asked, block = call.request, body.consensus
    stated: list[tuple[str, object, object]] = [
        ("api_version", body.api_version, call.api_version),
        ("endpoint", body.endpoint, call.endpoint),
        ("session_id", body.session_id, asked.session_id),
        ("consensus.replicas_requested", block.replicas_requested, asked.consensus.replicas),
        ("policy.tier", body.policy.tier, asked.policy.tier),
    ]
    names = ["strategy", "disagreement_policy", "agreement_threshold_bps"]
    if asked.consensus.equivalence is not None:
        names.append("equivalence")
    stated += [(f"consensus.{n}", getattr(block, n), getattr(asked.consensus, n)) for n in names]
    problems: list[str] = []
    for field, ours, theirs in stated:
        problems += differ(field, ours, theirs, "the request says")
    for replica in body.replicas:
        where = f"replicas[{replica.index}]"
        if asked.max_tokens is not None and replica.output_units > asked.max_tokens:
            problems.append(
                f"{where}.output_units is {replica.output_units}, "
                f"the request allows {asked.max_tokens}"
            )
        pool = asked.consensus.session_pool
        if pool is not None and replica.session_id not in pool:
            problems.append(f"{where}.session_id {replica.session_id} is not in the request's pool")
    return problems
