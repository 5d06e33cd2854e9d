# SPDX-License-Identifier: Apache-2.0
"""What a watcher remembers of payment sessions: what they fixed, and whose totals moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cortensor.watch.price import Pin
from cortensor.watch.records import hex40

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cortensor.watch.database import WatchDatabase

ROUTER_SHIFT = 128


class SessionFacts:
    """The sessions' side of the state.

    Args:
        database: the watcher's open file.
    """

    def __init__(self, database: WatchDatabase) -> None:
        self._db = database

    def to_cover(self) -> list[int]:
        """Return sessions that were settled, or got leaves, since their totals were looked at."""
        rows = self._db.rows("SELECT session FROM settlements WHERE is_covered = 0")
        return [int(row["session"], 16) for row in rows]

    def is_settled(self, session: int) -> bool:
        """Return whether a session was ever settled."""
        query = "SELECT 1 FROM settlements WHERE session = ?"
        return self._db.row(query, hex40(session)) is not None

    def enrolled(self, router_id: int) -> list[int]:
        """Return a router's stake sessions."""
        first = router_id << ROUTER_SHIFT
        rows = self._db.rows(
            "SELECT session FROM enrolments WHERE session >= ? AND session < ?",
            hex40(first),
            hex40(first + (1 << ROUTER_SHIFT)),
        )
        return [int(row["session"], 16) for row in rows]

    def covered(self, sessions: Iterable[int]) -> None:
        """Note that the totals of sessions were looked at, and what is missing is noted."""
        with self._db.transaction() as sql:
            sql.executemany(
                "UPDATE settlements SET is_covered = 1 WHERE session = ?",
                [(hex40(session),) for session in sessions],
            )

    def pin(self, session: int) -> Pin | None:
        """Return what a session fixed, if it was read."""
        row = self._db.row("SELECT pin FROM pins WHERE session = ?", hex40(session))
        return None if row is None else msgspec.json.decode(row["pin"], type=Pin)

    def set_pin(self, session: int, pin: Pin) -> None:
        """Remember what a session fixed."""
        with self._db.transaction() as sql:
            sql.execute(
                "INSERT OR REPLACE INTO pins VALUES (?,?)",
                (hex40(session), msgspec.json.encode(pin)),
            )
