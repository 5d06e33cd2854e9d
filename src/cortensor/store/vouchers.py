# SPDX-License-Identifier: Apache-2.0
"""Vouchers: totals of a session that its key signed, each at the end of some receipt.

A settled total must be the cumulative of a leaf, so a voucher counts only for a total that a
receipt brought the session to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.errors import Conflict
from cortensor.receipts.headers import VOUCHER_HEADER
from cortensor.store.accounts import account_of

if TYPE_CHECKING:
    from cortensor.store.database import Database
    from cortensor.store.records import Account


class Vouchers:
    """The signed totals in the store.

    Args:
        database: an open database; the caller closes it.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def accept(self, session: str, cumulative: int, signature: str, now: int) -> Account:
        """Store a voucher whose signature was checked; one at or below a stored one is ignored.

        Args:
            session: a voucher session.
            cumulative: the signed total in wei.
            signature: 65 bytes, 0x hex.
            now: unix seconds.

        Raises:
            Conflict: more than what was charged, or not a total that a receipt brought.
        """
        with self._db.transaction(session) as sql:
            account = account_of(sql, session)
            if cumulative <= account.vouchered:
                return account
            found = sql.execute(
                "SELECT 1 FROM receipts WHERE session = ? AND running_total = ?",
                (session, str(cumulative)),
            ).fetchone()
            if found is None:
                raise Conflict(
                    f"signs {cumulative} wei; sign the total charged, {account.spent} wei",
                    field=VOUCHER_HEADER,
                    code="voucher_mismatch",
                )
            sql.execute(
                "INSERT INTO vouchers (session, cumulative, signature, created_at)"
                " VALUES (?,?,?,?)",
                (session, str(cumulative), signature, now),
            )
            sql.execute(
                "UPDATE payment_sessions SET vouchered = ? WHERE session = ?",
                (str(cumulative), session),
            )
            return account_of(sql, session)
