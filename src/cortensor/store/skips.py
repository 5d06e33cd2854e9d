# SPDX-License-Identifier: Apache-2.0
"""Totals that a settlement passed over, until they are settled or given up.

A root moves money once, so such a total moves under a new root only: with the session's next batch,
which carries a higher total, or alone, in a batch that anchors its last leaf once more. An anchored
leaf is one leaf however often it is anchored; index and running total stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.store.backoff import LATEST, delay_s
from cortensor.store.building import CUMULATIVE_BITS, batch_of, insert, make, moment_of
from cortensor.store.choosing import BUSY, MAX_ITEMS
from cortensor.store.records import BatchRecord, OpenSkip, SkipRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cortensor.store.database import Database, Row, Sql

SELECT = (
    "SELECT k.session, k.cumulative, k.reason, k.funding, k.work_at, k.tries, k.next_at,"
    " b.version, s.expiry, s.profile FROM skips k JOIN batches b ON b.root = k.batch"
    " JOIN payment_sessions s USING (session)"
)


class Retry(Struct, frozen=True):
    """A batch of passed over totals that is not stored, and the receipts whose leaves it anchors.

    One receipt may be there several times.
    """

    batch: BatchRecord
    receipts: list[str]


class Skips:
    """The passed over totals in the store.

    Args:
        database: an open database; the caller closes it.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def due(self, until: int | None) -> list[OpenSkip]:
        """Return what is to be tried again, by session: whose turn has come, or all.

        A session that is in an unsettled batch waits for that.

        Args:
            until: unix seconds; None for all that is not given up.
        """
        rows = self._db.rows(
            f"{SELECT} WHERE k.next_at <= ? AND k.session NOT IN ({BUSY}) ORDER BY k.session",
            LATEST if until is None else until,
        )
        return [_open(row) for row in rows]

    def all(self) -> list[OpenSkip]:
        """Return every total that has not moved, those that are given up too."""
        return [_open(row) for row in self._db.rows(f"{SELECT} ORDER BY k.session")]

    def draft(self, skips: Sequence[OpenSkip], uri_base: str | None, now: int) -> Retry:
        """Return a batch that settles passed over totals; nothing is stored.

        Args:
            skips: of one funding, card and window, at most as many as one call takes.
            uri_base: prefix of the batch's public address, before the root; None for none.
            now: unix seconds of the chain's latest block.
        """
        first = skips[0]
        with self._db.transaction() as sql:
            leaves = {skip.session: _leaf(sql, skip) for skip in skips}
            receipts = [receipt for receipt, _ in leaves.values()]
            hashes = [hashed for _, hashed in leaves.values()]
            work_at = None
            if first.window is not None:
                # As late in the window as it is now: to a rate limit, what waited longer is later.
                last = (first.window + 1) * first.window_s - 1
                work_at = moment_of(last, first.window, first.window_s, now)
            totals = {skip.session: skip.cumulative for skip in skips}
            while True:
                batch = make(
                    sql,
                    totals,
                    hashes,
                    funding=first.funding,
                    version=first.version,
                    total=0,
                    work_at=work_at,
                    uri_base=uri_base,
                    now=now,
                )
                if not _is_known(sql, batch.root):
                    return Retry(batch, receipts)
                # These leaves made a batch before; one of them twice makes another root.
                receipts.append(receipts[0])
                hashes.append(hashes[0])

    def keep(self, retry: Retry) -> BatchRecord:
        """Store a drafted batch; from here on it is settled like any other."""
        with self._db.transaction() as sql:
            insert(sql, retry.batch)
            for position, receipt in enumerate(retry.receipts):
                sql.execute(
                    "INSERT INTO repeats (batch, position, receipt_id) VALUES (?,?,?)",
                    (retry.batch.root, position, receipt),
                )
            row = sql.execute(
                "SELECT * FROM batches WHERE root = ?", (retry.batch.root,)
            ).fetchone()
            return batch_of(row)

    def put_off(self, sessions: Iterable[str], now: int, reason: str | None = None) -> None:
        """Note that totals would not have moved, and when they are tried again.

        Args:
            sessions: whose totals.
            now: unix seconds.
            reason: why, if it is another than before.
        """
        with self._db.transaction() as sql:
            for session in sessions:
                row = sql.execute(
                    "SELECT tries, reason FROM skips WHERE session = ?", (session,)
                ).fetchone()
                tries = row["tries"] + 1
                sql.execute(
                    "UPDATE skips SET tries = ?, next_at = ?, reason = ? WHERE session = ?",
                    (tries, now + delay_s(tries), reason or row["reason"], session),
                )

    def give_up(self, session: str, reason: str) -> None:
        """Note that a session's total can never move, and why."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE skips SET next_at = NULL, reason = ? WHERE session = ?", (reason, session)
            )

    def settled(self, session: str) -> None:
        """Note that a session's total moved after all."""
        with self._db.transaction() as sql:
            sql.execute("DELETE FROM skips WHERE session = ?", (session,))

    def to_alarm(self) -> list[SkipRecord]:
        """Return totals that were given up, each once ever."""
        with self._db.transaction() as sql:
            rows = sql.execute(
                "SELECT session, cumulative, reason FROM skips"
                " WHERE next_at IS NULL AND is_alarmed = 0 ORDER BY session"
            ).fetchall()
            sql.execute("UPDATE skips SET is_alarmed = 1 WHERE next_at IS NULL")
        return [SkipRecord(row["session"], int(row["cumulative"]), row["reason"]) for row in rows]


