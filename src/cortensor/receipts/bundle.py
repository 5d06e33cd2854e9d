# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: TC001 -- msgspec reads the annotations

"""The file a verifier gets: a receipt with everything needed to check it offline."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from cortensor.errors import Error, InvalidInput, VerificationFailed
from cortensor.pricing import RateCard
from cortensor.receipts.body import Body, split_message
from cortensor.receipts.canonical import MAX_SAFE_INTEGER, load_json
from cortensor.receipts.fields import (
    Address,
    Hex32,
    Name,
    Signature,
    TaskId,
    Uint,
    Uint16,
    Wei,
)
from cortensor.receipts.typed import ReceiptStruct

BUNDLE_FORMAT: Literal["cortensor-bundle/1"] = "cortensor-bundle/1"
SECOND_FORMAT: Literal["cortensor-bundle/2"] = "cortensor-bundle/2"
"""Format 1, and a revocation, texts beside the file, signatures of contracts."""
MAX_BUNDLE_BYTES = 16 * 1024 * 1024
MAX_PROOF = 64
SIGNATURE_CHARS = 132
CONTRACT = "contract"

ContractSignature = Annotated[str, Meta(pattern="^0x([0-9a-f]{2}){1,8192}$", max_length=16_386)]
Positive = Annotated[int, Meta(ge=1, le=MAX_SAFE_INTEGER)]


class Detached(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A text that is beside the bundle: the hash of its UTF-8."""

    keccak256: Hex32


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A replica's committed record; `output` is its full text, or where that is."""

    index: Uint
    session_id: Name
    task_id: TaskId
    status: Literal["OK", "TIMEOUT", "ERROR"]
    verdict: Name | None
    output: str | Detached | None
    input_units: Uint
    output_units: Uint
    model: Name


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One shown replica."""

    salt: Hex32
    replica: Record


class RequestReveal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The shown request: its salt and its canonical JSON text, or where that is."""

    salt: Hex32
    canonical: str | Detached


class RevocationBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The signer's word that the receipt no longer stands (`typed.RevocationStruct`).

    `revoked_at` is unix seconds; `successor` the receipt that replaces it, or null.
    """

    successor: Hex32 | None
    revoked_at: Uint
    signature: Signature


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
    """A receipt and its evidence.

    `charge` is the signed struct as text, `card` a rate card as text; use `struct()` and
    `rate_card()`. Only format 2 has `Detached` texts, `revocation` (or null) and `signed_by`, which
    says whether `router.signer` is a key or a contract; a contract's signature has any length.
    """

    format: Literal["cortensor-bundle/1", "cortensor-bundle/2"]
    receipt: Body
    receipt_id: Hex32
    charge: dict[str, str]
    signature: ContractSignature
    evidence: Annotated[list[Evidence], Meta(max_length=5)]
    request: RequestReveal | None
    card: dict[str, Any]
    surcharge_bps: Uint16
    anchor: Anchor | None
    revocation: RevocationBlock | UnsetType | None = UNSET
    signed_by: Literal["key", "contract"] | UnsetType = UNSET

    def struct(self) -> ReceiptStruct:
        """Return the signed struct. Raises InvalidInput naming the field."""
        return _struct(tuple(self.charge.items()))

    def rate_card(self) -> RateCard:
        """Return the card the receipt was priced by. Raises InvalidInput naming the field."""
        return _card(msgspec.json.encode(self.card))

    def outputs(self) -> dict[int, str | None]:
        """Return the outputs that are here by the index of their replica."""
        return {
            item.replica.index: item.replica.output
            for item in self.evidence
            if not isinstance(item.replica.output, Detached)
        }

    def detached(self) -> tuple[str, ...]:
        """Return the hashes of the texts that are beside the bundle."""
        texts: list[object] = [item.replica.output for item in self.evidence]
        texts += [] if self.request is None else [self.request.canonical]
        return tuple(text.keccak256 for text in texts if isinstance(text, Detached))

    def withheld(self) -> tuple[str, ...]:
        """Return what the bundle leaves out.

        `request` and `replica:2` are not there at all; of `request.canonical` and
        `replica:2.output` the text is beside the bundle.
        """
        shown = {item.replica.index: item.replica.output for item in self.evidence}
        parts = []
        if self.request is None:
            parts.append("request")
        elif isinstance(self.request.canonical, Detached):
            parts.append("request.canonical")
        for replica in self.receipt.replicas:
            if replica.index not in shown:
                parts.append(f"replica:{replica.index}")
            elif isinstance(shown[replica.index], Detached):
                parts.append(f"replica:{replica.index}.output")
        return tuple(parts)

    def hold_format(self) -> None:
        """Hold the bundle to what its format has.

        Raises:
            InvalidInput: naming the field of format 2 in format 1, or the one missing in format 2.
        """
        is_second = self.format == SECOND_FORMAT
        for name in ("revocation", "signed_by"):
            if (getattr(self, name) is not UNSET) != is_second:
                reason = "is missing in" if is_second else "is a field of"
                raise InvalidInput(f"{reason} {SECOND_FORMAT}", field=name)
        if self.signed_by != CONTRACT and len(self.signature) != SIGNATURE_CHARS:
            raise InvalidInput("a key's has 65 bytes", field="signature")
        if is_second:
            return
        for number, item in enumerate(self.evidence):
            if isinstance(item.replica.output, Detached):
                raise InvalidInput(
                    f"a text beside the bundle needs {SECOND_FORMAT}",
                    field=f"evidence[{number}].replica.output",
                )
        if self.request is not None and isinstance(self.request.canonical, Detached):
            raise InvalidInput(
                f"a text beside the bundle needs {SECOND_FORMAT}", field="request.canonical"
            )

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
            bundle.hold_format()
            bundle.struct()
            bundle.rate_card()
        except msgspec.ValidationError as error:
            reason, field = split_message(str(error))
            raise VerificationFailed(reason, field=field) from error
        except UnicodeEncodeError:  # where msgspec matches a pattern
            raise VerificationFailed("holds a lone surrogate", field="$") from None
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


@lru_cache(maxsize=64)
def _struct(charge: tuple[tuple[str, str], ...]) -> ReceiptStruct:
    return ReceiptStruct.from_json(dict(charge))


@lru_cache(maxsize=64)
def _card(text: bytes) -> RateCard:
    """Return a card by its text: many receipts are priced by one."""
    return RateCard.from_json(msgspec.json.decode(text))
