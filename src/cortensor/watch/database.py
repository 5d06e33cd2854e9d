# SPDX-License-Identifier: Apache-2.0
"""The watcher's own SQLite file: the store's transactions, with another schema."""

from __future__ import annotations

import sqlite3
from importlib.resources import files
from typing import TYPE_CHECKING

from cortensor.errors import Unavailable
from cortensor.store.sqlite import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA_VERSION = 1
APPLICATION_ID = 0x63747877
"""Marks the file, so that a router's ledger is never taken for it."""


class WatchDatabase(Database):
    """A watcher's file. See `cortensor.store.sqlite.Database`.

    Raises:
        Unavailable: the file is another program's, or a newer version's.
    """

    def _migrate(self) -> None:
        with self.transaction() as sql:
            version = int(sql.execute("PRAGMA user_version").fetchone()[0])
            mark = int(sql.execute("PRAGMA application_id").fetchone()[0])
            if version == 0 and mark == 0:
                script = files("cortensor.watch").joinpath("schema.sql").read_text("utf-8")
                for statement in _statements(script):
                    sql.execute(statement)
                sql.execute(f"PRAGMA application_id={APPLICATION_ID}")
                sql.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            elif (version, mark) != (SCHEMA_VERSION, APPLICATION_ID):
                raise Unavailable(
                    f"{self.path} is not a watcher's state, or a newer version's",
                    code="schema_unknown",
                )


def _statements(script: str) -> Iterator[str]:
    buffered = ""
    for line in script.splitlines(keepends=True):
        buffered += line
        if sqlite3.complete_statement(buffered):
            yield buffered
            buffered = ""