def groups_of(skips: Iterable[OpenSkip]) -> list[list[OpenSkip]]:
    """Return totals by what one batch may hold: one funding, card and window, and so many."""
    found: dict[tuple[int, int, int | None, int], list[OpenSkip]] = {}
    for skip in skips:
        found.setdefault((skip.funding, skip.version, skip.window, skip.window_s), []).append(skip)
    return [
        group[first : first + MAX_ITEMS[funding]]
        for (funding, *_), group in found.items()
        for first in range(0, len(group), MAX_ITEMS[funding])
    ]


def note_skips(sql: Sql, batch: BatchRecord, skipped: Iterable[SkipRecord], now: int) -> None:
    """Keep what a batch passed over; what it moved is no longer open."""
    passed = {skip.session: skip for skip in skipped}
    for item in batch.items:
        session = f"0x{item >> CUMULATIVE_BITS:040x}"
        if session not in passed:
            sql.execute("DELETE FROM skips WHERE session = ?", (session,))
    for session, skip in passed.items():
        before = sql.execute(
            "SELECT tries FROM skips WHERE session = ? AND cumulative = ?",
            (session, str(skip.cumulative)),
        ).fetchone()
        tries = 1 if before is None else before["tries"] + 1
        sql.execute(
            "INSERT INTO skips (session, batch, cumulative, reason, funding, work_at,"
            " tries, next_at) VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (session) DO UPDATE SET"
            " batch = excluded.batch, cumulative = excluded.cumulative, reason = excluded.reason,"
            " funding = excluded.funding, work_at = excluded.work_at, tries = excluded.tries,"
            " next_at = excluded.next_at, is_alarmed = 0",
            (
                session,
                batch.root,
                str(skip.cumulative),
                skip.reason,
                batch.funding,
                batch.work_at,
                tries,
                now + delay_s(tries),
            ),
        )


def _leaf(sql: Sql, skip: OpenSkip) -> tuple[str, bytes]:
    """Return receipt id and hash of the leaf with a total.

    Receipts that charged nothing repeat a total; the last of them stands for all.
    """
    row = sql.execute(
        "SELECT receipt_id, leaf FROM leaves WHERE session = ? AND cumulative = ?"
        " ORDER BY leaf_index DESC LIMIT 1",
        (skip.session, str(skip.cumulative)),
    ).fetchone()
    return row["receipt_id"], bytes.fromhex(row["leaf"][2:])


def _is_known(sql: Sql, root: str) -> bool:
    found = sql.execute("SELECT 1 FROM batches WHERE root = ?", (root,)).fetchone()
    return found is not None


def _open(row: Row) -> OpenSkip:
    return OpenSkip(
        session=row["session"],
        cumulative=int(row["cumulative"]),
        reason=row["reason"],
        funding=row["funding"],
        version=row["version"],
        expiry=row["expiry"],
        tries=row["tries"],
        next_at=row["next_at"],
        work_at=row["work_at"],
        profile=row["profile"],
    )
