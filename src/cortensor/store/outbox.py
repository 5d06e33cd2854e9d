# SPDX-License-Identifier: Apache-2.0
"""Settlement batches: which receipts go where, and every byte sent for them.

A batch and its leaves are fixed in one transaction when it is built; after that only its state
moves (built -> sent -> confirmed). Session indexes and cumulative totals are given here and only
here, in commit order, so a receipt's id never depends on its place in a batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cortensor.errors import Error
from cortensor.receipts.keccak import to_hex
from cortensor.receipts.merkle import StandardMerkleTree, receipt_leaf
from cortensor.store.choosing import READY, cadence_of, choose, retried, voucher_of
from cortensor.store.ledger import RECEIPT_COLUMNS, receipt_of
from cortensor.store.records import (
    STAKE,
    VOUCHER,
    BatchRecord,
    CostRecord,
    LeafRecord,
    Pending,
    ReceiptRecord,
    SkipRecord,
    TransactionRecord,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from cortensor.store.sqlite import Database

CUMULATIVE_BITS = 96
V_OFFSET = 27


class Outbox:
    """The settlement side of the store.

    Args:
        database: an open database; the caller closes it.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def pending(self) -> Pending:
        """Count what waits for settlement and can be settled."""
        row = self._db.row(
            "SELECT COUNT(*) AS receipts, MIN(r.created_at) AS oldest, MIN(s.expiry) AS expiry,"  # noqa: S608  constant condition
            f" MIN(CASE WHEN s.funding = {STAKE} THEN r.created_at END) AS stake"
            f" FROM receipts r JOIN payment_sessions s USING (session) WHERE {READY}"
        )
        open_batches = self._db.row("SELECT COUNT(*) FROM batches WHERE state != 'confirmed'")
        if row is None or open_batches is None:
            return Pending(0, None, None, 0)
        return Pending(row["receipts"], row["oldest"], row["expiry"], open_batches[0], row["stake"])

    def build(self, uri_base: str | None, now: int) -> BatchRecord | None:
        """Make the next batch of unbatched receipts, or return None when there are none.

        Takes receipts in commit order, of one funding, one card version and, for stake, one day,
        of as many sessions as one call takes. Receipts of a further session wait for the next
        batch; a session's own order is never broken. Of voucher sessions it takes what a voucher
        covers, up to exactly its total.

        Args:
            uri_base: prefix of the batch's public address, before the root; None for none.
            now: unix seconds.

        Raises:
            Error: a voucher's total is not its leaf's (`ledger_unsound`).
        """
        with self._db.transaction() as sql:
            found = choose(sql)
            if found is None:
                return None
            chosen, group = found.receipts, found.group
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
            moving = {session: cumulative for session, (_, cumulative) in totals.items()}
            signatures = _signatures(sql, moving) if group.funding == VOUCHER else None
            work_at = None
            if group.funding == STAKE:
                work_at = max(record.created_at for record in chosen)
                moving |= retried(sql, group, work_at, set(moving))
            items = [
                int(session, 16) << CUMULATIVE_BITS | cumulative
                for session, cumulative in moving.items()
            ]
            uri = f"{uri_base}{root}" if uri_base else ""
            sql.execute(
                "INSERT INTO batches (root, funding, version, count, uri, items, work_at, data,"
                " total, state, created_at) VALUES (?,?,?,?,?,?,?,?,?,'built',?)",
                (
                    root,
                    group.funding,
                    group.version,
                    len(chosen),
                    uri,
                    msgspec.json.encode([str(item) for item in items]),
                    work_at,
                    None if signatures is None else msgspec.json.encode(signatures),
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
        self,
        root: str,
        *,
        tx_hash: str,
        block: int,
        gas_used: int,
        gas_price: int,
        now: int,
        costs: Iterable[CostRecord] = (),
        bucket: int | None = None,
        skipped: Iterable[SkipRecord] = (),
    ) -> BatchRecord:
        """Note that a batch's transaction was mined, and what came of it, in one transaction.

        Args:
            root: the batch.
            tx_hash: the transaction that settled it.
            block: where it was mined.
            gas_used: by it.
            gas_price: wei a gas.
            now: unix seconds.
            costs: of every mined transaction of the batch.
            bucket: where the money became pending; None if none moved.
            skipped: totals that the contract passed over.
        """
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE batches SET state = 'confirmed', tx_hash = ?, block_number = ?,"
                " gas_used = ?, gas_price = ?, confirmed_at = ? WHERE root = ?",
                (tx_hash, block, gas_used, str(gas_price), now, root),
            )
            batch = _batch(sql.execute("SELECT * FROM batches WHERE root = ?", (root,)).fetchone())
            for cost in costs:
                _note_cost(sql, root, cost)
            if bucket is not None:
                sql.execute(
                    "INSERT INTO pending_buckets (version, bucket) VALUES (?,?)"
                    " ON CONFLICT (version, bucket) DO UPDATE SET is_released = 0",
                    (batch.version, bucket),
                )
            _note_skips(sql, batch, skipped)
            return batch

    def skips_to_alarm(self, now: int) -> list[SkipRecord]:
        """Return skipped totals that no later batch can move any more, each once ever.

        Of stake: the window after that of the work is over. Others: at once.
        """
        found = []
        with self._db.transaction() as sql:
            rows = sql.execute(
                "SELECT k.session, k.cumulative, k.reason, k.work_at, s.profile FROM skips k"
                " JOIN payment_sessions s USING (session) WHERE k.is_alarmed = 0 ORDER BY k.session"
            ).fetchall()
            for row in rows:
                cadence = cadence_of(row["profile"])
                if row["work_at"] is not None and now // cadence - row["work_at"] // cadence <= 1:
                    continue
                sql.execute("UPDATE skips SET is_alarmed = 1 WHERE session = ?", (row["session"],))
                found.append(SkipRecord(row["session"], int(row["cumulative"]), row["reason"]))
        return found

    def pending_buckets(self) -> list[tuple[int, int]]:
        """Return (version, bucket) of settled money that is not known to be released."""
        rows = self._db.rows(
            "SELECT version, bucket FROM pending_buckets WHERE is_released = 0 ORDER BY bucket"
        )
        return [(row["version"], row["bucket"]) for row in rows]

    def note_released(self, version: int, bucket: int) -> None:
        """Note that nothing is pending in a bucket any more."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE pending_buckets SET is_released = 1 WHERE version = ? AND bucket = ?",
                (version, bucket),
            )

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


def _signatures(sql: sqlite3.Connection, totals: dict[str, int]) -> list[tuple[str, str]]:
    """Return each session's voucher as (r, vs), EIP-2098: v is the top bit of s."""
    found = []
    for session, total in totals.items():
        text = voucher_of(sql, session, str(total))
        if text is None:
            raise Error(f"{session}: no voucher for {total} wei", code="ledger_unsound")
        raw = bytes.fromhex(text[2:])
        vs = int.from_bytes(raw[32:64], "big") | (raw[64] - V_OFFSET) << 255
        found.append((to_hex(raw[:32]), to_hex(vs.to_bytes(32, "big"))))
    return found


