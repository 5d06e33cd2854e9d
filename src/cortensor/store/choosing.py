# SPDX-License-Identifier: Apache-2.0
"""Which receipts make the next batch: of one funding, one card and, for stake, one day of work.

A session's receipts go in commit order, whatever the grouping: once one must wait, so must all
after it, because their cumulative totals rest on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.store.ledger import RECEIPT_COLUMNS, receipt_of
from cortensor.store.records import (
    DAY_SECONDS,
    ESCROW,
    STAKE,
    VOUCHER,
    WEEK_SECONDS,
    WEEKLY,
    ReceiptRecord,
)

if TYPE_CHECKING:
    import sqlite3

MAX_ITEMS = {ESCROW: 512, VOUCHER: 128, STAKE: 256}  # sessions in one call of the contract
MAX_LEAVES = 8192  # keeps one build, and one proof answer, small

# A receipt of a voucher session can be settled once a voucher covers it. Amounts are decimal text
# without leading zeros, so the longer is the larger.
READY = (
    "r.batch IS NULL AND (s.funding != 1 OR (length(r.running_total), r.running_total)"
    " <= (length(s.vouchered), s.vouchered))"
)


class Group(Struct, frozen=True):
    """What the receipts of a batch have in common; `day` is unix seconds // 86,400, of stake."""

    funding: int
    version: int
    day: int | None


class Chosen(Struct, frozen=True):
    """The receipts of the next batch, in commit order, with their sessions' running totals."""

    group: Group
    receipts: list[ReceiptRecord]


def choose(sql: sqlite3.Connection) -> Chosen | None:
    """Return the next batch's receipts, of the group that waits longest; None for nothing."""
    groups = sql.execute(
        "SELECT s.funding, r.version,"  # noqa: S608  constant condition
        f" CASE WHEN s.funding = {STAKE} THEN r.created_at / {DAY_SECONDS} END AS day"
        f" FROM receipts r JOIN payment_sessions s USING (session) WHERE {READY}"
        " GROUP BY 1, 2, 3 ORDER BY MIN(r.seq)"
    ).fetchall()
    for row in groups:
        group = Group(row["funding"], row["version"], row["day"])
        receipts = _of_group(sql, group)
        if receipts:
            return Chosen(group, receipts)
    return None


def _of_group(sql: sqlite3.Connection, group: Group) -> list[ReceiptRecord]:
    columns = ", ".join(f"r.{name}" for name in RECEIPT_COLUMNS.split(", "))
    rows = sql.execute(
        f"SELECT {columns}, r.running_total"  # noqa: S608  constant columns and condition
        f" FROM receipts r JOIN payment_sessions s USING (session) WHERE {READY}"
        " AND s.funding = ? ORDER BY r.seq",
        (group.funding,),
    )
    chosen: list[tuple[ReceiptRecord, str | None]] = []
    sessions: set[str] = set()
    waiting: set[str] = set()
    for row in rows:
        session = row["session"]
        if session in waiting:
            continue
        is_other = row["version"] != group.version or (
            group.day is not None and row["created_at"] // DAY_SECONDS != group.day
        )
        if is_other or (session not in sessions and len(sessions) == MAX_ITEMS[group.funding]):
            waiting.add(session)
            continue
        sessions.add(session)
        chosen.append((receipt_of(row), row["running_total"]))
        if len(chosen) == MAX_LEAVES:
            break
    if group.funding == VOUCHER:
        chosen = _up_to_vouchers(sql, chosen)
    return [record for record, _ in chosen]


def _up_to_vouchers(
    sql: sqlite3.Connection, chosen: list[tuple[ReceiptRecord, str | None]]
) -> list[tuple[ReceiptRecord, str | None]]:
    """Drop what lies beyond each session's last voucher among the chosen receipts."""
    last: dict[str, int] = {}
    for place, (record, total) in enumerate(chosen):
        if voucher_of(sql, record.session, total) is not None:
            last[record.session] = place
    return [item for place, item in enumerate(chosen) if place <= last.get(item[0].session, -1)]


def voucher_of(sql: sqlite3.Connection, session: str, total: str | None) -> str | None:
    """Return the signature over a session's total, 0x hex, or None if there is none."""
    row = sql.execute(
        "SELECT signature FROM vouchers WHERE session = ? AND cumulative = ?", (session, total)
    ).fetchone()
    return None if row is None else str(row["signature"])


def retried(
    sql: sqlite3.Connection, group: Group, work_at: int, sessions: set[str]
) -> dict[str, int]:
    """Return totals of other sessions that an earlier stake batch passed over, by session.

    A root moves money once, so such a total can only move with a new one. Its leaf is anchored
    already; it needs no second. Only work of the same window: another would pay for it from the
    quota of another day.
    """
    if group.funding != STAKE:
        return {}
    rows = sql.execute(
        "SELECT k.session, k.cumulative, k.work_at, s.profile, s.cumulative AS assigned"
        " FROM skips k JOIN payment_sessions s USING (session) WHERE k.funding = ?"
        " AND s.version = ? ORDER BY k.session",
        (STAKE, group.version),
    )
    found: dict[str, int] = {}
    for row in rows:
        cadence = cadence_of(row["profile"])
        is_same_window = row["work_at"] // cadence == work_at // cadence
        if is_same_window and row["session"] not in sessions:
            found[row["session"]] = int(row["cumulative"])
    return dict(list(found.items())[: MAX_ITEMS[STAKE] - len(sessions)])


def cadence_of(profile: int | None) -> int:
    """Return the seconds in a window of a stake session's profile."""
    return WEEK_SECONDS if profile is not None and profile >= WEEKLY else DAY_SECONDS
