# SPDX-License-Identifier: Apache-2.0
"""Which receipts make the next batch: of one funding, one card and, for stake, one day of work.

A session's receipts go in commit order, whatever the grouping: once one must wait, so must all
after it, because their cumulative totals rest on it. For the same reason a session whose receipts
are in a batch that is not settled yet waits for that one, and no other session does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.store.ledger import RECEIPT_FIELDS, receipt_of
from cortensor.store.records import DAY_SECONDS, ESCROW, STAKE, VOUCHER, ReceiptRecord

if TYPE_CHECKING:
    from cortensor.store.database import Sql

MAX_ITEMS = {ESCROW: 512, VOUCHER: 128, STAKE: 128}  # sessions in one call of the contract
MAX_LEAVES = 8192  # keeps one build, and one proof answer, small

# Sessions that are in a batch which is not settled yet.
BUSY = (
    "SELECT l.session FROM leaves l JOIN batches b ON b.root = l.batch"
    " WHERE b.state != 'confirmed'"
    " UNION SELECT l.session FROM repeats x JOIN leaves l USING (receipt_id)"
    " JOIN batches b ON b.root = x.batch WHERE b.state != 'confirmed'"
)

# A receipt of a voucher session can be settled once a voucher covers it. Amounts are decimal text
# without leading zeros, so the longer is the larger.
READY = (
    f"r.batch IS NULL AND r.session NOT IN ({BUSY})"
    " AND (s.funding != 1 OR (length(r.running_total), r.running_total)"
    " <= (length(s.vouchered), s.vouchered))"
)


class Group(Struct, frozen=True):
    """What the receipts of a batch have in common; `day` is unix seconds // 86,400, of stake."""

    funding: int
    version: int
    day: int | None


class Chosen(Struct, frozen=True):
    """The receipts of the next batch, in commit order."""

    group: Group
    receipts: list[ReceiptRecord]


def choose(sql: Sql, most: int | None) -> Chosen | None:
    """Return the next batch's receipts, of the group that waits longest; None for nothing.

    Args:
        sql: an open transaction.
        most: wei beyond which a batch takes no further charge, since it could not be settled
            whole; None for no bound.
    """
    groups = sql.execute(
        "SELECT s.funding, r.version,"  # noqa: S608  constant condition
        f" CASE WHEN s.funding = {STAKE} THEN r.created_at / {DAY_SECONDS} END AS day"
        f" FROM receipts r JOIN payment_sessions s USING (session) WHERE {READY}"
        " GROUP BY 1, 2, 3 ORDER BY MIN(r.seq)"
    ).fetchall()
    for row in groups:
        group = Group(row["funding"], row["version"], row["day"])
        receipts = _of_group(sql, group, most)
        if receipts:
            return Chosen(group, receipts)
    return None


def _of_group(sql: Sql, group: Group, most: int | None) -> list[ReceiptRecord]:
    columns = ", ".join(f'r."{name}"' for name in RECEIPT_FIELDS)
    rows = sql.execute(
        f"SELECT {columns}, r.running_total"  # noqa: S608  constant columns and condition
        f" FROM receipts r JOIN payment_sessions s USING (session) WHERE {READY}"
        " AND s.funding = ? ORDER BY r.seq",
        (group.funding,),
    )
    chosen: list[tuple[int, ReceiptRecord]] = []
    sessions: set[str] = set()
    waiting: set[str] = set()
    # What of a session goes together: of voucher sessions all up to the next signed total, since
    # the total that is settled must be one that the key signed. Of others each receipt alone.
    runs: dict[str, list[tuple[int, ReceiptRecord]]] = {}
    total = 0
    for place, row in enumerate(rows):
        session = row["session"]
        if session in waiting:
            continue
        is_other = row["version"] != group.version or (
            group.day is not None and row["created_at"] // DAY_SECONDS != group.day
        )
        if is_other:
            waiting.add(session)
            continue
        run = runs.setdefault(session, [])
        run.append((place, receipt_of(row)))
        if group.funding == VOUCHER and voucher_of(sql, session, row["running_total"]) is None:
            continue
        amount = sum(record.charge for _, record in run)
        # What fits nowhere goes alone: it is for the contract to refuse it, and to say why.
        if chosen and (
            (session not in sessions and len(sessions) == MAX_ITEMS[group.funding])
            or len(chosen) + len(run) > MAX_LEAVES
            or (most is not None and total + amount > most)
        ):
            waiting.add(session)
            continue
        sessions.add(session)
        total += amount
        chosen += run
        run.clear()
        if len(chosen) >= MAX_LEAVES:
            break
    return [record for _, record in sorted(chosen, key=lambda item: item[0])]


def voucher_of(sql: Sql, session: str, total: str | None) -> str | None:
    """Return the signature over a session's total, 0x hex, or None if there is none."""
    row = sql.execute(
        "SELECT signature FROM vouchers WHERE session = ? AND cumulative = ?", (session, total)
    ).fetchone()
    return None if row is None else str(row["signature"])
