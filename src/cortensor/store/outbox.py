# SPDX-License-Identifier: Apache-2.0
"""Settlement batches: which receipts go where, and every byte sent for them.

A batch and its leaves are fixed in one transaction when it is built; after that only its state
moves (built -> sent -> confirmed). Session indexes and cumulative totals are given here and only
here, in commit order, so a receipt's id never depends on its place in a batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cortensor.receipts.merkle import StandardMerkleTree, receipt_leaf
from cortensor.store.ledger import RECEIPT_COLUMNS, receipt_of
from cortensor.store.records import (
    BatchRecord,
    LeafRecord,
    Pending,
    ReceiptRecord,
    TransactionRecord,
)

if TYPE_CHECKING:
    import sqlite3

    from cortensor.store.sqlite import Database

MAX_SESSIONS = 512  # items in one settle call
MAX_LEAVES = 8192  # keeps one build, and one proof answer, small
CUMULATIVE_BITS = 96


class Outbox:
    """The settlement side of the store.

    Args:
        database: an open database; the caller closes it.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def pending(self) -> Pending:
        """Count what waits for settlement."""
        row = self._db.row(
            "SELECT COUNT(*) AS receipts, MIN(r.created_at) AS oldest, MIN(s.expiry) AS expiry"
            " FROM receipts r JOIN payment_sessions s USING (session) WHERE r.batch IS NULL"
        )
        open_batches = self._db.row("SELECT COUNT(*) FROM batches WHERE state != 'confirmed'")
        if row is None or open_batches is None:
            return Pending(0, None, None, 0)
        return Pending(row["receipts"], row["oldest"], row["expiry"], open_batches[0])

    def build(self, uri_base: str | None, now: int) -> BatchRecord | None:
        """Make the next batch of unbatched receipts, or return None when there are none.

        Takes receipts in commit order, of one card version, of at most 512 sessions. Receipts
        of a further session wait for the next batch; a session's own order is never broken.

        Args:
            uri_base: prefix of the batch's public address, before the root; None for none.
            now: unix seconds.
        """
        with self._db.transaction() as sql:
            chosen = _choose(sql)
            if not chosen:
                return None
            totals: dict[str, tuple[int, int]] = {}
            for record in chosen:
                if record.session not in totals:
                    row = sql.execute(
                        "SELECT next_index, cumulative FROM payment_sessions WHERE session = ?",
                        (record.session,),
                    ).fetchone()
                    totals[record.session] = (row["next_index"], int(row["cumulative"]))
            placed: list[tuple[ReceiptRecord, int, int, bytes]] = []
            for record in chosen:
                index, cumulative = totals[record.session]
                cumulative += record.charge
                digest = bytes.fromhex(record.digest[2:])
                placed.append((record, index, cumulative, receipt_leaf(digest, index, cumulative)))
                totals[record.session] = (index + 1, cumulative)
            root = "0x" + StandardMerkleTree([item[3] for item in placed]).root.hex()
            items = [
                int(session, 16) << CUMULATIVE_BITS | cumulative
                for session, (_, cumulative) in totals.items()
            ]
            uri = f"{uri_base}{root}" if uri_base else ""
            sql.execute(
                "INSERT INTO batches (root, version, count, uri, items, total, state, created_at)"
                " VALUES (?,?,?,?,?,?,'built',?)",
                (
                    root,
                    chosen[0].version,
                    len(chosen),
                    uri,
                    msgspec.json.encode([str(item) for item in items]),
                    str(sum(record.charge for record in chosen)),
                    now,
                ),
            )
            for position, (record, index, cumulative, hashed) in enumerate(placed):
                sql.execute(
                    "INSERT INTO leaves (batch, position, receipt_id, session, leaf_index,"
                    " cumulative, leaf) VALUES (?,?,?,?,?,?,?)",
                    (
                        root,
                        position,
                        record.receipt_id,
                        record.session,
                        index,
                        str(cumulative),
                        "0x" + hashed.hex(),
                    ),
                )
                sql.execute(
                    "UPDATE receipts SET batch = ? WHERE receipt_id = ?", (root, record.receipt_id)
                )
            for session, (index, cumulative) in totals.items():
                sql.execute(
                    "UPDATE payment_sessions SET next_index = ?, cumulative = ? WHERE session = ?",
                    (index, str(cumulative), session),
                )
            return _batch(sql.execute("SELECT * FROM batches WHERE root = ?", (root,)).fetchone())

    def unconfirmed(self) -> BatchRecord | None:
        """Return the oldest batch that is not confirmed yet."""
        row = self._db.row(
            "SELECT * FROM batches WHERE state != 'confirmed' ORDER BY number LIMIT 1"
        )
        return None if row is None else _batch(row)

    def transactions(self, root: str) -> list[TransactionRecord]:
        """Return every transaction signed for a batch, newest first."""
        rows = self._db.rows(
            "SELECT tx_hash, batch, nonce, raw, max_fee FROM transactions WHERE batch = ?"
            " ORDER BY rowid DESC",
            root,
        )
        return [
            TransactionRecord(r["tx_hash"], r["batch"], r["nonce"], r["raw"], int(r["max_fee"]))
            for r in rows
        ]

    def sign(self, transaction: TransactionRecord, now: int) -> None:
        """Store a signed transaction; call this before it is broadcast."""
        with self._db.transaction() as sql:
            sql.execute(
                "INSERT INTO transactions (tx_hash, batch, nonce, raw, max_fee, created_at)"
                " VALUES (?,?,?,?,?,?)",
                (
                    transaction.tx_hash,
                    transaction.batch,
                    transaction.nonce,
                    transaction.raw,
                    str(transaction.max_fee),
                    now,
                ),
            )

    def mark_sent(self, root: str) -> None:
        """Note that a batch's transaction was handed to a node."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE batches SET state = 'sent' WHERE root = ? AND state = 'built'", (root,)
            )

    def confirm(
        self, root: str, *, tx_hash: str, block: int, gas_used: int, gas_price: int, now: int
    ) -> BatchRecord:
        """Mark a batch as mined and record its cost (`gas_price` in wei a gas)."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE batches SET state = 'confirmed', tx_hash = ?, block_number = ?,"
                " gas_used = ?, gas_price = ?, confirmed_at = ? WHERE root = ?",
                (tx_hash, block, gas_used, str(gas_price), now, root),
            )
            return _batch(sql.execute("SELECT * FROM batches WHERE root = ?", (root,)).fetchone())

    def batch(self, root: str) -> BatchRecord | None:
        """Return a batch by its 0x root."""
        row = self._db.row("SELECT * FROM batches WHERE root = ?", root)
        return None if row is None else _batch(row)

    def leaf(self, receipt_id: str) -> LeafRecord | None:
        """Return where a receipt was placed, or None while it waits."""
        row = self._db.row("SELECT * FROM leaves WHERE receipt_id = ?", receipt_id)
        return None if row is None else _leaf(row)

    def leaves(self, root: str) -> list[LeafRecord]:
        """Return a batch's leaves in position order."""
        rows = self._db.rows("SELECT * FROM leaves WHERE batch = ? ORDER BY position", root)
        return [_leaf(row) for row in rows]

    def receipts(self, root: str) -> list[ReceiptRecord]:
        """Return a batch's receipts in position order."""
        rows = self._db.rows(
            f"SELECT {RECEIPT_COLUMNS} FROM receipts WHERE batch = ? ORDER BY seq",  # noqa: S608  constant column list
            root,
        )
        return [receipt_of(row) for row in rows]


