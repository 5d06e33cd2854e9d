# SPDX-License-Identifier: Apache-2.0
"""What a validation request asks, as a small JSON document, and the call of `/validate` it becomes.

Pure. The format is in docs/spec/agents.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from cortensor.client.asks import ValidateOptions, validate
from cortensor.errors import InvalidInput
from cortensor.receipts.body import split_message
from cortensor.receipts.canonical import load_json
from cortensor.receipts.keccak import keccak256, to_hex

if TYPE_CHECKING:
    from cortensor.client import Ask, PaidResponse

TYPE = "cortensor-validation/1"
MAX_PAYLOAD_BYTES = 64 * 1024

Text = Annotated[str, Meta(min_length=1, max_length=MAX_PAYLOAD_BYTES)]
Tier = Literal["fast", "safe", "oracle", "adaptive"]


class _Payload(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """What every payload has; `salt` is free, and makes a payload's hash unknown to others."""

    type: Literal["cortensor-validation/1"]
    tier: Tier | None = None
    salt: Annotated[str, Meta(max_length=128)] | None = None


class Claim(_Payload, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="claim"):
    """A claim, optionally against a context: is it valid?"""

    claim: Text
    context: Any = None


class Output(_Payload, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="output"):
    """An agent's output to a question, optionally against a reference: does it answer it?"""

    question: Text
    output: Text
    reference: Any = None


class Dispute(_Payload, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="dispute"):
    """A dispute: was delivered what the specification asks for?"""

    specification: Text
    delivered: Text
    complaint: Text | None = None


Payload = Claim | Output | Dispute
OUTPUT_CLAIM = "The output answers the question correctly and completely."


def read_payload(raw: bytes) -> Payload:
    """Return the payload in a file's bytes.

    Raises:
        InvalidInput: it is too long, no JSON, or of another form; `bad_payload`.
    """
    if len(raw) > MAX_PAYLOAD_BYTES:
        raise InvalidInput(f"exceeds {MAX_PAYLOAD_BYTES} bytes", field="$", code="bad_payload")
    try:
        found: Payload = msgspec.convert(load_json(raw), Payload)
    except msgspec.ValidationError as error:
        reason, field = split_message(str(error))
        raise InvalidInput(reason, field=field, code="bad_payload") from error
    except InvalidInput as error:
        raise InvalidInput(error.reason, field=error.field, code="bad_payload") from error
    return found


def payload_hash(raw: bytes) -> bytes:
    """Return the keccak256 of a payload's bytes: its key in a registry, where it is bound."""
    return keccak256(raw)


def validation_ask(
    payload: Payload, default_tier: Tier, subject: bytes, *, most_wei: int, deadline_s: float
) -> Ask[PaidResponse]:
    """Return the call of `/api/v4/validate` that a payload stands for.

    Its idempotency key is made of the subject: whoever asks again for the same subject, such as
    after a crash, is answered the same, and charged once.

    Args:
        payload: what is asked.
        default_tier: the policy tier of a payload that names none.
        subject: what the receipt is to be about, 32 bytes.
        most_wei: the most it may cost, else the router refuses it.
        deadline_s: how long it is waited for.
    """
    options: ValidateOptions = {
        "tier": payload.tier or default_tier,
        "subject": to_hex(subject),
        "budget_wei": most_wei,
        "idempotency_key": f"agent-{subject.hex()}",
        "deadline_s": deadline_s,
    }
    if isinstance(payload, Claim):
        options["context"] = payload.context
        return validate(payload.claim, **options)
    if isinstance(payload, Output):
        shown = {"question": payload.question, "output": payload.output}
        if payload.reference is not None:
            shown["reference"] = payload.reference
        options["context"] = shown
        return validate(OUTPUT_CLAIM, **options)
    told = {"specification": payload.specification}
    if payload.complaint is not None:
        told["complaint"] = payload.complaint
    options["context"] = told
    options["mode"] = "arbitration"
    return validate(payload.delivered, **options)
