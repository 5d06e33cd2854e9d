# SPDX-License-Identifier: Apache-2.0
"""What is wrong and what is done about it: findings, demands, and the transactions sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.chain.observed import Answered, DemandClosed, Demanded
from cortensor.chain.sender import SignedTransaction
from cortensor.watch.checks import NO_TOTAL, SHOWN_BY_ANSWER, SPOT_CHECK
from cortensor.watch.records import demand_of, finding_of, hex16, hex24, hex40, insert_finding

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from cortensor.chain.observed import DisputeEvent
    from cortensor.watch.checks import Finding
    from cortensor.watch.database import WatchDatabase
    from cortensor.watch.records import DemandRow, FindingRow

PASSING = ("dispute: too little gas", "dispute: nothing is settled")
"""Refusals that say nothing about the finding."""


class Cases:
    """The acting side of the state.

    Args:
        database: the watcher's open file.
    """

    def __init__(self, database: WatchDatabase) -> None:
        self._db = database

    # Findings

    def note(self, findings: Sequence[Finding], block: int, now: int) -> None:
        """Store findings that are new; one that was resolved and shows again is opened again.

        So is one that no leaf has the settled total, if that is another total than the one about
        which it was acted upon; either waits anew.
        """
        with self._db.transaction() as sql:
            for finding in findings:
                if not insert_finding(sql, finding, block, now):
                    sql.execute(
                        "UPDATE findings SET state = 'open', outcome = '', excess = :excess,"
                        " detail = :detail,"
                        " seen_at = CASE kind WHEN :total THEN :now ELSE seen_at END"
                        " WHERE key = :key AND (state = 'closed' AND outcome = 'resolved'"
                        " OR state IN ('done', 'closed') AND kind = :total AND excess != :excess)",
                        {
                            "key": finding.key,
                            "excess": hex24(finding.excess),
                            "detail": finding.detail,
                            "total": NO_TOTAL,
                            "now": now,
                        },
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

    def refused(self, key: str, reason: str) -> None:
        """Close a finding that the contract does not accept, unless it may yet."""
        if reason.startswith(("dispute:", "leaf:")) and reason not in PASSING:
            self.finish(key, "closed", reason)

    def shown_by_answer(self, session: int, index: int) -> None:
        """Close findings about signatures that an answer has shown."""
        marks = ",".join("?" * len(SHOWN_BY_ANSWER))
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE findings SET state = 'closed', outcome = 'answered' WHERE state = 'open'"  # noqa: S608  constant marks
                f" AND session = ? AND leaf_index = ? AND kind IN ({marks})",
                (hex40(session), hex16(index), *SHOWN_BY_ANSWER),
            )

    # Demands

    def demands(self) -> list[DemandRow]:
        """Return every open demand."""
        rows = self._db.rows("SELECT * FROM demands WHERE closed_block IS NULL ORDER BY answer_by")
        return [demand_of(row) for row in rows]

    def answered_until(self, session: int) -> int:
        """Return until when the latest answer about a session can be challenged; 0 for none."""
        query = "SELECT MAX(challengeable_until) FROM demands WHERE session = ?"
        row = self._db.row(query, hex40(session))
        return 0 if row is None else int(row[0] or 0)

    def unseen_demands(self) -> list[tuple[int, int]]:
        """Return (session, index) of demands that were signed and not seen on chain yet."""
        rows = self._db.rows(
            "SELECT DISTINCT action FROM transactions WHERE action LIKE 'demand:%'"
        )
        found = []
        for row in rows:
            _, session, index, total = row["action"].split(":")
            # It counts for the total of when it is mined, which may have grown by then.
            known = self._db.row(
                "SELECT 1 FROM demands WHERE session = ? AND leaf_index = ? AND settled >= ?",
                session,
                hex16(int(index)),
                total,
            )
            if known is None:
                found.append((int(session, 16), int(index)))
        return found

    def count_spot_checks(self, challenger: str, answer_after: int) -> int:
        """Return how many spot checks of an account were to be answered after a time."""
        row = self._db.row(
            "SELECT COUNT(*) FROM findings f JOIN demands d USING (session, leaf_index)"
            " WHERE f.kind = ? AND d.challenger = ? AND d.answer_by > ?",
            SPOT_CHECK,
            challenger,
            answer_after,
        )
        return 0 if row is None else int(row[0])

    def is_spot_check(self, session: int, index: int) -> bool:
        """Return whether a leaf was chosen for a spot check."""
        query = "SELECT 1 FROM findings WHERE kind = ? AND session = ? AND leaf_index = ?"
        return self._db.row(query, SPOT_CHECK, hex40(session), hex16(index)) is not None

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
            "INSERT OR REPLACE INTO demands (session, leaf_index, settled, challenger, answer_by,"
            " challengeable_until, block) VALUES (?,?,?,?,?,0,?)",
            (
                *_place(event),
                event.challenger,
                event.answer_by,
                event.block,
            ),
        )
    elif isinstance(event, Answered):
        sql.execute(
            "UPDATE demands SET challengeable_until = ?, answered_block = ?"
            " WHERE session = ? AND leaf_index = ? AND settled = ?",
            (event.challengeable_until, event.block, *_place(event)),
        )
    elif isinstance(event, DemandClosed):
        sql.execute(
            "UPDATE demands SET closed_block = ?"
            " WHERE session = ? AND leaf_index = ? AND settled = ?",
            (event.block, *_place(event)),
        )
    else:
        sql.execute(
            "INSERT OR IGNORE INTO proven VALUES (?,?)", (hex40(event.session), event.block)
        )


def _place(event: Demanded | Answered | DemandClosed) -> tuple[str, str, str]:
    """Return what a demand is known by: session, index and total, as text."""
    return hex40(event.session), hex16(event.index), hex24(event.settled)
