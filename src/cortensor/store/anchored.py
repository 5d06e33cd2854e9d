# SPDX-License-Identifier: Apache-2.0
"""How sure it is that a batch stays in the chain, and what is undone when it does not.

Until its block is final, a confirmed batch may lose it. It is then sent again: what its
confirmation noted is forgotten, and noted anew when it is mined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.store.building import batch_of

if TYPE_CHECKING:
    from cortensor.store.database import Database
    from cortensor.store.records import BatchRecord, Finality

NOT_FINAL = "state = 'confirmed' AND (finality IS NULL OR finality != 'hard')"


class Anchored:
    """Confirmed batches that are not final.

    Args:
        database: an open database; the caller closes it.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def not_final(self) -> list[BatchRecord]:
        """Return confirmed batches that may still lose their block, oldest first."""
        rows = self._db.rows(f"SELECT * FROM batches WHERE {NOT_FINAL} ORDER BY number")  # noqa: S608  constant condition
        return [batch_of(row) for row in rows]

    def first_block(self) -> int | None:
        """Return the block of the first batch of this ledger; None if none is confirmed."""
        row = self._db.row("SELECT MIN(block_number) AS first FROM batches")
        return None if row is None else row["first"]

    def note(self, batch: BatchRecord, block_hash: str, finality: Finality) -> None:
        """Note how sure a batch's block is.

        Args:
            batch: as it was read.
            block_hash: of its block, 0x hex.
            finality: of its block.
        """
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE batches SET block_hash = ?, finality = ?"
                " WHERE root = ? AND state = 'confirmed'",
                (block_hash, finality, batch.root),
            )

    def lose(self, root: str) -> None:
        """Note that a batch's block is not in the chain any more: it waits to be sent again.

        What its transactions cost is forgotten, since none of it was paid.
        """
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE batches SET state = 'sent', tx_hash = NULL, block_number = NULL,"
                " block_hash = NULL, finality = NULL, gas_used = NULL, gas_price = NULL,"
                " confirmed_at = NULL, bucket = NULL WHERE root = ? AND state = 'confirmed'",
                (root,),
            )
            sql.execute("DELETE FROM settlement_costs WHERE batch = ?", (root,))
