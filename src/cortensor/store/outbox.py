# SPDX-License-Identifier: Apache-2.0
"""Settlement batches: which receipts go where, and every byte sent for them.

A batch and its leaves are fixed in one transaction when it is built; after that only its state
moves (built -> sent -> confirmed). A batch that the contract refuses is put off or parked; until it
is settled its sessions are in no other, so their totals still move in order, and everybody else's
go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.errors import Error, NotFound
from cortensor.store.backoff import LATEST, delay_s
from cortensor.store.building import batch_of, leaf_of, place
from cortensor.store.choosing import BUSY, READY, choose
from cortensor.store.records import (
    STAKE,
    BatchRecord,
    CostRecord,
    LeafRecord,
    Pending,
    RefusalRecord,
    SignedRecord,
    SkipRecord,
    TransactionRecord,
)
from cortensor.store.skips import note_skips

PAGE_RECEIPTS = 512

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cortensor.store.database import Database, Row, Sql


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
        batches = self._db.row(
            "SELECT COUNT(*) AS count, MIN(CASE WHEN f.batch IS NULL THEN 0 ELSE f.next_at END)"
            " AS retry_at FROM batches b LEFT JOIN refusals f ON f.batch = b.root"
            " WHERE b.state != 'confirmed'"
        )
        totals = self._db.row(
            f"SELECT MIN(next_at) AS retry_at FROM skips WHERE session NOT IN ({BUSY})"  # noqa: S608  constant query
        )
        if row is None or batches is None or totals is None:
            return Pending(0, None, None, 0)
        retries = [at for at in (batches["retry_at"], totals["retry_at"]) if at is not None]
        return Pending(
            receipts=row["receipts"],
            oldest=row["oldest"],
            first_expiry=row["expiry"],
            unconfirmed_batches=batches["count"],
            oldest_stake=row["stake"],
            retry_at=min(retries, default=None),
        )

    def build(self, uri_base: str | None, now: int, most: int | None = None) -> BatchRecord | None:
        """Make the next batch of unbatched receipts, or return None when there are none.

        Takes receipts in commit order, of one funding, one card version and, for stake, one day,
        of as many sessions as one call takes. Receipts of a further session wait for the next
        batch; a session's own order is never broken. Of voucher sessions it takes what a voucher
        covers, up to exactly its total. Sessions in a batch that is not settled yet wait for that.

        Args:
            uri_base: prefix of the batch's public address, before the root; None for none.
            now: unix seconds of the chain's latest block; see `moment_of`.
            most: wei that the receipts of a batch may charge, unless one alone charges more; None
                for any amount.

        Raises:
            Error: a voucher's total is not its leaf's (`ledger_unsound`).
        """
        with self._db.transaction() as sql:
            chosen = choose(sql, most)
            if chosen is None:
                return None
            root = place(sql, chosen, uri_base, now).root
            return batch_of(sql.execute("SELECT * FROM batches WHERE root = ?", (root,)).fetchone())

    def unsettled(self, until: int | None = None) -> list[BatchRecord]:
        """Return the batches that are to be settled now, oldest first; none that is parked.

        Args:
            until: of those that were refused, only whose turn has come by then, in unix seconds;
                None for all.
        """
        rows = self._db.rows(
            "SELECT b.* FROM batches b LEFT JOIN refusals f ON f.batch = b.root"
            " WHERE b.state != 'confirmed' AND (f.batch IS NULL"
            " OR f.next_at <= ?) ORDER BY b.number",
            LATEST if until is None else until,
        )
        return [batch_of(row) for row in rows]

    def refuse(
        self,
        root: str,
        reason: str,
        now: int,
        *,
        next_at: int | None = None,
        last_try: int | None = None,
    ) -> RefusalRecord:
        """Note that a batch was refused, and when it is tried again.

        Args:
            root: the batch.
            reason: the contract's.
            now: unix seconds.
            next_at: when to try again, if that is known; by default later with each refusal.
            last_try: the try after which it is not tried again before `unpark`; None for none.
        """
        with self._db.transaction() as sql:
            row = sql.execute("SELECT tries FROM refusals WHERE batch = ?", (root,)).fetchone()
            tries = 1 if row is None else row["tries"] + 1
            later = now + delay_s(tries)
            at: int | None = later if next_at is None else min(later, next_at)
            if last_try is not None and tries >= last_try:
                at = None
            sql.execute(
                "INSERT INTO refusals (batch, reason, tries, first_at, next_at) VALUES (?,?,?,?,?)"
                " ON CONFLICT (batch) DO UPDATE SET reason = excluded.reason,"
                " tries = excluded.tries, next_at = excluded.next_at",
                (root, reason, tries, now, at),
            )
            found = sql.execute("SELECT * FROM refusals WHERE batch = ?", (root,)).fetchone()
            return _refusal(found)

    def reverts(self, root: str) -> int:
        """Return how many transactions of a batch were mined and reverted."""
        row = self._db.row(
            "SELECT COUNT(*) FROM settlement_costs WHERE batch = ? AND is_success = 0", root
        )
        return 0 if row is None else int(row[0])

    def refusals(self) -> list[RefusalRecord]:
        """Return why each batch that was refused is not settled, oldest batch first."""
        rows = self._db.rows(
            "SELECT f.* FROM refusals f JOIN batches b ON b.root = f.batch ORDER BY b.number"
        )
        return [_refusal(row) for row in rows]

    def unpark(self) -> list[str]:
        """Let parked batches be tried again, and return their roots.

        One that was never signed, so that nobody can have sent it, is taken apart: its receipts go
        into new batches, at the same indexes and totals, by the rules of today.

        Raises:
            Error: a session of such a batch has later leaves (`ledger_unsound`).
        """
        with self._db.transaction() as sql:
            rows = sql.execute(
                "SELECT f.batch, EXISTS (SELECT 1 FROM transactions t WHERE t.batch = f.batch)"
                " AS is_signed FROM refusals f WHERE f.next_at IS NULL"
            ).fetchall()
            for row in rows:
                if row["is_signed"]:
                    sql.execute("DELETE FROM refusals WHERE batch = ?", (row["batch"],))
                else:
                    _dissolve(sql, row["batch"])
        return [str(row["batch"]) for row in rows]

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

    def note_costs(self, root: str, costs: Iterable[CostRecord]) -> None:
        """Keep what mined transactions of a batch cost, also if it is not settled."""
        with self._db.transaction() as sql:
            for cost in costs:
                _note_cost(sql, root, cost)

    def confirm(
        self,
        root: str,
        *,
        tx_hash: str,
        block: int,
        block_hash: str | None = None,
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
            block_hash: of that block, 0x hex.
            gas_used: by it.
            gas_price: wei a gas.
            now: unix seconds.
            costs: of every mined transaction of the batch.
            bucket: where the money became pending; None if none moved.
            skipped: totals that the contract passed over.

        Raises:
            NotFound: there is no such batch.
        """
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE batches SET state = 'confirmed', tx_hash = ?, block_number = ?,"
                " block_hash = ?, finality = 'soft', gas_used = ?, gas_price = ?,"
                " confirmed_at = ?, bucket = ? WHERE root = ?",
                (tx_hash, block, block_hash, gas_used, str(gas_price), now, bucket, root),
            )
            row = sql.execute("SELECT * FROM batches WHERE root = ?", (root,)).fetchone()
            if row is None:
                raise NotFound("no batch has this root", field="root", code="unknown_batch")
            batch = batch_of(row)
            sql.execute("DELETE FROM refusals WHERE batch = ?", (root,))
            for cost in costs:
                _note_cost(sql, root, cost)
            if bucket is not None:
                sql.execute(
                    "INSERT INTO pending_buckets (version, bucket) VALUES (?,?)"
                    " ON CONFLICT (version, bucket) DO UPDATE SET is_released = 0",
                    (batch.version, bucket),
                )
            note_skips(sql, batch, skipped, now)
            return batch

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
        return None if row is None else batch_of(row)

    def leaf(self, receipt_id: str) -> LeafRecord | None:
        """Return where a receipt was placed first, or None while it waits."""
        row = self._db.row("SELECT * FROM leaves WHERE receipt_id = ?", receipt_id)
        return None if row is None else leaf_of(row)

    def leaves(self, root: str) -> list[LeafRecord]:
        """Return a batch's leaves in position order, those that it anchors once more too."""
        rows = self._db.rows(
            "SELECT batch, position, receipt_id, session, leaf_index, cumulative, leaf FROM leaves"
            " WHERE batch = ? UNION ALL SELECT x.batch, x.position, l.receipt_id, l.session,"
            " l.leaf_index, l.cumulative, l.leaf FROM repeats x JOIN leaves l USING (receipt_id)"
            " WHERE x.batch = ? ORDER BY position",
            root,
            root,
        )
        return [leaf_of(row) for row in rows]

    def signed(self, root: str) -> dict[str, SignedRecord]:
        """Return what was signed for the receipts that a batch's leaves are of, by receipt id."""
        found: dict[str, SignedRecord] = {}
        last, rows = 0, self._signed_after(root, 0)
        while rows:  # page by page: whoever else reads gets a turn in between
            for row in rows:
                last, name = row["seq"], row["receipt_id"]
                found[name] = SignedRecord(row["digest"], row["signature"], bytes(row["struct"]))
            rows = self._signed_after(root, last)
        return found

    def _signed_after(self, root: str, seq: int) -> Sequence[Row]:
        return self._db.rows(
            "SELECT seq, receipt_id, digest, signature, struct FROM receipts WHERE receipt_id IN"
            " (SELECT receipt_id FROM leaves WHERE batch = ?"
            " UNION SELECT receipt_id FROM repeats WHERE batch = ?) AND seq > ?"
            " ORDER BY seq LIMIT ?",
            root,
            root,
            seq,
            PAGE_RECEIPTS,
        )


