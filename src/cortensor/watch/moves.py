# SPDX-License-Identifier: Apache-2.0
"""What a watcher remembers of moves: what each batch of escrow or vouchers moved, in order."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from cortensor.chain.pending_moves import Move
from cortensor.watch.records import hex24, hex40

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from cortensor.chain.observed import MovedBatch
    from cortensor.watch.database import WatchDatabase


class Moves:
    """The moves' side of the state.

    Args:
        database: the watcher's open file.
    """

    def __init__(self, database: WatchDatabase) -> None:
        self._db = database

    def settled(self, session: int) -> int:
        """Return the wei that a session's last known move brought it to; 0 if none is known."""
        row = self._db.row(
            "SELECT settled FROM moves WHERE session = ?"
            " ORDER BY block DESC, log_index DESC, place DESC LIMIT 1",
            hex40(session),
        )
        return 0 if row is None else int(row["settled"], 16)

    def buckets(self, session: int, first: int) -> set[tuple[int, int]]:
        """Return (card version, bucket) where a session moved something, from a bucket on."""
        rows = self._db.rows(
            "SELECT DISTINCT version, bucket FROM moves WHERE session = ? AND bucket >= ?",
            hex40(session),
            first,
        )
        return {(row["version"], row["bucket"]) for row in rows}

    def batches(self, router_id: int, version: int, bucket: int) -> list[list[int]]:
        """Return the words of each batch that moved something into a bucket, oldest first."""
        rows = self._db.rows(
            "SELECT block, log_index, session, moved, settled FROM moves"
            " WHERE router = ? AND version = ? AND bucket = ? ORDER BY block, log_index, place",
            router_id,
            version,
            bucket,
        )
        return [
            [_move(row).word for row in batch]
            for _, batch in groupby(rows, key=lambda row: (row["block"], row["log_index"]))
        ]


def _move(row: sqlite3.Row) -> Move:
    return Move(int(row["session"], 16), int(row["moved"], 16), int(row["settled"], 16))


def insert_moves(sql: sqlite3.Connection, batches: Iterable[tuple[MovedBatch, list[Move]]]) -> None:
    """Store what batches moved, unless it is known."""
    for batch, moves in batches:
        sql.executemany(
            "INSERT OR IGNORE INTO moves VALUES (?,?,?,?,?,?,?,?,?)",
            [
                (
                    batch.block,
                    batch.log_index,
                    place,
                    batch.router_id,
                    batch.version,
                    batch.bucket,
                    hex40(move.session),
                    hex24(move.moved),
                    hex24(move.settled),
                )
                for place, move in enumerate(moves)
            ],
        )
