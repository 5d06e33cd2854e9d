# SPDX-License-Identifier: Apache-2.0
"""Requests and answers of `/api/v4/keys`. The key itself is in none of them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from cortensor.receipts.api_key import KeyGrant  # noqa: TC001 -- msgspec reads the annotation


class KeyGiven(Struct, frozen=True, forbid_unknown_fields=True):
    """An API key's terms, and the payer's signature of them: 65 bytes as 0x hex."""

    grant: KeyGrant
    signature: Annotated[str, Meta(pattern="^0x[0-9a-f]{130}$", max_length=132)]
    name: Annotated[str, Meta(max_length=100)] = ""


class KeyAdded(Struct, frozen=True):
    """The key's hash, and whether it is new here."""

    key_hash: str
    added: bool


class KeyState(Struct, frozen=True):
    """A key as it is stored; the key itself is nowhere. Money in wei, times in unix seconds."""

    key_hash: str
    name: str
    session_id: str | None
    scopes: list[str]
    per_minute: int
    day_budget_wei: str
    total_budget_wei: str
    charged_wei: str
    expires: int
    added_at: int
    revoked_at: int | None


class KeysResponse(Struct, frozen=True):
    """The keys of the caller's payment session, oldest first."""

    count: int
    keys: list[KeyState]
