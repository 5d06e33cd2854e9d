# SPDX-License-Identifier: Apache-2.0
"""The bearer token of a payment session: `ctx1.<session>.<expires>.<signature>`, all text."""

from __future__ import annotations

import re
from typing import NamedTuple

from cortensor.errors import Unauthorized
from cortensor.receipts.sign import recover, sign
from cortensor.receipts.typed import AccessGrant, Domain

TOKEN_VERSION = "ctx1"  # noqa: S105 -- a format tag, no secret

_TOKEN = re.compile(r"ctx1\.([0-9a-f]{40})\.(0|[1-9][0-9]{0,19})\.([0-9a-f]{130})")


class Access(NamedTuple):
    """A parsed token: what was granted and by which signature."""

    grant: AccessGrant
    signature: bytes

    def signer(self, domain: Domain) -> str:
        """Return the address that signed the grant; raises VerificationFailed if none did."""
        return recover(self.grant.digest(domain), self.signature)


def make_token(private_key: bytes | str, grant: AccessGrant, domain: Domain) -> str:
    """Return the token of a grant signed by the session's payer."""
    signature = sign(private_key, grant.digest(domain))
    return f"{TOKEN_VERSION}.{grant.session:040x}.{grant.expires}.{signature.hex()}"


def parse_token(token: str) -> Access:
    """Read a token.

    Raises:
        Unauthorized: if it has not the form above.
    """
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise Unauthorized(
            "expected Bearer ctx1.<session, 40 hex>.<expires>.<signature, 130 hex>",
            field="authorization",
        )
    grant = AccessGrant(session=int(match[1], 16), expires=int(match[2]))
    return Access(grant, bytes.fromhex(match[3]))
