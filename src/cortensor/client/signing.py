# SPDX-License-Identifier: Apache-2.0
"""Who pays, and what their keys sign: the grant, each request, each running total."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from cortensor.errors import InvalidInput
from cortensor.receipts.access import make_token
from cortensor.receipts.evidence import request_commitment
from cortensor.receipts.keccak import to_hex
from cortensor.receipts.sign import sign
from cortensor.receipts.typed import AccessGrant, Request, Voucher
from cortensor.router.headers import MAX_CHARGE_HEADER, SALT_HEADER, SIGNATURE_HEADER

if TYPE_CHECKING:
    from cortensor.client.vouchers import VoucherStore
    from cortensor.receipts.typed import Domain

SALT_BYTES = 32
GRANT_SECONDS = 3600
RENEW_SECONDS = 300


class HasKey(Protocol):
    """An account that shows its private key, such as eth_account's LocalAccount."""

    @property
    def key(self) -> Any:
        """The 32 bytes."""


Key = bytes | str | HasKey


def key_of(account: Key) -> bytes | str:
    """Return an account's private key as `cortensor.receipts.sign` takes it."""
    return account if isinstance(account, bytes | str) else bytes(account.key)


class Payment(Struct, frozen=True, kw_only=True):
    """The payment session that calls are charged to.

    Attributes:
        session: its id, 0x and 40 hex digits.
        domain: chain and SessionPayment that everything signed is for.
        payer: the payer's key or account, which signs grants of an hour; None with a `grant`.
        grant: a token that the payer made, `ctx1.…` or an API key `ctk1_…`, used as it is.
        session_key: the session's key or account, where the session has one.
        vouchers: where a voucher session's totals are kept. Its session key signs a total only
            after the receipt behind it was checked. None for any other session.
        max_charge_wei: the most a call may cost; by default what a quote just before it says.
        max_open: calls at a time in a voucher session. More than one needs credit at the router.
        max_unsigned_wei: the most that calls of a voucher session may be about to cost in all.
    """

    session: str
    domain: Domain
    payer: Key | None = None
    grant: str | None = None
    session_key: Key | None = None
    vouchers: VoucherStore | None = None
    max_charge_wei: int | None = None
    max_open: int = 1
    max_unsigned_wei: int | None = None

    def __post_init__(self) -> None:
        """Refuse what could pay for nothing."""
        if self.payer is None and self.grant is None:
            raise InvalidInput("give the payer's key, or a grant", field="payer")
        if self.vouchers is not None and self.session_key is None:
            raise InvalidInput("vouchers are signed by a session key", field="session_key")

    @property
    def number(self) -> int:
        """The session id as a number."""
        return int(self.session, 16)


class Grants:
    """Makes the bearer token of a session, and a new one before it expires.

    Args:
        payment: whose.
    """

    def __init__(self, payment: Payment) -> None:
        self._payment = payment
        self._made = ""
        self._expires = 0

    def token(self, now: int) -> str:
        """Return a token that holds for some minutes at least; `now` is unix seconds."""
        payment = self._payment
        if payment.grant is not None or payment.payer is None:
            return payment.grant or ""
        if self._expires - now < RENEW_SECONDS:
            self._expires = now + GRANT_SECONDS
            grant = AccessGrant(payment.number, self._expires)
            self._made = make_token(key_of(payment.payer), grant, payment.domain)
        return self._made


def signed_request(
    key: Key, session: int, text: bytes, max_charge_wei: int, domain: Domain
) -> dict[str, str]:
    """Return the headers by which a session's key signs a request, with a new salt.

    Args:
        key: the session's.
        session: its id.
        text: what the receipt will commit to, see `receipts.request_text`.
        max_charge_wei: the most it may cost.
        domain: where the signature counts.
    """
    salt = secrets.token_bytes(SALT_BYTES)
    asked = Request(session, request_commitment(salt, text), max_charge_wei)
    return {
        SALT_HEADER: to_hex(salt),
        MAX_CHARGE_HEADER: str(max_charge_wei),
        SIGNATURE_HEADER: to_hex(sign(key_of(key), asked.digest(domain))),
    }


def signed_total(key: Key, session: int, total_wei: int, domain: Domain) -> str:
    """Return the 0x signature of a session's key over a running total."""
    return to_hex(sign(key_of(key), Voucher(session, total_wei).digest(domain)))
