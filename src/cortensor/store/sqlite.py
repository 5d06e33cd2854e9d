# SPDX-License-Identifier: Apache-2.0
"""The SQLite database under the ledger: one connection, one writer, migrations by number.

Every change runs in `BEGIN IMMEDIATE`, so the read a decision rests on and the write that
follows are one step even beside a second process (`cortensor settle` runs next to the router).
WAL with `synchronous=FULL`: a commit that returned survives power loss.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Self

from cortensor.errors import Unavailable
from cortensor.store.lock import FileLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIGRATIONS = (
    "schema.sql",
    "schema-2.sql",
    "schema-3.sql",
    "schema-4.sql",
    "schema-5.sql",
    "schema-6.sql",
)
BUSY_TIMEOUT_S = 10.0


class SqliteDatabase:
    """One SQLite file, of one router. Methods may be called from any thread; they take turns.

    Args:
        path: the file; it and its folder are created if missing, readable by the owner only.
    """

    is_shared = False

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        try:
            self._migrate()
        except Unavailable:
            self.close()
            raise

    def _migrate(self) -> None:
        with self.transaction() as sql:
            found = int(sql.execute("PRAGMA user_version").fetchone()[0])
            if found > len(MIGRATIONS):
                raise Unavailable(
                    f"{self.path} has schema version {found}, this program knows "
                    f"{len(MIGRATIONS)}: it was written by a newer version",
                    code="schema_too_new",
                )
            for number in range(found, len(MIGRATIONS)):
                script = files("cortensor.store").joinpath(MIGRATIONS[number]).read_text("utf-8")
                # executescript would commit the open transaction, so statements run one by one.
                for statement in _statements(script):
                    sql.execute(statement)
                sql.execute(f"PRAGMA user_version={number + 1}")

    @contextmanager
    def transaction(
        self,
        turn: str | None = None,  # noqa: ARG002 -- every turn is alone here
    ) -> Iterator[sqlite3.Connection]:
        """Yield the connection inside one immediate transaction.

        Commits at the end, rolls back on any exception.

        Args:
            turn: whose turn it is; here there is one writer, whatever it changes.

        Raises:
            Unavailable: the file is locked for too long or cannot be read or written; also when
                a statement inside fails.
        """
        with self._begun("BEGIN IMMEDIATE") as sql:
            yield sql

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection inside one transaction that only reads. Raises Unavailable."""
        with self._begun("BEGIN") as sql:
            yield sql

    @contextmanager
    def _begun(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._lock, _named():
            self._connection.execute(begin)
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Run a read-only query and return all rows. Raises Unavailable."""
        with self._lock, _named():
            return self._connection.execute(query, values).fetchall()

    def row(self, query: str, *values: object) -> sqlite3.Row | None:
        """Run a read-only query and return its first row."""
        found = self.rows(query, *values)
        return found[0] if found else None

    def columns(self, table: str) -> set[str]:
        """Return the names of a table's columns; none if there is no such table."""
        query = "SELECT name FROM pragma_table_info(?)"
        return {str(row["name"]) for row in self.rows(query, table)}

    def now_ms(self) -> int:
        """Return unix milliseconds of this machine's clock."""
        return int(time.time() * 1000)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Hold the place of the one router. Raises Conflict if it is taken."""
        with FileLock(self._beside("lock"), "a router"):
            yield

    @contextmanager
    def settling(self) -> Iterator[None]:
        """Hold the place of the one settler. Raises Conflict if it is taken."""
        with FileLock(self._beside("settle.lock"), "a settlement"):
            yield

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{suffix}")

    def close(self) -> None:
        """Close the connection; the object is unusable afterwards."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable(f"ledger: {error}", code="ledger_unavailable") from error


def _statements(script: str) -> Iterator[str]:
    buffered = ""
    for line in script.splitlines(keepends=True):
        buffered += line
        if sqlite3.complete_statement(buffered):
            yield buffered
            buffered = ""
