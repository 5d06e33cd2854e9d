# SPDX-License-Identifier: Apache-2.0
"""The SQLite database under the ledger: one writer, one reader, migrations by number.

Every change runs in `BEGIN IMMEDIATE`, so the read a decision rests on and the write that
follows are one step even beside a second process (`cortensor settle` runs next to the router).
WAL: with `synchronous=full` a commit that returned survives power loss, with `normal` it survives
the death of the process. `store.group` puts many changes into one commit.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import contextmanager, nullcontext
from importlib.resources import files
from typing import TYPE_CHECKING, Literal, Self

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
    "schema-7.sql",
)
BUSY_TIMEOUT_S = 10.0
BUSY_POLL_S = 0.01
BUSY = frozenset((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_BUSY_RECOVERY))

Synchronous = Literal["normal", "full"]


class SqliteDatabase:
    """One SQLite file, of one router. Methods may be called from any thread; they take turns.

    Args:
        path: the file; it and its folder are created if missing, readable by the owner only.
        synchronous: whether each commit is forced to the disk.
    """

    is_shared = False

    def __init__(self, path: Path, synchronous: Synchronous = "full") -> None:
        self.path = path
        self.synchronous = synchronous
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
        self._lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._owner: int | None = None  # the thread that is inside a transaction
        self._has_parts = True
        self._connection = _connect(path)
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        # `begin` waits by itself, where that may take long.
        self._connection.execute("PRAGMA busy_timeout=0")
        self._reader = _connect(path)
        self._reader.execute("PRAGMA query_only=ON")
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

        Commits at the end, rolls back on any exception. Inside an open transaction of this thread
        it is a part of that: it is undone alone, and lasts when that commits.

        Args:
            turn: whose turn it is; here there is one writer, whatever it changes.

        Raises:
            Unavailable: the file is locked for too long or cannot be read or written; also when
                a statement inside fails.
        """
        if self._owner == threading.get_ident():
            self.require_open()
            with _NAMED, self.part() if self._has_parts else nullcontext():
                yield self._connection
            return
        self.begin()
        self.adopt()
        try:
            with _NAMED:
                yield self._connection
        except BaseException:
            self.roll_back()
            raise
        self.commit()

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection inside one transaction that only reads. Raises Unavailable."""
        with self._read_lock, _NAMED:
            self._reader.execute("BEGIN")
            try:
                yield self._reader
            finally:
                self._reader.execute("ROLLBACK")

    @contextmanager
    def part(self) -> Iterator[None]:
        """Do something inside the open transaction that is undone alone if it fails."""
        self.require_open()
        with _NAMED:
            self._connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO part")
                self._connection.execute("RELEASE part")
            raise
        with _NAMED:
            self._connection.execute("RELEASE part")

    def begin(self) -> None:
        """Open a transaction, of whoever adopts it; waits for others. Raises Unavailable."""
        deadline = time.monotonic() + BUSY_TIMEOUT_S
        if not self._lock.acquire(timeout=BUSY_TIMEOUT_S):
            raise Unavailable("ledger: locked for too long", code="ledger_unavailable")
        while not self._open():
            if time.monotonic() >= deadline:
                self._lock.release()
                raise Unavailable("ledger: database is locked", code="ledger_unavailable")
            time.sleep(BUSY_POLL_S)

    def try_begin(self) -> bool:
        """Open a transaction, as `begin`, if that takes no waiting. Raises Unavailable."""
        if not self._lock.acquire(blocking=False):
            return False
        if self._open():
            return True
        self._lock.release()
        return False

    def _open(self) -> bool:
        """Begin; return whether no other process is in the way. Gives the lock back if it fails."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode in BUSY:
                return False
            self._lock.release()
            raise _unavailable(error) from error
        except BaseException as error:
            self._lock.release()
            if isinstance(error, sqlite3.Error):
                raise _unavailable(error) from error
            raise
        return True

    def adopt(self, *, has_parts: bool = True) -> None:
        """Make this thread the one that is inside the open transaction.

        Args:
            has_parts: whether each `transaction` inside is undone alone; else it is whoever adopts
                who undoes what fails.
        """
        self._owner, self._has_parts = threading.get_ident(), has_parts

    def disown(self) -> None:
        """Make it nobody's again, so that another thread can commit it and none can join it."""
        self._owner = None

    def require_open(self) -> None:
        """Return if a transaction is open. Raises Unavailable: a full disk undoes one."""
        if not self._connection.in_transaction:
            raise Unavailable("ledger: cannot be written", code="ledger_unavailable")

    def commit(self) -> None:
        """Commit what `begin` opened, from any thread. Raises Unavailable; then nothing is."""
        self._owner = None
        try:
            with _NAMED:
                self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        finally:
            self._lock.release()

    def roll_back(self) -> None:
        """Undo what `begin` opened."""
        self._owner = None
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        finally:
            self._lock.release()

    def checkpoint_by_hand(self) -> None:
        """Leave it to the caller to fold the log into the database, by `checkpoint`."""
        with self._lock, _NAMED:
            self._connection.execute("PRAGMA wal_autocheckpoint=0")

    def checkpoint(self) -> None:
        """Fold the log into the database, as far as nobody reads it. Raises Unavailable."""
        with self._lock, _NAMED:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Run a read-only query and return all rows. Raises Unavailable.

        Sees what is committed; inside a transaction of this thread, also what that did.
        """
        if self._owner == threading.get_ident():
            with _NAMED:
                return self._connection.execute(query, values).fetchall()
        if self._lock.acquire(blocking=False):  # nothing is open: its cache is the warmer one
            try:
                with _NAMED:
                    return self._connection.execute(query, values).fetchall()
            finally:
                self._lock.release()
        with self._read_lock, _NAMED:
            return self._reader.execute(query, values).fetchall()

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
        """Close the connections; the object is unusable afterwards."""
        with self._lock, self._read_lock:
            self._reader.close()
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Named:
    """What SQLite raises inside has the ledger's own name."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            raise _unavailable(error) from error


_NAMED = _Named()


def _unavailable(error: sqlite3.Error) -> Unavailable:
    return Unavailable(f"ledger: {error}", code="ledger_unavailable")


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    return connection


def _statements(script: str) -> Iterator[str]:
    buffered = ""
    for line in script.splitlines(keepends=True):
        buffered += line
        if sqlite3.complete_statement(buffered):
            yield buffered
            buffered = ""