def _dissolve(sql: Sql, root: str) -> None:
    """Undo a batch: of its sessions it is the last one, since no other may hold them."""
    rows = sql.execute(
        "SELECT l.session, MIN(l.leaf_index) AS first, MAX(l.leaf_index) AS last, s.next_index"
        " FROM leaves l JOIN payment_sessions s USING (session) WHERE l.batch = ?"
        " GROUP BY l.session, s.next_index",
        (root,),
    ).fetchall()
    for row in rows:
        if row["next_index"] != row["last"] + 1:
            raise Error(f"{row['session']}: a later leaf was placed", code="ledger_unsound")
        before = sql.execute(
            "SELECT cumulative FROM leaves WHERE session = ? AND leaf_index = ?",
            (row["session"], row["first"] - 1),
        ).fetchone()
        sql.execute(
            "UPDATE payment_sessions SET next_index = ?, cumulative = ? WHERE session = ?",
            (row["first"], "0" if before is None else before["cumulative"], row["session"]),
        )
    for statement in (
        "UPDATE receipts SET batch = NULL WHERE batch = ?",
        "DELETE FROM leaves WHERE batch = ?",
        "DELETE FROM repeats WHERE batch = ?",
        "DELETE FROM refusals WHERE batch = ?",
        "DELETE FROM batches WHERE root = ?",
    ):
        sql.execute(statement, (root,))


def _note_cost(sql: Sql, root: str, cost: CostRecord) -> None:
    sql.execute(
        "INSERT INTO settlement_costs (tx_hash, batch, block_number, is_success,"
        " gas_used, gas_price, l1_gas, fee) VALUES (?,?,?,?,?,?,?,?)"
        " ON CONFLICT (tx_hash) DO UPDATE SET batch = excluded.batch,"
        " block_number = excluded.block_number,"
        " is_success = excluded.is_success, gas_used = excluded.gas_used,"
        " gas_price = excluded.gas_price, l1_gas = excluded.l1_gas, fee = excluded.fee",
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


def _refusal(row: Row) -> RefusalRecord:
    return RefusalRecord(row["batch"], row["reason"], row["tries"], row["first_at"], row["next_at"])
