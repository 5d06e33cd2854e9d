# SPDX-License-Identifier: Apache-2.0
"""API keys by their hashes, and what was spent on each.

A key's budgets are checked in the transaction of the reservation and charged in that of the
receipt. What a key holds is the sum of its open reservations, so one that a recovery drops is given
back to the key with it. INV-K1: `charged` is the sum of the days' charges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.errors import Conflict, NotFound, PaymentRequired, Unauthorized

if TYPE_CHECKING:
    from cortensor.store.database import Database, Row, Sql

DAY_S = 86_400
KEYS_PER_SESSION = 64
COLUMNS = (
    "key_hash, name, session, scopes, per_minute, day_budget, total_budget, expires, signature,"
    " added_at, revoked_at, charged"
)


class KeyRecord(Struct, frozen=True, kw_only=True):
    """A key as it is stored. Money is wei, times are unix seconds.

    Attributes:
        key_hash: keccak256 of the key, 0x-hex.
        name: for people.
        session: the payment session, None for an operator's key.
        scopes: a word of `api_key.SCOPES`.
        per_minute: requests a minute.
        day_budget: most for one day.
        total_budget: most for ever.
        expires: from when it counts for nothing.
        signature: the payer's, None for an operator's key.
        added_at: when it was stored.
        revoked_at: when it was revoked.
        charged: what its calls were charged so far.
    """

    key_hash: str
    name: str
    session: str | None
    scopes: int
    per_minute: int
    day_budget: int
    total_budget: int
    expires: int
    signature: str | None
    added_at: int
    revoked_at: int | None = None
    charged: int = 0


class ApiKeys:
    """The keys in the store.

    Args:
        database: an open database; the caller closes it.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, record: KeyRecord) -> bool:
        """Store a key; returns whether it is new.

        Raises:
            Conflict: the hash is stored with other terms (`key_differs`), or the session has as
                many keys as it may (`too_many_keys`).
        """
        with self._db.transaction() as sql:
            known = _find(sql, record.key_hash)
            if known is not None:
                if _terms(known) != _terms(record):
                    raise Conflict(
                        "this key is stored with other terms", field="key_hash", code="key_differs"
                    )
                return False
            count = sql.execute(
                "SELECT COUNT(*) AS n FROM api_keys WHERE session = ? AND revoked_at IS NULL"
                " AND expires > ?",
                (record.session, record.added_at),
            ).fetchone()["n"]
            if record.session is not None and count >= KEYS_PER_SESSION:
                raise Conflict(
                    f"the session has {count} keys; revoke one",
                    field="session_id",
                    code="too_many_keys",
                )
            sql.execute(
                f"INSERT INTO api_keys ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",  # noqa: S608  constant names
                (
                    record.key_hash,
                    record.name,
                    record.session,
                    record.scopes,
                    record.per_minute,
                    str(record.day_budget),
                    str(record.total_budget),
                    record.expires,
                    record.signature,
                    record.added_at,
                    None,
                    "0",
                ),
            )
        return True

    def find(self, key_hash: str) -> KeyRecord | None:
        """Return a key."""
        row = self._db.row(f"SELECT {COLUMNS} FROM api_keys WHERE key_hash = ?", key_hash)  # noqa: S608  constant names
        return None if row is None else _record(row)

    def all(self, session: str | None = None) -> list[KeyRecord]:
        """Return all keys, or those of a session, oldest first."""
        order = "ORDER BY added_at, key_hash"
        if session is None:
            rows = self._db.rows(f"SELECT {COLUMNS} FROM api_keys {order}")  # noqa: S608  constant names
        else:
            rows = self._db.rows(
                f"SELECT {COLUMNS} FROM api_keys WHERE session = ? {order}",  # noqa: S608  constant names
                session,
            )
        return [_record(row) for row in rows]

    def revoke(self, key_hash: str, now: int, session: str | None = None) -> None:
        """Make a key count for nothing from now on; harmless if it was revoked before.

        Raises:
            NotFound: there is no such key, or none in `session`.
        """
        with self._db.transaction() as sql:
            known = _find(sql, key_hash)
            if known is None or (session is not None and known.session != session):
                raise NotFound("no key has this hash", field="key_hash", code="unknown_key")
            sql.execute(
                "UPDATE api_keys SET revoked_at = ? WHERE key_hash = ? AND revoked_at IS NULL",
                (now, key_hash),
            )


