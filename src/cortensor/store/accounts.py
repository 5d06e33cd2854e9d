# SPDX-License-Identifier: Apache-2.0
"""Payment sessions' rows: what a session has, and what is set aside of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cortensor.errors import NotFound
from cortensor.store.api_keys import drop_hold
from cortensor.store.records import Account, SessionFacts

if TYPE_CHECKING:
    from cortensor.store.database import Row, Sql

FACTS = SessionFacts.__struct_fields__
WEI_FACTS = ("deposit", "settled", "task_cap_wei")


def account_of(sql: Sql, session: str) -> Account:
    """Return a session's account. Raises NotFound if it was never read from the chain."""
    row = sql.execute("SELECT * FROM payment_sessions WHERE session = ?", (session,)).fetchone()
    if row is None:
        raise NotFound("unknown payment session", field="session_id", code="unknown_session")
    return read_account(row)


def free(sql: Sql, reservation: str) -> int | None:
    """Drop a reservation in its session's turn, and return its wei; None if it is gone."""
    row = sql.execute(
        "SELECT session, amount FROM reservations WHERE id = ?", (reservation,)
    ).fetchone()
    if row is None:
        return None
    amount = int(row["amount"])
    account = account_of(sql, row["session"])
    drop_hold(sql, reservation)
    sql.execute("DELETE FROM reservations WHERE id = ?", (reservation,))
    sql.execute(
        "UPDATE payment_sessions SET reserved = ? WHERE session = ?",
        (str(account.reserved - amount), row["session"]),
    )
    return amount


def read_account(row: Row) -> Account:
    """Build an account from a row of payment_sessions."""
    values: dict[str, Any] = {name: row[name] for name in FACTS}
    facts = SessionFacts(**values | {name: int(row[name]) for name in WEI_FACTS})
    return Account(
        facts=facts,
        spent=int(row["spent"]),
        reserved=int(row["reserved"]),
        next_index=row["next_index"],
        cumulative=int(row["cumulative"]),
        vouchered=int(row["vouchered"]),
    )
