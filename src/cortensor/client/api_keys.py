# SPDX-License-Identifier: Apache-2.0
"""The API keys of a payment session: made and signed here, handed in, listed, revoked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, TypedDict
from urllib.parse import quote as escaped

import msgspec
from msgspec import Struct

from cortensor.client.core import answered, decoded
from cortensor.client.signing import key_of
from cortensor.errors import InvalidInput
from cortensor.receipts.api_key import NO_BOUND, KeyGrant, hash_of, new_key
from cortensor.receipts.keccak import to_hex
from cortensor.receipts.sign import sign
from cortensor.router.key_schemas import KeyAdded, KeyGiven, KeysResponse, KeyState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.client.core import Core
    from cortensor.client.flow import Flow

KEYS_PATH = "/api/v4/keys"
DAY_S = 86_400
KeyScope = Literal["delegate", "validate", "receipts"]
SCOPES: tuple[KeyScope, ...] = ("delegate", "validate", "receipts")


class KeyOptions(TypedDict, total=False):
    """What a new API key may do.

    `scopes` are by default all three: this client's paid calls need `receipts`, too. It holds for
    `lasts_s` seconds (by default a day) and `per_minute` requests a minute (60). Its calls of one
    UTC day, and all together, cost at most the budgets, which are by default the session's.
    """

    name: str
    scopes: Sequence[KeyScope]
    per_minute: int
    lasts_s: int
    day_budget_wei: int
    total_budget_wei: int


class NewKey(Struct, frozen=True):
    """An API key and its terms. The key is nowhere else: the router keeps its hash."""

    key: str
    grant: KeyGrant

    def __repr__(self) -> str:
        """Show no secret."""
        return f"NewKey(key='ctk1_…', grant={self.grant!r})"


def create(core: Core, options: KeyOptions) -> Flow[NewKey]:
    """Make a key, sign its terms, and hand them in.

    Raises:
        InvalidInput: there is no payer's key to sign with.
        Refusal: the router does not take it.
    """
    payment = core.paying()
    if payment.payer is None:
        raise InvalidInput("API keys are signed by the payer's key", field="payer")
    key = new_key()
    grant = KeyGrant(
        session_id=payment.session,
        key_hash=hash_of(key),
        scopes=list(options.get("scopes", SCOPES)),
        per_minute=options.get("per_minute", 60),
        day_budget_wei=str(options.get("day_budget_wei", NO_BOUND)),
        total_budget_wei=str(options.get("total_budget_wei", NO_BOUND)),
        expires=int(time.time()) + options.get("lasts_s", DAY_S),
    )
    signature = to_hex(sign(key_of(payment.payer), grant.digest(payment.domain)))
    body = msgspec.json.encode(KeyGiven(grant, signature, options.get("name", "")))
    reply = yield from answered(core, "POST", KEYS_PATH, core.until(None), body=body)
    decoded(reply, KeyAdded)
    return NewKey(key, grant)


def listed(core: Core) -> Flow[KeysResponse]:
    """Fetch the keys of the payment session; needs its grant."""
    reply = yield from answered(core, "GET", KEYS_PATH, core.until(None))
    return decoded(reply, KeysResponse)


def revoke(core: Core, key_hash: str) -> Flow[KeyState]:
    """Let a key of the payment session open nothing any more, for good."""
    path = f"{KEYS_PATH}/{escaped(key_hash)}"
    reply = yield from answered(core, "DELETE", path, core.until(None))
    return decoded(reply, KeyState)
