# SPDX-License-Identifier: Apache-2.0
"""Who may use a payment session: the holder of its payer's signed, expiring grant.

Contract wallets (ERC-1271) as payers are not read here yet: their grants are refused.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from cortensor.errors import Unauthorized, VerificationFailed
from cortensor.receipts.access import parse_token
from cortensor.receipts.sign import recover

if TYPE_CHECKING:
    from cortensor.receipts.access import Access
    from cortensor.receipts.api_key import KeyGrant
    from cortensor.receipts.typed import Domain

SCHEME = "bearer"
CACHE_SIZE = 4096


def bearer_of(value: str | None) -> str:
    """Return the token in an `Authorization` header.

    Raises:
        Unauthorized: the header is missing or no bearer token.
    """
    if not value:
        raise Unauthorized("an Authorization header with a session grant or API key is needed")
    scheme, _, token = value.partition(" ")
    if scheme.lower() != SCHEME:
        raise Unauthorized("the Authorization header must be a Bearer token")
    return token.strip()


def read_header(value: str | None) -> Access:
    """Return the grant in an `Authorization` header, not yet checked.

    Raises:
        Unauthorized: the header is missing or no `Bearer ctx1.…` token.
    """
    return parse_token(bearer_of(value))


class Doorkeeper:
    """Checks grants; remembers signatures it has recovered, a bounded number.

    Args:
        domain: the SessionPayment the grants are for.
    """

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._known: OrderedDict[tuple[bytes, bytes], str] = OrderedDict()

    def check(self, access: Access, session: str, payer: str, now: int) -> None:
        """Accept a grant for a session.

        Args:
            access: the parsed token.
            session: the payment session the request is for.
            payer: the session's payer.
            now: unix seconds.

        Raises:
            Unauthorized: it is for another session, expired, or not signed by the payer.
        """
        if access.grant.session != int(session, 16):
            raise Unauthorized("the grant is for another session", field="session_id")
        if access.grant.expires <= now:
            raise Unauthorized("the grant has expired")
        if self._signer(access.grant.digest(self._domain), access.signature) != payer.lower():
            raise Unauthorized("the grant is not signed by the session's payer")

    def check_key(self, grant: KeyGrant, signature: bytes, payer: str) -> None:
        """Accept what a payer signed of a key.

        Raises:
            Unauthorized: it is not signed by the session's payer.
        """
        if self._signer(grant.digest(self._domain), signature) != payer.lower():
            raise Unauthorized("the key is not signed for by the session's payer")

    def _signer(self, digest: bytes, signature: bytes) -> str:
        key = (digest, signature)
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            return known
        try:
            signer = recover(digest, signature).lower()
        except VerificationFailed as error:
            raise Unauthorized(f"the grant's signature: {error.reason}") from error
        self._known[key] = signer
        if len(self._known) > CACHE_SIZE:
            self._known.popitem(last=False)
        return signer
