# SPDX-License-Identifier: Apache-2.0
"""A router's ledger, opened for reading only: beside the router that writes it, and without a lock.

Nothing is migrated, so a ledger that no router of this version has opened yet may lack a table.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self
from urllib.parse import quote

from cortensor.errors import InvalidInput, Unavailable
from cortensor.store.sqlite import BUSY_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.store.address import DatabaseAddress
    from cortensor.store.database import Row


class _Readable(Protocol):
    def rows(self, query: str, *values: object) -> Sequence[Row]: ...

    def columns(self, table: str) -> set[str]: ...

    def close(self) -> None: ...


class _File:
    """A SQLite file that is opened for reading only."""

    def __init__(self, path: Path) -> None:
        address = f"file:{quote(str(path.absolute()))}?mode=ro"
        self._connection = sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S)
        self._connection.row_factory = sqlite3.Row

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise Unavailable(f"ledger: {error}", code="ledger_unavailable") from error

    def columns(self, table: str) -> set[str]:
        query = "SELECT name FROM pragma_table_info(?)"
        return {str(row["name"]) for row in self.rows(query, table)}

    def close(self) -> None:
        self._connection.close()


class ReadOnlyLedger:
    """The rows of a ledger.

    Args:
        address: the router's database.
        needs: a table without which it is of no use to the caller.
        field: what the caller calls the address, for the error.

    Raises:
        InvalidInput: there is no such file.
        Unavailable: it cannot be reached, is no ledger, or has no such table yet.
    """

    def __init__(self, address: DatabaseAddress, needs: str, field: str = "database") -> None:
        self._from = _open(address, field)
        try:
            has_table = bool(self.columns(needs))
        except Unavailable:
            self.close()
            raise
        if not has_table:
            self.close()
            raise Unavailable(
                f"ledger: no table {needs}; it is no router's database, or an older one that no"
                " router has opened since",
                code="ledger_unavailable",
            )

    def rows(self, query: str, *values: object) -> Sequence[Row]:
        """Run a query and return all rows. Raises Unavailable."""
        return self._from.rows(query, *values)

    def columns(self, table: str) -> set[str]:
        """Return the names of a table's columns; none if there is no such table."""
        return self._from.columns(table)

    def close(self) -> None:
        """Close it."""
        self._from.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _open(address: DatabaseAddress, field: str) -> _Readable:
    if isinstance(address, Path):
        if not address.is_file():
            raise InvalidInput(f"no file {address}", field=field)
        return _File(address)
    # Only here: who has one router needs no PostgreSQL driver.
    from cortensor.store.postgres import PostgresDatabase  # noqa: PLC0415

    return PostgresDatabase(address, writes=False)