def _choose(sql: sqlite3.Connection) -> list[ReceiptRecord]:
    """Return the receipts of the next batch, in commit order."""
    first = sql.execute(
        "SELECT version FROM receipts WHERE batch IS NULL ORDER BY seq LIMIT 1"
    ).fetchone()
    if first is None:
        return []
    rows = sql.execute(
        f"SELECT {RECEIPT_COLUMNS} FROM receipts WHERE batch IS NULL AND version = ?"  # noqa: S608  constant column list
        " ORDER BY seq LIMIT ?",
        (first["version"], MAX_LEAVES),
    )
    chosen: list[ReceiptRecord] = []
    sessions: set[str] = set()
    for row in rows:
        if row["session"] not in sessions:
            if len(sessions) == MAX_SESSIONS:
                continue
            sessions.add(row["session"])
        chosen.append(receipt_of(row))
    return chosen


def _batch(row: sqlite3.Row) -> BatchRecord:
    return BatchRecord(
        number=row["number"],
        root=row["root"],
        version=row["version"],
        count=row["count"],
        uri=row["uri"],
        items=[int(item) for item in msgspec.json.decode(row["items"], type=list[str])],
        total=int(row["total"]),
        state=row["state"],
        created_at=row["created_at"],
        tx_hash=row["tx_hash"],
        block_number=row["block_number"],
        gas_used=row["gas_used"],
        gas_price=None if row["gas_price"] is None else int(row["gas_price"]),
    )


def _leaf(row: sqlite3.Row) -> LeafRecord:
    return LeafRecord(
        batch=row["batch"],
        position=row["position"],
        receipt_id=row["receipt_id"],
        session=row["session"],
        index=row["leaf_index"],
        cumulative=int(row["cumulative"]),
        leaf=row["leaf"],
    )
