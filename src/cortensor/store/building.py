# SPDX-License-Identifier: Apache-2.0
"""Batches as they are made: places, leaves, root and calldata, all fixed in one transaction.

Session indexes and cumulative totals are given here and only here, in commit order, so a receipt's
id never depends on its place in a batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from cortensor.errors import Error
from cortensor.receipts.keccak import to_hex
from cortensor.receipts.merkle import StandardMerkleTree, receipt_leaf
from cortensor.store.choosing import voucher_of
from cortensor.store.records import DAY_SECONDS, STAKE, VOUCHER, BatchRecord, LeafRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cortensor.store.choosing import Chosen
    from cortensor.store.database import Row, Sql
    from cortensor.store.records import ReceiptRecord

CUMULATIVE_BITS = 96
V_OFFSET = 27


class _Placed(NamedTuple):
    record: ReceiptRecord
    number: int
    cumulative: int
    hashed: bytes


def place(sql: Sql, chosen: Chosen, uri_base: str | None, now: int) -> BatchRecord:
    """Give the chosen receipts their places and store them as a batch.

    Args:
        sql: an open transaction.
        chosen: the receipts.
        uri_base: prefix of the batch's public address, before the root; None for none.
        now: unix seconds of the chain's latest block.

    Raises:
        Error: a voucher's total is not its leaf's (`ledger_unsound`).
    """
    totals: dict[str, tuple[int, int]] = {}
    placed = []
    for record in chosen.receipts:
        index, cumulative = totals.get(record.session) or _next(sql, record.session)
        cumulative += record.charge
        hashed = receipt_leaf(bytes.fromhex(record.digest[2:]), index, cumulative)
        placed.append(_Placed(record, index, cumulative, hashed))
        totals[record.session] = (index + 1, cumulative)
    work_at = None
    if chosen.group.funding == STAKE:
        latest = max(record.created_at for record in chosen.receipts)
        work_at = moment_of(latest, latest // DAY_SECONDS, DAY_SECONDS, now)
    batch = make(
        sql,
        {session: cumulative for session, (_, cumulative) in totals.items()},
        [each.hashed for each in placed],
        funding=chosen.group.funding,
        version=chosen.group.version,
        total=sum(record.charge for record in chosen.receipts),
        work_at=work_at,
        uri_base=uri_base,
        now=now,
    )
    insert(sql, batch)
    for position, each in enumerate(placed):
        _store_leaf(sql, batch.root, position, each)
    for session, (index, cumulative) in totals.items():
        sql.execute(
            "UPDATE payment_sessions SET next_index = ?, cumulative = ? WHERE session = ?",
            (index, str(cumulative), session),
        )
    return batch


def _next(sql: Sql, session: str) -> tuple[int, int]:
    row = sql.execute(
        "SELECT next_index, cumulative FROM payment_sessions WHERE session = ?", (session,)
    ).fetchone()
    return row["next_index"], int(row["cumulative"])


def _store_leaf(sql: Sql, root: str, position: int, placed: _Placed) -> None:
    record, number, cumulative, hashed = placed
    sql.execute(
        "INSERT INTO leaves (batch, position, receipt_id, session, leaf_index, cumulative, leaf)"
        " VALUES (?,?,?,?,?,?,?)",
        (
            root,
            position,
            record.receipt_id,
            record.session,
            number,
            str(cumulative),
            to_hex(hashed),
        ),
    )
    sql.execute("UPDATE receipts SET batch = ? WHERE receipt_id = ?", (root, record.receipt_id))


def moment_of(latest: int, window: int, window_s: int, now: int) -> int:
    """Return the moment of work that a stake batch states, in unix seconds.

    The quota asks the moment for two things. Its window says which allowance pays: that is the
    window in which the work was done, and never another. Within the window, the contract refuses a
    moment that its block has not reached, and a rate limit counts from it. So the moment is the
    latest work's, but no later than the chain's own latest block: this router's clock may be ahead
    of the chain's, and a chain without traffic makes no blocks that would catch up with work done
    since. If the chain has not reached the window at all, it is the window's first second: the
    batch is refused until the chain is there, and passes as soon as it is.

    Args:
        latest: when the latest of the work was done.
        window: the window of the work, by index.
        window_s: seconds in a window.
        now: the time of the chain's latest block.
    """
    return max(window * window_s, min(latest, now))


def make(
    sql: Sql,
    totals: Mapping[str, int],
    leaves: Sequence[bytes],
    *,
    funding: int,
    version: int,
    total: int,
    work_at: int | None,
    uri_base: str | None,
    now: int,
) -> BatchRecord:
    """Return a batch of sessions' running totals and the leaves it anchors; nothing is stored.

    Raises:
        Error: a voucher session has no voucher for its total (`ledger_unsound`).
    """
    root = "0x" + StandardMerkleTree(leaves).root.hex()
    return BatchRecord(
        number=0,
        root=root,
        version=version,
        count=len(leaves),
        uri=f"{uri_base}{root}" if uri_base else "",
        items=[
            int(session, 16) << CUMULATIVE_BITS | cumulative
            for session, cumulative in totals.items()
        ],
        total=total,
        state="built",
        created_at=now,
        tx_hash=None,
        block_number=None,
        gas_used=None,
        gas_price=None,
        funding=funding,
        work_at=work_at,
        signatures=_signatures(sql, totals.items()) if funding == VOUCHER else [],
    )


def _signatures(sql: Sql, totals: Iterable[tuple[str, int]]) -> list[tuple[str, str]]:
    """Return each session's voucher as (r, vs), EIP-2098: v is the top bit of s."""
    found = []
    for session, total in totals:
        text = voucher_of(sql, session, str(total))
        if text is None:
            raise Error(f"{session}: no voucher for {total} wei", code="ledger_unsound")
        raw = bytes.fromhex(text[2:])
        vs = int.from_bytes(raw[32:64], "big") | (raw[64] - V_OFFSET) << 255
        found.append((to_hex(raw[:32]), to_hex(vs.to_bytes(32, "big"))))
    return found


def insert(sql: Sql, batch: BatchRecord) -> None:
    """Store a batch that was made; its number is the next."""
    sql.execute(
        "INSERT INTO batches (root, funding, version, count, uri, items, work_at, data, total,"
        " state, created_at) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
        (
            batch.root,
            batch.funding,
            batch.version,
            batch.count,
            batch.uri,
            msgspec.json.encode([str(item) for item in batch.items]),
            batch.work_at,
            msgspec.json.encode(batch.signatures) if batch.funding == VOUCHER else None,
            str(batch.total),
            batch.state,
            batch.created_at,
        ),
    )


def batch_of(row: Row) -> BatchRecord:
    """Build a batch record from a row of batches."""
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
        block_hash=row["block_hash"],
        finality=row["finality"],
    )


def leaf_of(row: Row) -> LeafRecord:
    """Build a leaf record from a row of leaves."""
    return LeafRecord(
        batch=row["batch"],
        position=row["position"],
        receipt_id=row["receipt_id"],
        session=row["session"],
        index=row["leaf_index"],
        cumulative=int(row["cumulative"]),
        leaf=row["leaf"],
    )
