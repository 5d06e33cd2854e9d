# SPDX-License-Identifier: Apache-2.0
"""API keys: a random bearer secret, and the payer's signed word on what its holder may do.

The payer signs the key's hash, so neither a router nor whoever reads its database can make a key,
widen one, or use one. `docs/spec/router.md` says how a router checks and counts.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from cortensor.errors import InvalidInput, Unauthorized
from cortensor.receipts.fields import Hex32, SessionId  # noqa: TC001 -- msgspec reads them
from cortensor.receipts.keccak import WORD_BYTES, from_hex, keccak256, to_hex
from cortensor.receipts.typed import uint_word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cortensor.receipts.typed import Domain

PREFIX = "ctk1_"
SECRET_BYTES = 32
NO_BOUND = (1 << 96) - 1
"""A budget that bounds nothing: the session's own deposit and caps do."""
KEY_GRANT_TYPE = (
    "KeyGrant(uint256 session,bytes32 key_hash,uint32 scopes,uint32 per_minute,"
    "uint96 day_budget,uint96 total_budget,uint64 expires)"
)

Scope = Literal["delegate", "validate", "receipts", "metrics"]
DELEGATE: Scope = "delegate"
VALIDATE: Scope = "validate"
RECEIPTS: Scope = "receipts"
METRICS: Scope = "metrics"
SCOPES: tuple[Scope, ...] = (DELEGATE, VALIDATE, RECEIPTS, METRICS)
"""What a key may be for; a key's word has bit n for the n-th."""

_TYPE_HASH = keccak256(KEY_GRANT_TYPE.encode())
_KEY = re.compile(r"ctk1_[A-Za-z0-9_-]{43}")

WeiText = Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]*)$(?!\n)", max_length=29)]
Uint32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]


class KeyGrant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a payer lets the holder of a key do in its session.

    Attributes:
        session_id: the payment session.
        key_hash: keccak256 of the key.
        scopes: what it is for; `metrics` is the operator's to give.
        per_minute: requests a minute.
        day_budget_wei: the most its calls of one day (UTC) may cost together.
        total_budget_wei: the most they may ever cost together.
        expires: unix seconds.
    """

    session_id: SessionId
    key_hash: Hex32
    scopes: Annotated[list[Literal["delegate", "validate", "receipts"]], Meta(min_length=1)]
    per_minute: Annotated[int, Meta(ge=1, le=100_000)]
    day_budget_wei: WeiText = str(NO_BOUND)
    total_budget_wei: WeiText = str(NO_BOUND)
    expires: Annotated[int, Meta(ge=1, le=2**53 - 1)]

    def digest(self, domain: Domain) -> bytes:
        """Return the 32 bytes the payer signs. Raises InvalidInput naming the field."""
        return domain.digest(
            keccak256(
                _TYPE_HASH
                + uint_word(int(self.session_id, 16), 256, "session_id")
                + from_hex(self.key_hash, WORD_BYTES, "key_hash")
                + uint_word(scope_bits(self.scopes), 32, "scopes")
                + uint_word(self.per_minute, 32, "per_minute")
                + uint_word(int(self.day_budget_wei), 96, "day_budget_wei")
                + uint_word(int(self.total_budget_wei), 96, "total_budget_wei")
                + uint_word(self.expires, 64, "expires")
            )
        )


def new_key() -> str:
    """Return a fresh key: 256 random bits as text."""
    return PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def is_key(token: str) -> bool:
    """Return whether a bearer token means to be an API key."""
    return token.startswith(PREFIX)


def hash_of(key: str) -> str:
    """Return the 0x-hex hash of a key, which is all that is ever stored.

    Raises:
        Unauthorized: it has not a key's form.
    """
    if _KEY.fullmatch(key) is None:
        raise Unauthorized("expected Bearer ctk1_<43 characters>", field="authorization")
    return to_hex(keccak256(key.encode()))


def scope_bits(scopes: Iterable[str]) -> int:
    """Return scopes as one word. Raises InvalidInput for an unknown one, or one twice."""
    word = 0
    for scope in scopes:
        if scope not in SCOPES:
            raise InvalidInput(f"must be of {', '.join(SCOPES)}", field="scopes")
        bit = 1 << SCOPES.index(scope)
        if word & bit:
            raise InvalidInput(f"{scope} is there twice", field="scopes")
        word |= bit
    return word


def scopes_of(word: int) -> list[Scope]:
    """Return the scopes in a word."""
    return [scope for number, scope in enumerate(SCOPES) if word >> number & 1]
