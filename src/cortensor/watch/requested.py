# SPDX-License-Identifier: Apache-2.0
"""Whether a session's key asked for the work of a leaf.

Where a session has a key, a charge without the key's signature over its request is fraud. A router
may publish that signature beside the leaf, and then it is checked here, for nothing. What it does
not publish it must show when the leaf is demanded, which puts a deposit at risk: so of those a
random share is demanded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from cortensor.errors import Error
from cortensor.pricing import format_cor
from cortensor.receipts.keccak import WORD_BYTES, keccak256
from cortensor.receipts.sign import SIGNATURE_BYTES, recover
from cortensor.receipts.typed import Request

if TYPE_CHECKING:
    from cortensor.receipts.typed import Domain, ReceiptStruct

WHOLE_BPS = 10_000


class RequestSignature(Struct, frozen=True):
    """A session key's word on a request: the most it may cost in wei, and the signature.

    No signature (b"") is one that cannot be read, and nobody's.
    """

    max_charge: int
    signature: bytes


class _Shown(Struct):
    """Its JSON form, in ledgers and in published batches: wei, and 0x hex."""

    max_charge: str | int
    signature: str


UNREADABLE = RequestSignature(0, b"")


def read_request_signature(value: object) -> RequestSignature:
    """Read the JSON form of a request signature; UNREADABLE for anything else."""
    try:
        shown = msgspec.convert(value, _Shown)
        signature = bytes.fromhex(shown.signature.removeprefix("0x"))
        max_charge = int(shown.max_charge)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return UNREADABLE
    if len(signature) != SIGNATURE_BYTES or max_charge < 0:
        return UNREADABLE
    return RequestSignature(max_charge, signature)


def request_fault(
    receipt: ReceiptStruct, request: RequestSignature, key: str, domain: Domain
) -> str | None:
    """Return why a request signature does not cover a receipt; None if it does.

    Args:
        receipt: the anchored struct.
        request: what is shown for it.
        key: the session's key, lower-case 0x hex.
        domain: where the signature counts.
    """
    if receipt.charge > request.max_charge:
        return (
            f"charges {format_cor(receipt.charge)} COR, the request that is shown allows "
            f"{format_cor(request.max_charge)} COR"
        )
    asked = Request(receipt.session, receipt.request_commitment, request.max_charge)
    try:
        is_by_key = recover(asked.digest(domain), request.signature) == key
    except Error:
        is_by_key = False
    return None if is_by_key else "the request signature that is shown is not the session key's"


def is_chosen(hashed: bytes, share_bps: int, secret: bytes) -> bool:
    """Return whether a leaf is among those that are spot-checked.

    The same leaf gets the same answer each time; without the secret nobody knows which.

    Args:
        hashed: the leaf, 32 bytes.
        share_bps: how many of 10,000 leaves.
        secret: 32 random bytes of the watcher's own.
    """
    drawn = int.from_bytes(keccak256(secret + hashed), "big")
    return drawn * WHOLE_BPS < share_bps << 8 * WORD_BYTES
