# SPDX-License-Identifier: Apache-2.0
"""What a session's key says: that a request is its own and what it may cost, and what is owed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from cortensor.errors import InvalidInput, Unauthorized, VerificationFailed
from cortensor.receipts.evidence import request_commitment
from cortensor.receipts.keccak import to_hex
from cortensor.receipts.sign import recover
from cortensor.receipts.typed import Request, Voucher
from cortensor.router.headers import (
    MAX_CHARGE_HEADER,
    SALT_HEADER,
    SIGNATURE_HEADER,
    VOUCHER_HEADER,
)
from cortensor.router.problems import InvalidField
from cortensor.store.records import VOUCHER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cortensor.receipts.typed import Domain
    from cortensor.store.records import Account

_SALT = re.compile(r"0x[0-9a-f]{64}")
_SIGNATURE = re.compile(r"0x[0-9a-f]{130}")
_WEI = re.compile(r"0|[1-9][0-9]{0,28}")


class Said(Struct, frozen=True):
    """The headers of a paid call that the session's key speaks by, as sent; None where absent."""

    salt: str | None = None
    max_charge: str | None = None
    signature: str | None = None
    voucher: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Said:
        """Read a request's headers."""
        return cls(
            salt=headers.get(SALT_HEADER),
            max_charge=headers.get(MAX_CHARGE_HEADER),
            signature=headers.get(SIGNATURE_HEADER),
            voucher=headers.get(VOUCHER_HEADER),
        )


class Authorisation(Struct, frozen=True):
    """A request signed by its session's key; `max_charge` is wei."""

    salt: bytes
    commitment: bytes
    max_charge: int
    signature: bytes

    def to_json(self) -> bytes:
        """Return what is stored with the receipt, to answer a demand."""
        shown = {"max_charge": str(self.max_charge), "signature": to_hex(self.signature)}
        return msgspec.json.encode(shown)


class SignedTotal(Struct, frozen=True):
    """A voucher whose signature was checked: wei, and 65 bytes as 0x hex."""

    cumulative: int
    signature: str


def check_request(
    said: Said, account: Account, canonical: bytes, domain: Domain
) -> Authorisation | None:
    """Return a request's authorisation, or None for a session without a key.

    Args:
        said: the call's headers.
        account: its session.
        canonical: the request's canonical bytes.
        domain: where the signature counts.

    Raises:
        Unauthorized: code `request_not_signed`.
    """
    key = account.facts.session_key
    if key is None:
        return None
    salt = bytes.fromhex(_match(_SALT, said.salt, SALT_HEADER, "32 bytes as 0x hex")[2:])
    most = int(_match(_WEI, said.max_charge, MAX_CHARGE_HEADER, "wei in decimal"))
    text = _match(_SIGNATURE, said.signature, SIGNATURE_HEADER, "65 bytes as 0x hex")
    signature = bytes.fromhex(text[2:])
    commitment = request_commitment(salt, canonical)
    asked = Request(int(account.facts.session, 16), commitment, most)
    if not _is_by(key, asked, signature, domain):
        raise _unsigned("is not the session key's over this request", SIGNATURE_HEADER)
    return Authorisation(salt, commitment, most, signature)


def check_voucher(text: str, account: Account, domain: Domain) -> SignedTotal:
    """Return the voucher in `<cumulative wei>:<0x signature>`.

    Raises:
        InvalidField: it has another form, or the session is not paid by vouchers.
        Unauthorized: code `voucher_not_signed`.
    """
    key = account.facts.session_key
    if account.facts.funding != VOUCHER or key is None:
        raise InvalidField("the session is not paid by vouchers", field=VOUCHER_HEADER)
    amount, _, signature = text.strip().lower().partition(":")
    if not _WEI.fullmatch(amount) or not _SIGNATURE.fullmatch(signature):
        raise InvalidField("must be <wei in decimal>:<0x signature>", field=VOUCHER_HEADER)
    owed = Voucher(int(account.facts.session, 16), int(amount))
    if not _is_by(key, owed, bytes.fromhex(signature[2:]), domain):
        raise Unauthorized(
            "the voucher is not signed by the session's key",
            field=VOUCHER_HEADER,
            code="voucher_not_signed",
        )
    return SignedTotal(int(amount), signature)


def _match(form: re.Pattern[str], value: str | None, header: str, expected: str) -> str:
    found = form.fullmatch((value or "").strip().lower())
    if found is None:
        raise _unsigned(f"the session has a key, so it must be {expected}", header)
    return found[0]


def _unsigned(reason: str, header: str) -> Unauthorized:
    return Unauthorized(reason, field=header, code="request_not_signed")


def _is_by(key: str, said: Request | Voucher, signature: bytes, domain: Domain) -> bool:
    try:
        return recover(said.digest(domain), signature) == key.lower()
    except (VerificationFailed, InvalidInput):
        return False
