# SPDX-License-Identifier: Apache-2.0
"""What the store asks of a database: the same SQL, and turns, on SQLite and on PostgreSQL.

Whoever changes something takes a turn first and reads what the change rests on after that. A turn
is a payment session's, or, without a name, the settler's and everything else's. Two transactions
of one turn never overlap, in this process or another. SQLite has one writer, so there every turn
is alone; PostgreSQL lets sessions go on beside each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager


class Row(Protocol):
    """A row; columns by name or by place."""

    def __getitem__(self, key: Any, /) -> Any:
        """Return a column."""


class Result(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int:
        """How many rows a write changed."""

    def fetchone(self) -> Any:
        """Return the next row; None for none."""

    def fetchall(self) -> list[Any]:
        """Return all rows that are left."""

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows that are left."""


class Sql(Protocol):
    """An open transaction."""

    def execute(self, query: str, values: Sequence[Any] = ..., /) -> Result:
        """Run one statement; `?` stands for a value."""


class Database(Protocol):
    """A database of the store. Methods block, and may be called from any thread.

    All raise Unavailable (`ledger_unavailable`) if the database cannot be read or written.
    """

    is_shared: bool
    """Whether several routers may use it at once."""

    def transaction(self, turn: str | None = None) -> AbstractContextManager[Sql]:
        """Take a turn and yield a transaction: commits at the end, rolls back on any exception.

        Args:
            turn: the payment session that is read and changed; None for anything else.
        """

    def snapshot(self) -> AbstractContextManager[Sql]:
        """Yield a transaction that only reads, and sees one moment; it waits for no turn."""

    def rows(self, query: str, *values: object) -> Sequence[Row]:
        """Run a read-only query and return all rows."""

    def row(self, query: str, *values: object) -> Row | None:
        """Run a read-only query and return its first row."""

    def columns(self, table: str) -> set[str]:
        """Return the names of a table's columns; none if there is no such table."""

    def now_ms(self) -> int:
        """Return unix milliseconds of the one clock that everybody with this database shares."""

    def serving(self) -> AbstractContextManager[None]:
        """Hold the place of a router; raises Conflict if it is taken (`already_running`)."""

    def settling(self) -> AbstractContextManager[None]:
        """Hold the place of the one settler; raises Conflict if it is taken (`already_running`).

        Transactions without a name that this thread makes meanwhile fail if the place is lost.
        """

    def close(self) -> None:
        """Close it; the object is unusable afterwards."""
