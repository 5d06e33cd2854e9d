# SPDX-License-Identifier: Apache-2.0
"""Who may use a payment session: the holder of its payer's signed, expiring grant.

Contract wallets (ERC-1271) as payers are not read here yet: their grants are refused.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from cortensor.errors import Unauthorized, VerificationFailed
from cortensor.receipts.access import parse_token

if TYPE_CHECKING:
    from cortensor.receipts.access import Access
    from cortensor.receipts.typed import Domain

SCHEME = "bearer"
CACHE_SIZE = 4096


def read_header(value: str | None) -> Access:
    """Return the grant in an `Authorization` header, not yet checked.

    Raises:
        Unauthorized: the header is missing or no `Bearer ctx1.…` token.
    """
    if not value:
        raise Unauthorized("an Authorization header with a session grant is needed")
    scheme, _, token = value.partition(" ")
    if scheme.lower() != SCHEME:
        raise Unauthorized("the Authorization header must be a Bearer token")
    return parse_token(token.strip())


class Doorkeeper:
    """Checks grants; remembers signatures it has recovered, a bounded number.

    Args:
        domain: the SessionPayment the grants are for.
    """

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._known: OrderedDict[tuple[int, int, bytes], str] = OrderedDict()

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
        if self._signer(access).lower() != payer.lower():
            raise Unauthorized("the grant is not signed by the session's payer")

    def _signer(self, access: Access) -> str:
        key = (access.grant.session, access.grant.expires, access.signature)
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            return known
        try:
            signer = access.signer(self._domain)
        except VerificationFailed as error:
            raise Unauthorized(f"the grant's signature: {error.reason}") from error
        self._known[key] = signer
        if len(self._known) > CACHE_SIZE:
            self._known.popitem(last=False)
        return signer