def hold_key(sql: Sql, key_hash: str, reservation: str, amount: int, now: int) -> None:
    """Put a reservation on a key, in the reservation's own transaction and before its row is there.

    Raises:
        Unauthorized: the key was revoked meanwhile, or has expired.
        PaymentRequired: it is over the day's or the total budget (`key_over_budget`).
    """
    key = _find(sql, key_hash)
    if key is None or key.revoked_at is not None or key.expires <= now:
        raise Unauthorized("the API key is unknown, revoked or expired")
    day = now // DAY_S
    held: dict[int, int] = {}
    for row in sql.execute(
        "SELECT h.day, r.amount FROM api_key_holds h JOIN reservations r ON r.id = h.reservation"
        " WHERE h.key_hash = ?",
        (key_hash,),
    ).fetchall():
        held[row["day"]] = held.get(row["day"], 0) + int(row["amount"])
    for name, budget, used in (
        ("day", key.day_budget, _charged_on(sql, key_hash, day) + held.get(day, 0)),
        ("total", key.total_budget, key.charged + sum(held.values())),
    ):
        if used + amount > budget:
            raise PaymentRequired(
                f"needs {amount} wei, the key's {name} budget of {budget} wei has"
                f" {max(0, budget - used)} wei left",
                field="authorization",
                code="key_over_budget",
            )
    sql.execute(
        "INSERT INTO api_key_holds (reservation, key_hash, day) VALUES (?,?,?)",
        (reservation, key_hash, day),
    )


def charge_key(sql: Sql, key_hash: str, day: int, charge: int) -> None:
    """Charge a key on the day that its reservation was made."""
    today = _charged_on(sql, key_hash, day) + charge
    sql.execute(
        "INSERT INTO api_key_days (key_hash, day, charged) VALUES (?,?,?)"
        " ON CONFLICT (key_hash, day) DO UPDATE SET charged = excluded.charged",
        (key_hash, day, str(today)),
    )
    known = _find(sql, key_hash)
    total = charge + (known.charged if known is not None else 0)
    sql.execute("UPDATE api_keys SET charged = ? WHERE key_hash = ?", (str(total), key_hash))


def drop_hold(sql: Sql, reservation: str) -> None:
    """Take a reservation off its key."""
    sql.execute("DELETE FROM api_key_holds WHERE reservation = ?", (reservation,))


def audit_keys(sql: Sql) -> list[str]:
    """Return every violation of INV-K1, one sentence each."""
    days: dict[str, int] = {}
    for row in sql.execute("SELECT key_hash, charged FROM api_key_days").fetchall():
        days[row["key_hash"]] = days.get(row["key_hash"], 0) + int(row["charged"])
    rows = sql.execute("SELECT key_hash, charged FROM api_keys").fetchall()
    return [
        f"key {row['key_hash']}: charged {row['charged']}, its days sum to {summed}"
        for row in rows
        if int(row["charged"]) != (summed := days.get(row["key_hash"], 0))
    ]


def _charged_on(sql: Sql, key_hash: str, day: int) -> int:
    row = sql.execute(
        "SELECT charged FROM api_key_days WHERE key_hash = ? AND day = ?", (key_hash, day)
    ).fetchone()
    return 0 if row is None else int(row["charged"])


def _find(sql: Sql, key_hash: str) -> KeyRecord | None:
    row = sql.execute(
        f"SELECT {COLUMNS} FROM api_keys WHERE key_hash = ?",  # noqa: S608  constant names
        (key_hash,),
    ).fetchone()
    return None if row is None else _record(row)


def _terms(record: KeyRecord) -> tuple[object, ...]:
    return (
        record.session,
        record.scopes,
        record.per_minute,
        record.day_budget,
        record.total_budget,
        record.expires,
    )


def _record(row: Row) -> KeyRecord:
    values = {name: row[name] for name in KeyRecord.__struct_fields__}
    for name in ("day_budget", "total_budget", "charged"):
        values[name] = int(values[name])
    return KeyRecord(**values)