def _note_cost(sql: sqlite3.Connection, root: str, cost: CostRecord) -> None:
    sql.execute(
        "INSERT OR REPLACE INTO settlement_costs (tx_hash, batch, block_number, is_success,"
        " gas_used, gas_price, l1_gas, fee) VALUES (?,?,?,?,?,?,?,?)",
        (
            cost.tx_hash,
            root,
            cost.block,
            int(cost.is_success),
            cost.gas_used,
            str(cost.gas_price),
            cost.l1_gas,
            str(cost.fee),
        ),
    )


def _note_skips(sql: sqlite3.Connection, batch: BatchRecord, skipped: Iterable[SkipRecord]) -> None:
    """Keep what a batch passed over; what it moved is no longer open."""
    for item in batch.items:
        session = f"0x{item >> CUMULATIVE_BITS:040x}"
        sql.execute("DELETE FROM skips WHERE session = ?", (session,))
    for skip in skipped:
        sql.execute(
            "INSERT OR REPLACE INTO skips (session, batch, cumulative, reason, funding, work_at)"
            " VALUES (?,?,?,?,?,?)",
            (
                skip.session,
                batch.root,
                str(skip.cumulative),
                skip.reason,
                batch.funding,
                batch.work_at,
            ),
        )


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
        funding=row["funding"],
        work_at=row["work_at"],
        signatures=[]
        if row["data"] is None
        else msgspec.json.decode(row["data"], type=list[tuple[str, str]]),
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
