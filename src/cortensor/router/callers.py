# SPDX-License-Identifier: Apache-2.0
"""Who calls, and what they may do: the holder of a session's grant, or of an API key.

A grant (`ctx1.…`, signed by the payer) may do everything in its session. An API key (`ctk1_…`)
may do what its scopes say, as often and as dearly as the payer signed for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.errors import Forbidden, Unauthorized
from cortensor.receipts.api_key import METRICS, KeyGrant, hash_of, is_key, scopes_of
from cortensor.router import logs
from cortensor.router.access import bearer_of, read_header

if TYPE_CHECKING:
    from collections.abc import Collection

    from cortensor.receipts.api_key import Scope
    from cortensor.router.access import Doorkeeper
    from cortensor.router.known_keys import KnownKeys
    from cortensor.router.payment_sessions import PaymentSessions
    from cortensor.router.ports import Clock
    from cortensor.router.rate_limit import RateLimits
    from cortensor.store.api_keys import KeyRecord
    from cortensor.store.records import Account


class Caller(Struct, frozen=True):
    """A caller who was let in: for which session, and by which key; None for a grant."""

    session: str
    account: Account
    key_hash: str | None = None


class Callers:
    """Lets callers in.

    Args:
        sessions: payment sessions.
        doorkeeper: checks what payers signed.
        keys: finds API keys.
        limits: requests a minute.
        clock: time.
    """

    def __init__(
        self,
        sessions: PaymentSessions,
        doorkeeper: Doorkeeper,
        keys: KnownKeys,
        limits: RateLimits,
        clock: Clock,
    ) -> None:
        self._sessions = sessions
        self._doorkeeper = doorkeeper
        self._keys = keys
        self._limits = limits
        self._clock = clock

    async def enter(self, header: str | None, any_of: Collection[Scope]) -> Caller:
        """Return who calls.

        Args:
            header: the `Authorization` header.
            any_of: scopes of which a key needs one; none of them for any key.

        Raises:
            Unauthorized: no grant and no key, or one that counts for nothing.
            NotFound: the session is unknown.
            Forbidden: the key is for something else (`scope_not_granted`).
            RateLimited: the key's requests a minute are used up.
        """
        token = bearer_of(header)
        if not is_key(token):
            access = read_header(header)
            session = f"0x{access.grant.session:040x}"
            account = await self._sessions.load(session)
            self._doorkeeper.check(access, session, account.facts.payer, self._clock.unix())
            return Caller(session, account)
        key = await self._known(token)
        if key.session is None or key.signature is None:
            raise _not_for(any_of)
        account = await self._sessions.load(key.session)
        signature = bytes.fromhex(key.signature[2:])
        self._doorkeeper.check_key(grant_of(key), signature, account.facts.payer)
        self._check_scope(key, any_of)
        return Caller(key.session, account, key.key_hash)

    async def enter_for(
        self, header: str | None, session: str, any_of: Collection[Scope]
    ) -> Caller | None:
        """Return who calls about a session, or None for nobody; a wrong token is refused.

        Raises:
            Unauthorized: also if the token is for another session.
        """
        if not header:
            return None
        caller = await self.enter(header, any_of)
        if caller.session != session:
            raise Unauthorized("the grant is for another session", field="session_id")
        return caller

    async def enter_metrics(self, header: str | None) -> None:
        """Let a reader of the metrics in.

        Raises:
            Unauthorized, Forbidden, RateLimited: as `enter`.
        """
        token = bearer_of(header)
        if not is_key(token):
            raise _not_for([METRICS])
        self._check_scope(await self._known(token), [METRICS])

    async def _known(self, token: str) -> KeyRecord:
        key_hash = hash_of(token)
        key = await self._keys.find(key_hash)
        if key is None or key.revoked_at is not None or key.expires <= self._clock.unix():
            raise Unauthorized("the API key is unknown, revoked or expired")
        logs.note(key=key_hash[:18])
        self._limits.take(key_hash, key.per_minute)
        return key

    @staticmethod
    def _check_scope(key: KeyRecord, any_of: Collection[Scope]) -> None:
        if any_of and not set(any_of) & set(scopes_of(key.scopes)):
            raise _not_for(any_of)


def grant_of(key: KeyRecord) -> KeyGrant:
    """Return what the payer signed for a key."""
    return KeyGrant(
        session_id=key.session or "",
        key_hash=key.key_hash,
        scopes=scopes_of(key.scopes),  # type: ignore[arg-type]  # a payer's key has no metrics
        per_minute=key.per_minute,
        day_budget_wei=str(key.day_budget),
        total_budget_wei=str(key.total_budget),
        expires=key.expires,
    )


def _not_for(any_of: Collection[Scope]) -> Forbidden:
    wanted = " or ".join(any_of) or "a payment session"
    return Forbidden(
        f"this needs a key for {wanted}", field="authorization", code="scope_not_granted"
    )
