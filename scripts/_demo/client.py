# SPDX-License-Identifier: Apache-2.0
"""What a payer's own software signs: access, each request, and each running total."""

from __future__ import annotations

import secrets
from typing import Any

from cortensor.errors import Conflict
from cortensor.receipts.access import make_token
from cortensor.receipts.evidence import request_commitment
from cortensor.receipts.keccak import to_hex
from cortensor.receipts.sign import sign
from cortensor.receipts.typed import AccessGrant, Domain, Request, Voucher
from cortensor.router.headers import (
    MAX_CHARGE_HEADER,
    SALT_HEADER,
    SIGNATURE_HEADER,
    VOUCHER_HEADER,
)
from cortensor.router.requests import canonical_request
from scripts._demo.sessions import TASK_CAP_WEI, PaymentSession

SALT_BYTES = 32


class Client:
    """The signing side of one payment session.

    Args:
        session: the session.
        domain: the EIP-712 domain of everything signed.
        expires: until when access is granted, in unix seconds.
    """

    def __init__(self, session: PaymentSession, domain: Domain, expires: int) -> None:
        self.session = session
        self._domain = domain
        self.signed_requests = 0
        self.signed_totals = 0
        self._total_wei = 0
        self._voucher = b""
        grant = AccessGrant(session=session.number, expires=expires)
        self.token = make_token(session.payer.key, grant, domain)

    def headers(self, endpoint: str, body: dict[str, Any]) -> dict[str, str]:
        """Return what a paid call carries besides the token; the same for every retry of it.

        Args:
            endpoint: delegate or validate.
            body: the request as it is sent.
        """
        key = self.session.key
        if key is None:
            return {}
        salt = secrets.token_bytes(SALT_BYTES)
        commitment = request_commitment(salt, canonical_request(endpoint, body))
        asked = Request(self.session.number, commitment, TASK_CAP_WEI)
        self.signed_requests += 1
        headers = {
            SALT_HEADER: to_hex(salt),
            MAX_CHARGE_HEADER: str(TASK_CAP_WEI),
            SIGNATURE_HEADER: to_hex(sign(key.key, asked.digest(self._domain))),
        }
        if self._voucher:
            headers[VOUCHER_HEADER] = f"{self._total_wei}:{to_hex(self._voucher)}"
        return headers

    def accept(self, charge_wei: int, total_wei: int) -> None:
        """Check the running total after an answer, and in a voucher session sign it.

        Args:
            charge_wei: what the answer says it costs.
            total_wei: what the router says the session owes in all.

        Raises:
            Conflict: the total is not the one before and this charge; nothing is signed.
        """
        expected = self._total_wei + charge_wei
        if total_wei != expected:
            raise Conflict(f"the router says {total_wei} wei are owed in all, {expected} are")
        self._total_wei = total_wei
        key = self.session.key
        if self.session.funding == "voucher" and key is not None:
            owed = Voucher(self.session.number, total_wei)
            self._voucher = sign(key.key, owed.digest(self._domain))
            self.signed_totals += 1

    def last_voucher(self) -> dict[str, str] | None:
        """Return the body of `POST /api/v4/voucher` for the last total; None if none was signed."""
        if not self._voucher:
            return None
        return {
            "session_id": self.session.session_id,
            "cumulative_wei": str(self._total_wei),
            "signature": to_hex(self._voucher),
        }
