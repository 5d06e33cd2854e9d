# SPDX-License-Identifier: Apache-2.0
"""The watcher's own SQLite file: the store's transactions, with another schema."""

from __future__ import annotations

import sqlite3
from importlib.resources import files
from typing import TYPE_CHECKING

from cortensor.errors import Unavailable
from cortensor.store.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from collections.abc import Iterator

MIGRATIONS = ("schema.sql", "schema-2.sql", "schema-3.sql", "schema-4.sql")
APPLICATION_ID = 0x63747877
"""Marks the file, so that a router's ledger is never taken for it."""


class WatchDatabase(SqliteDatabase):
    """A watcher's file. See `cortensor.store.sqlite.SqliteDatabase`.

    Raises:
        Unavailable: the file is another program's, or a newer version's.
    """

    def _migrate(self) -> None:
        with self.transaction() as sql:
            version = int(sql.execute("PRAGMA user_version").fetchone()[0])
            mark = int(sql.execute("PRAGMA application_id").fetchone()[0])
            if mark != (APPLICATION_ID if version else 0) or version > len(MIGRATIONS):
                raise Unavailable(
                    f"{self.path} is not a watcher's state, or a newer version's",
                    code="schema_unknown",
                )
            sql.execute(f"PRAGMA application_id={APPLICATION_ID}")
            for number in range(version, len(MIGRATIONS)):
                script = files("cortensor.watch").joinpath(MIGRATIONS[number]).read_text("utf-8")
                for statement in _statements(script):
                    sql.execute(statement)
                sql.execute(f"PRAGMA user_version={number + 1}")


def _statements(script: str) -> Iterator[str]:
    buffered = ""
    for line in script.splitlines(keepends=True):
        buffered += line
        if sqlite3.complete_statement(buffered):
            yield buffered
            buffered = ""
