# SPDX-License-Identifier: Apache-2.0
"""What is wrong and what is done about it: findings, demands, and the transactions sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.chain.observed import Answered, DemandClosed, Demanded
from cortensor.chain.sender import SignedTransaction
from cortensor.watch.records import demand_of, finding_of, hex16, hex24, hex40, insert_finding

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from cortensor.chain.observed import DisputeEvent
    from cortensor.watch.checks import Finding
    from cortensor.watch.database import WatchDatabase
    from cortensor.watch.records import DemandRow, FindingRow


class Cases:
    """The acting side of the state.

    Args:
        database: the watcher's open file.
    """

    def __init__(self, database: WatchDatabase) -> None:
        self._db = database

    # Findings

    def note(self, findings: Sequence[Finding], block: int, now: int) -> None:
        """Store findings that are new; one that was resolved and shows again is opened again."""
        with self._db.transaction() as sql:
            for finding in findings:
                if not insert_finding(sql, finding, block, now):
                    sql.execute(
                        "UPDATE findings SET state = 'open', outcome = ''"
                        " WHERE key = ? AND state = 'closed' AND outcome = 'resolved'",
                        (finding.key,),
                    )

    def findings(self, state: str | None = None) -> list[FindingRow]:
        """Return findings, all or in a state, oldest first."""
        where, values = ("", ()) if state is None else ("WHERE state = ?", (state,))
        rows = self._db.rows(
            f"SELECT * FROM findings {where} ORDER BY seen_at, block, key",  # noqa: S608  constant text
            *values,
        )
        return [finding_of(row) for row in rows]

    def finish(self, key: str, state: str, outcome: str) -> None:
        """Say how a finding stands."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE findings SET state = ?, outcome = ? WHERE key = ?", (state, outcome, key)
            )

    # Demands

    def demands(self) -> list[DemandRow]:
        """Return every open demand."""
        rows = self._db.rows("SELECT * FROM demands WHERE closed_block IS NULL ORDER BY answer_by")
        return [demand_of(row) for row in rows]

    def unseen_demands(self) -> list[tuple[int, int]]:
        """Return (session, index) of demands that were signed and not seen on chain yet."""
        rows = self._db.rows(
            "SELECT DISTINCT action FROM transactions WHERE action LIKE 'demand:%'"
        )
        found = []
        for row in rows:
            _, session, index = row["action"].split(":")
            known = self._db.row(
                "SELECT 1 FROM demands WHERE session = ? AND leaf_index = ?",
                session,
                hex16(int(index)),
            )
            if known is None:
                found.append((int(session, 16), int(index)))
        return found

    def is_proven(self, session: int) -> bool:
        """Return whether a fraud in a session was proven, so that its penalty is taken."""
        found = self._db.row("SELECT 1 FROM proven WHERE session = ?", hex40(session))
        return found is not None

    # Transactions

    def transactions(self, action: str) -> list[SignedTransaction]:
        """Return what was signed for an action, newest first."""
        rows = self._db.rows(
            "SELECT tx_hash, nonce, raw, max_fee FROM transactions WHERE action = ?"
            " ORDER BY rowid DESC",
            action,
        )
        return [
            SignedTransaction(row["tx_hash"], row["nonce"], row["raw"], int(row["max_fee"]))
            for row in rows
        ]

    def sign(self, action: str, transaction: SignedTransaction) -> None:
        """Store a signed transaction; call this before it is broadcast."""
        with self._db.transaction() as sql:
            sql.execute(
                "INSERT OR IGNORE INTO transactions (tx_hash, action, nonce, raw, max_fee)"
                " VALUES (?,?,?,?,?)",
                (
                    transaction.tx_hash,
                    action,
                    transaction.nonce,
                    transaction.raw,
                    str(transaction.max_fee),
                ),
            )


def apply_event(sql: sqlite3.Connection, event: DisputeEvent) -> None:
    """Move the table of demands by what happened on chain."""
    if isinstance(event, Demanded):
        sql.execute(
            "INSERT OR REPLACE INTO demands (session, leaf_index, challenger, settled, answer_by,"
            " challengeable_until, block) VALUES (?,?,?,?,?,0,?)",
            (
                hex40(event.session),
                hex16(event.index),
                event.challenger,
                hex24(event.settled),
                event.answer_by,
                event.block,
            ),
        )
    elif isinstance(event, Answered):
        sql.execute(
            "UPDATE demands SET challengeable_until = ?, answered_block = ?"
            " WHERE session = ? AND leaf_index = ?",
            (event.challengeable_until, event.block, hex40(event.session), hex16(event.index)),
        )
    elif isinstance(event, DemandClosed):
        sql.execute(
            "UPDATE demands SET closed_block = ? WHERE session = ? AND leaf_index = ?",
            (event.block, hex40(event.session), hex16(event.index)),
        )
    else:
        sql.execute(
            "INSERT OR IGNORE INTO proven VALUES (?,?)", (hex40(event.session), event.block)
        )
