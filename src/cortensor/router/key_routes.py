# SPDX-License-Identifier: Apache-2.0
"""`/api/v4/keys`: a payer hands in, lists and revokes the keys of its session.

A grant of a key is its own authority, because the payer signed it; listing and revoking need the
grant of the session, which no key is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.errors import NotFound, Unauthorized
from cortensor.receipts.api_key import scope_bits, scopes_of
from cortensor.router.access import read_header
from cortensor.router.key_schemas import KeyAdded, KeyGiven, KeysResponse, KeyState
from cortensor.router.requests import convert, parse_object, read_body
from cortensor.store.api_keys import KeyRecord
from cortensor.store.calls import IN_THREADS

if TYPE_CHECKING:
    from starlette.requests import Request

    from cortensor.router.access import Doorkeeper
    from cortensor.router.config import Limits
    from cortensor.router.known_keys import KnownKeys
    from cortensor.router.payment_sessions import PaymentSessions
    from cortensor.router.ports import Clock, KeysPort
    from cortensor.store.calls import Calls


class KeyDesk:
    """Takes and shows keys.

    Args:
        sessions: payment sessions.
        doorkeeper: checks what payers signed.
        keys: the store's.
        clock: time.
        limits: bounds on requests.
        calls: how the store is called.
        known: remembers keys that are used, where any are.
    """

    def __init__(
        self,
        sessions: PaymentSessions,
        doorkeeper: Doorkeeper,
        keys: KeysPort,
        clock: Clock,
        limits: Limits,
        calls: Calls = IN_THREADS,
        known: KnownKeys | None = None,
    ) -> None:
        self._known = known
        self._calls = calls
        self._sessions = sessions
        self._doorkeeper = doorkeeper
        self._keys = keys
        self._clock = clock
        self._limits = limits

    async def take(self, request: Request) -> KeyAdded:
        """Store a key that a payer signed for.

        Raises:
            Unauthorized: the payer did not, or it has expired.
            Conflict: see `ApiKeys.add`.
        """
        given = convert(parse_object(await read_body(request, self._limits)), KeyGiven)
        return await self.add(given)

    async def add(self, given: KeyGiven) -> KeyAdded:
        """Store a key that a payer signed for. Raises as `take`."""
        grant, now = given.grant, self._clock.unix()
        if grant.expires <= now:
            raise Unauthorized("the key has expired", field="grant.expires")
        account = await self._sessions.load(grant.session_id)
        signature = bytes.fromhex(given.signature[2:])
        self._doorkeeper.check_key(grant, signature, account.facts.payer)
        record = KeyRecord(
            key_hash=grant.key_hash,
            name=given.name,
            session=grant.session_id,
            scopes=scope_bits(grant.scopes),
            per_minute=grant.per_minute,
            day_budget=int(grant.day_budget_wei),
            total_budget=int(grant.total_budget_wei),
            expires=grant.expires,
            signature=given.signature,
            added_at=now,
        )
        added = await self._calls.write(self._keys.add, record)
        return KeyAdded(key_hash=grant.key_hash, added=added)

    async def show(self, request: Request) -> KeysResponse:
        """Return the keys of the caller's session."""
        session = await self._own_session(request)
        found = await self._calls.read(self._keys.all, session)
        return KeysResponse(count=len(found), keys=[key_state(each) for each in found])

    async def revoke(self, request: Request) -> KeyState:
        """Revoke a key of the caller's session. Raises NotFound."""
        session = await self._own_session(request)
        key_hash = request.path_params["key_hash"].lower()
        await self._calls.write(self._keys.revoke, key_hash, self._clock.unix(), session)
        if self._known is not None:
            self._known.forget(key_hash)
        found = await self._calls.read(self._keys.find, key_hash)
        if found is None:
            raise NotFound("no key has this hash", field="key_hash", code="unknown_key")
        return key_state(found)

    async def _own_session(self, request: Request) -> str:
        access = read_header(request.headers.get("authorization"))
        session = f"0x{access.grant.session:040x}"
        account = await self._sessions.load(session)
        self._doorkeeper.check(access, session, account.facts.payer, self._clock.unix())
        return session


def key_state(key: KeyRecord) -> KeyState:
    """Return a key as it is shown."""
    return KeyState(
        key_hash=key.key_hash,
        name=key.name,
        session_id=key.session,
        scopes=list(scopes_of(key.scopes)),
        per_minute=key.per_minute,
        day_budget_wei=str(key.day_budget),
        total_budget_wei=str(key.total_budget),
        charged_wei=str(key.charged),
        expires=key.expires,
        added_at=key.added_at,
        revoked_at=key.revoked_at,
    )
