# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: TC001 -- msgspec reads the annotations

"""The file a verifier gets: a receipt with everything needed to check it offline."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from cortensor.errors import Error, VerificationFailed
from cortensor.pricing import RateCard
from cortensor.receipts.body import Body, split_message
from cortensor.receipts.canonical import MAX_SAFE_INTEGER, load_json
from cortensor.receipts.fields import Address, Hex32, Name, TaskId, Uint, Uint16, Wei
from cortensor.receipts.typed import ReceiptStruct

BUNDLE_FORMAT = "cortensor-bundle/1"
MAX_BUNDLE_BYTES = 16 * 1024 * 1024
MAX_PROOF = 64

Signature = Annotated[str, Meta(pattern="^0x[0-9a-f]{130}$", max_length=132)]
Positive = Annotated[int, Meta(ge=1, le=MAX_SAFE_INTEGER)]


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A replica's committed record; `output` is its full text."""

    index: Uint
    session_id: Name
    task_id: TaskId
    status: Literal["OK", "TIMEOUT", "ERROR"]
    verdict: Name | None
    output: str | None
    input_units: Uint
    output_units: Uint
    model: Name


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One shown replica."""

    salt: Hex32
    replica: Record


class RequestReveal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The shown request: its salt and its canonical JSON text."""

    salt: Hex32
    canonical: str


class Anchor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the receipt's leaf is: session index (from 1), cumulative wei, proof, batch."""

    index: Positive
    cumulative: Wei
    leaf: Hex32
    proof: Annotated[list[Hex32], Meta(max_length=MAX_PROOF)]
    root: Hex32
    anchorer: Address
    count: Positive
    uri: Annotated[str, Meta(max_length=128)]
    tx_hash: Hex32 | None


class Bundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A receipt and its evidence, format `cortensor-bundle/1`.

    `charge` is the signed struct as text, `card` a rate card as text; use `struct()` and
    `rate_card()`.
    """

    format: Literal["cortensor-bundle/1"]
    receipt: Body
    receipt_id: Hex32
    charge: dict[str, str]
    signature: Signature
    evidence: Annotated[list[Evidence], Meta(max_length=5)]
    request: RequestReveal | None
    card: dict[str, Any]
    surcharge_bps: Uint16
    anchor: Anchor | None

    def struct(self) -> ReceiptStruct:
        """Return the signed struct. Raises InvalidInput naming the field."""
        return ReceiptStruct.from_json(self.charge)

    def rate_card(self) -> RateCard:
        """Return the card the receipt was priced by. Raises InvalidInput naming the field."""
        return RateCard.from_json(self.card)

    def to_json(self) -> dict[str, Any]:
        """Return the bundle as JSON data."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return data

    @classmethod
    def from_json(cls, data: object) -> Bundle:
        """Read a bundle from JSON data.

        Raises:
            VerificationFailed: naming the first field that is missing, unknown or malformed.
        """
        try:
            bundle = msgspec.convert(data, cls)
            bundle.struct()
            bundle.rate_card()
        except msgspec.ValidationError as error:
            reason, field = split_message(str(error))
            raise VerificationFailed(reason, field=field) from error
        except Error as error:
            raise VerificationFailed(error.reason, field=error.field) from error
        return bundle

    @classmethod
    def load(cls, data: bytes | str) -> Bundle:
        """Read a bundle from a file's content.

        Raises:
            VerificationFailed: as `from_json`, and for what is no canonical JSON.
        """
        if len(data) > MAX_BUNDLE_BYTES:
            raise VerificationFailed(f"exceeds {MAX_BUNDLE_BYTES} bytes", field="$")
        try:
            parsed = load_json(data)
        except Error as error:
            raise VerificationFailed(error.reason, field=error.field) from error
        return cls.from_json(parsed)
