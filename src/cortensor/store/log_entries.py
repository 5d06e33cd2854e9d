# SPDX-License-Identifier: Apache-2.0
"""The entries of transparency logs, as the router serves them: only ever added to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cortensor.store.database import Database


class Logged(Struct, frozen=True):
    """An entry's number in its log, from 1, its bytes, and the block of its batch."""

    number: int
    entry: bytes
    block: int


class LogEntries:
    """The entries in the store. A log is named by one line.

    Args:
        database: an open database; the caller closes it.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def after(self, log: str, number: int, most: int) -> list[Logged]:
        """Return the entries of a log after a number, in order."""
        rows = self._db.rows(
            "SELECT number, entry, block_number FROM log_entries WHERE log = ? AND number > ?"
            " ORDER BY number LIMIT ?",
            log,
            number,
            most,
        )
        return [Logged(row["number"], bytes(row["entry"]), row["block_number"]) for row in rows]

    def last(self, log: str) -> Logged | None:
        """Return a log's last entry; None for an empty log."""
        row = self._db.row(
            "SELECT number, entry, block_number FROM log_entries WHERE log = ?"
            " ORDER BY number DESC LIMIT 1",
            log,
        )
        if row is None:
            return None
        return Logged(row["number"], bytes(row["entry"]), row["block_number"])

    def add(self, log: str, entries: Iterable[Logged]) -> None:
        """Add entries; those that are there stay as they are."""
        with self._db.transaction() as sql:
            for each in entries:
                sql.execute(
                    "INSERT INTO log_entries (log, number, entry, block_number) VALUES (?,?,?,?)"
                    " ON CONFLICT (log, number) DO NOTHING",
                    (log, each.number, each.entry, each.block),
                )
