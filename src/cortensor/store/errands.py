# SPDX-License-Identifier: Apache-2.0
"""The settler's transactions that belong to no batch: what was signed, and what it cost.

Stored before they are broadcast, so that a crash loses neither the transaction nor its fee.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.store.records import CostRecord, ErrandRecord

if TYPE_CHECKING:
    from cortensor.store.database import Database

AUTHORISE = "authorise"
RELEASE = "release"
END = "end"


class Errands:
    """The errands in the store. An action says what a transaction does.

    Args:
        database: an open database; the caller closes it.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def transactions(self, action: str) -> list[ErrandRecord]:
        """Return what was signed for an action since it was last done, newest first."""
        rows = self._db.rows(
            "SELECT tx_hash, action, nonce, raw, max_fee FROM errands"
            " WHERE action = ? AND is_open = 1 ORDER BY rowid DESC",
            action,
        )
        return [
            ErrandRecord(r["tx_hash"], r["action"], r["nonce"], r["raw"], int(r["max_fee"]))
            for r in rows
        ]

    def sign(self, transaction: ErrandRecord, now: int) -> None:
        """Store a signed transaction; call this before it is broadcast."""
        with self._db.transaction() as sql:
            sql.execute(
                "INSERT INTO errands (tx_hash, action, nonce, raw, max_fee, created_at)"
                " VALUES (?,?,?,?,?,?)",
                (
                    transaction.tx_hash,
                    transaction.action,
                    transaction.nonce,
                    transaction.raw,
                    str(transaction.max_fee),
                    now,
                ),
            )

    def done(self, action: str) -> None:
        """Note that an action is done; asked for again, it begins anew."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE errands SET is_open = 0 WHERE action = ? AND is_open = 1", (action,)
            )

    def open_endings(self) -> list[str]:
        """Return the actions that end a receipt and are not done, in the order of their signing."""
        rows = self._db.rows(
            "SELECT action FROM errands WHERE is_open = 1 AND action LIKE ?"
            " GROUP BY action ORDER BY MIN(rowid)",
            f"{END}/%",
        )
        return [str(row["action"]) for row in rows]

    def unmined(self) -> list[str]:
        """Return the hashes of transactions whose cost is not known."""
        rows = self._db.rows("SELECT tx_hash FROM errands WHERE block_number IS NULL")
        return [str(row["tx_hash"]) for row in rows]

    def not_final(self) -> list[tuple[str, int]]:
        """Return (hash, block) of mined transactions whose block is not known to be final."""
        rows = self._db.rows(
            "SELECT tx_hash, block_number FROM errands"
            " WHERE is_final = 0 AND block_number IS NOT NULL ORDER BY block_number"
        )
        return [(str(row["tx_hash"]), row["block_number"]) for row in rows]

    def finish(self, tx_hash: str) -> None:
        """Note that a transaction's block is final."""
        with self._db.transaction() as sql:
            sql.execute("UPDATE errands SET is_final = 1 WHERE tx_hash = ?", (tx_hash,))

    def lose(self, tx_hash: str) -> None:
        """Note that a transaction is not in the chain any more: its action is open again."""
        with self._db.transaction() as sql:
            row = sql.execute("SELECT action FROM errands WHERE tx_hash = ?", (tx_hash,)).fetchone()
            bucket = released_by(row["action"])
            sql.execute(
                "UPDATE errands SET is_open = 1, block_number = NULL, is_success = NULL,"
                " gas_used = NULL, gas_price = NULL, l1_gas = NULL, fee = NULL WHERE tx_hash = ?",
                (tx_hash,),
            )
            if bucket is not None:
                sql.execute(
                    "UPDATE pending_buckets SET is_released = 0 WHERE version = ? AND bucket = ?",
                    bucket,
                )

    def note(self, cost: CostRecord) -> None:
        """Note what a mined transaction cost."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE errands SET block_number = ?, is_success = ?, gas_used = ?, gas_price = ?,"
                " l1_gas = ?, fee = ? WHERE tx_hash = ?",
                (
                    cost.block,
                    int(cost.is_success),
                    cost.gas_used,
                    str(cost.gas_price),
                    cost.l1_gas,
                    str(cost.fee),
                    cost.tx_hash,
                ),
            )


def authorise_action(address: str) -> str:
    """Return the action that lets a contract anchor for the settler."""
    return f"{AUTHORISE}/{address.lower()}"


def release_action(version: int, bucket: int) -> str:
    """Return the action that releases a bucket of a card version."""
    return f"{RELEASE}/{version}/{bucket}"


def end_action(receipt_id: str, successor: str | None) -> str:
    """Return the action that revokes a receipt, or supersedes it."""
    return f"{END}/{receipt_id}/{successor or ''}"


def ended_by(action: str) -> tuple[str, str | None]:
    """Return the receipt that an action ends, and its successor."""
    _, receipt_id, successor = action.split("/")
    return receipt_id, successor or None


def released_by(action: str) -> tuple[int, int] | None:
    """Return the (version, bucket) that an action releases; None for another action."""
    kind, *rest = action.split("/")
    return (int(rest[0]), int(rest[1])) if kind == RELEASE else None
