# SPDX-License-Identifier: Apache-2.0
"""Whose running work is whose: one request runs at one router, until that router is dead.

A reservation is the claim: it is made in one transaction with the look at what else runs, and ends
with the charge or the release. A router lives while it renews its lease; what a dead one left is
released by whoever finds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.errors import Conflict, Unavailable
from cortensor.receipts.headers import IDEMPOTENCY_HEADER, SALT_HEADER
from cortensor.store.accounts import free

if TYPE_CHECKING:
    from cortensor.store.database import Database, Sql

LIVING = "SELECT owner FROM owners WHERE expires_at > ?"
RIVAL = "SELECT id, owner, request_hash FROM reservations WHERE session = ? AND "

IN_PROGRESS = "request_in_progress"


class Claim(Struct, frozen=True):
    """What may run once at a time in a session.

    Attributes:
        key: the caller's idempotency key, with `request_hash`.
        commitment: of the request that the session's key signed, 0x hex.
    """

    key: str | None = None
    request_hash: str | None = None
    commitment: str | None = None


class Rival(Struct, frozen=True):
    """A reservation that holds what was claimed; `field` names the header at fault."""

    reservation: str
    owner: str
    request_hash: str | None
    field: str


class Owners:
    """The routers on this database, and what those that are dead had set aside.

    Args:
        database: an open database; the caller closes it.
        owner: this router's process.
    """

    def __init__(self, database: Database, owner: str) -> None:
        self._db = database
        self._owner = owner

    def renew(self, lease_ms: int) -> None:
        """Live for `lease_ms` milliseconds more."""
        now = self._db.now_ms()
        with self._db.transaction(self._owner) as sql:
            sql.execute(
                "INSERT INTO owners (owner, expires_at) VALUES (?,?)"
                " ON CONFLICT (owner) DO UPDATE SET expires_at = excluded.expires_at",
                (self._owner, now + lease_ms),
            )
            sql.execute("DELETE FROM owners WHERE expires_at <= ?", (now,))  # the dead

    def leave(self) -> None:
        """Be dead at once."""
        with self._db.transaction(self._owner) as sql:
            sql.execute("DELETE FROM owners WHERE owner = ?", (self._owner,))

    def is_living(self, owner: str) -> bool:
        """Return whether an owner is this one or has a lease."""
        if owner == self._owner:
            return True
        found = self._db.rows(f"{LIVING} AND owner = ?", self._db.now_ms(), owner)
        return bool(found)

    def living(self) -> int:
        """Return how many routers live, at least 1: whoever asks."""
        return max(1, len(self._db.rows(LIVING, self._db.now_ms())))

    def recover(self) -> list[str]:
        """Release the reservations of everybody without a lease, and return their ids.

        Work that did not commit is not charged. On SQLite call this once at start, holding the
        router's place: nobody has a lease there.
        """
        dead = self._db.rows(
            f"SELECT id, session FROM reservations WHERE owner NOT IN ({LIVING}) ORDER BY id",  # noqa: S608  constant query
            self._db.now_ms(),
        )
        return [str(row["id"]) for row in dead if self._release_dead(row["id"], row["session"])]

    def _release_dead(self, reservation: str, session: str) -> bool:
        now = self._db.now_ms()
        with self._db.transaction(session) as sql:
            # It may have renewed its lease after all, or somebody else may have been here.
            living = sql.execute(
                f"SELECT 1 FROM reservations WHERE id = ? AND owner IN ({LIVING})",  # noqa: S608  constant query
                (reservation, now),
            ).fetchone()
            return living is None and free(sql, reservation) is not None

    def gives_way(self, rival: Rival, session: str) -> bool:
        """Release a rival's reservation if its owner is dead, and return whether it was."""
        if self.is_living(rival.owner):
            return False
        self._release_dead(rival.reservation, session)
        return True

    def running(self, session: str, key: str) -> str | None:
        """Return the request hash that runs under an idempotency key; None if none does."""
        row = self._db.row(f"{RIVAL} key = ?", session, key)
        if row is None:
            return None
        rival = Rival(row["id"], row["owner"], row["request_hash"], IDEMPOTENCY_HEADER)
        return None if self.gives_way(rival, session) else rival.request_hash


def rival_of(sql: Sql, session: str, claim: Claim) -> Rival | None:
    """Return who holds what is claimed, in the session's turn; None if it is free."""
    for column, value, field in (
        ("key", claim.key, IDEMPOTENCY_HEADER),
        ("commitment", claim.commitment, SALT_HEADER),
    ):
        if value is not None:
            row = sql.execute(f"{RIVAL} {column} = ?", (session, value)).fetchone()
            if row is not None:
                return Rival(row["id"], row["owner"], row["request_hash"], field)
    return None


def lost_lease() -> Unavailable:
    """Return the refusal of a charge whose reservation another router has given back."""
    return Unavailable(
        "this router was too slow to be told from a dead one, and charged nothing; send the request"
        " again, with the same Idempotency-Key",
        code="lease_lost",
    )


def running_now(field: str) -> Conflict:
    """Return the refusal of a request that runs already."""
    if field == IDEMPOTENCY_HEADER:
        return Conflict(
            "the request with this key runs now; send it again to get its answer",
            field=field,
            code=IN_PROGRESS,
        )
    return Conflict(
        "this signed request runs now; send the same Idempotency-Key to wait for it",
        field=field,
        code="request_running",
    )
