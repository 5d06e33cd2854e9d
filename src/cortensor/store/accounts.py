# SPDX-License-Identifier: Apache-2.0
"""Payment sessions' rows: what a session has, and what is set aside of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cortensor.errors import NotFound
from cortensor.store.api_keys import charge_key, drop_hold
from cortensor.store.records import Account, SessionFacts

if TYPE_CHECKING:
    from cortensor.store.database import Row, Sql

FACTS = SessionFacts.__struct_fields__
WEI_FACTS = frozenset({"deposit", "settled", "task_cap_wei"})


def account_of(sql: Sql, session: str) -> Account:
    """Return a session's account. Raises NotFound if it was never read from the chain."""
    row = sql.execute("SELECT * FROM payment_sessions WHERE session = ?", (session,)).fetchone()
    if row is None:
        raise NotFound("unknown payment session", field="session_id", code="unknown_session")
    return read_account(row)


class Freed(NamedTuple):
    """A reservation that was dropped: its wei, and its session's account before."""

    amount: int
    account: Account


def free(sql: Sql, reservation: str, charge: int = 0) -> Freed | None:
    """Drop a reservation in its session's turn, and charge `charge` wei; None if it is gone.

    The charge goes on the reservation's API key as well, if it has one.
    """
    row = sql.execute(
        "SELECT s.*, r.amount, h.key_hash, h.day FROM reservations r"
        " JOIN payment_sessions s ON s.session = r.session"
        " LEFT JOIN api_key_holds h ON h.reservation = r.id WHERE r.id = ?",
        (reservation,),
    ).fetchone()
    if row is None:
        return None
    if row["key_hash"] is not None:
        if charge:
            charge_key(sql, row["key_hash"], row["day"], charge)
        drop_hold(sql, reservation)
    amount, account = int(row["amount"]), read_account(row)
    sql.execute("DELETE FROM reservations WHERE id = ?", (reservation,))
    sql.execute(
        "UPDATE payment_sessions SET reserved = ?, spent = ? WHERE session = ?",
        (str(account.reserved - amount), str(account.spent + charge), row["session"]),
    )
    return Freed(amount, account)


def read_account(row: Row) -> Account:
    """Build an account from a row of payment_sessions."""
    # Written out: three rows are read a request.
    return Account(
        facts=SessionFacts(
            session=row["session"],
            payer=row["payer"],
            deposit=int(row["deposit"]),
            settled=int(row["settled"]),
            expiry=row["expiry"],
            state=row["state"],
            volume_tier=row["volume_tier"],
            version=row["version"],
            surcharge_cap_bps=row["surcharge_cap_bps"],
            task_cap_wei=int(row["task_cap_wei"]),
            fetched_at=row["fetched_at"],
            funding=row["funding"],
            session_key=row["session_key"],
            profile=row["profile"],
        ),
        spent=int(row["spent"]),
        reserved=int(row["reserved"]),
        next_index=row["next_index"],
        cumulative=int(row["cumulative"]),
        vouchered=int(row["vouchered"]),
    )
