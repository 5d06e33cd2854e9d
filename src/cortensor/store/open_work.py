# SPDX-License-Identifier: Apache-2.0
"""What of a router's money is not settled, and why. Reads the ledger and writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from cortensor.store.anchored import NOT_FINAL
from cortensor.store.reading import ReadOnlyLedger
from cortensor.store.records import FUNDINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.store.address import DatabaseAddress
    from cortensor.store.database import Row

# How a thing stands: it waits for the next settlement, or is put off until a time; a parked batch
# waits for somebody to ask for it, and a total that is given up can never move.
WAITS, PUT_OFF, PARKED, GIVEN_UP = "waits", "put_off", "parked", "given_up"


class Waiting(Struct, frozen=True):
    """Receipts in no batch: wei of COR, and unix seconds of the oldest, None for none."""

    receipts: int
    charged_wei: str
    oldest_at: int | None


class OpenBatch(Struct, frozen=True):
    """A batch that is not settled: money in wei of COR, times in unix seconds.

    `reason` is the contract's, null if it was not refused; `next_at` when it is tried again.
    """

    root: str
    funding: str
    sessions: int
    receipts: int
    charged_wei: str
    state: str
    reason: str | None
    tries: int
    first_refused_at: int | None
    next_at: int | None


class OpenTotal(Struct, frozen=True):
    """A session's total that a settlement passed over, in wei of COR; as `OpenBatch` otherwise."""

    session_id: str
    funding: str
    cumulative_wei: str
    state: str
    reason: str
    tries: int
    next_at: int | None


class UnfinalBatch(Struct, frozen=True):
    """A settled batch whose block may still be reorganised away; it would then be sent again.

    `finality` is soft or safe; null if the block was not looked at again yet.
    """

    root: str
    receipts: int
    tx_hash: str | None
    block: int | None
    finality: str | None


class OpenWork(Struct, frozen=True):
    """Everything that is not settled for good."""

    waiting: Waiting
    batches: list[OpenBatch]
    totals: list[OpenTotal]
    not_final: list[UnfinalBatch]


def open_work(address: DatabaseAddress) -> OpenWork:
    """Return what of a ledger is not settled.

    Raises:
        InvalidInput: there is no such file.
        Unavailable: it is no ledger, or an older one that no router has opened since.
    """
    with ReadOnlyLedger(address, "refusals") as ledger:
        charges = ledger.rows("SELECT charge, created_at FROM receipts WHERE batch IS NULL")
        batches = ledger.rows(
            "SELECT b.root, b.funding, b.items, b.count, b.total, f.reason, f.tries, f.first_at,"
            " f.next_at FROM batches b LEFT JOIN refusals f ON f.batch = b.root"
            " WHERE b.state != 'confirmed' ORDER BY b.number"
        )
        unfinal: Sequence[Row] = []
        if "finality" in ledger.columns("batches"):
            unfinal = ledger.rows(
                "SELECT root, count, tx_hash, block_number, finality FROM batches"  # noqa: S608  constant condition
                f" WHERE {NOT_FINAL} ORDER BY number"
            )
        totals = ledger.rows(
            "SELECT session, funding, cumulative, reason, tries, next_at FROM skips"
            " ORDER BY session"
        )
    return OpenWork(
        Waiting(
            receipts=len(charges),
            charged_wei=str(sum(int(row["charge"]) for row in charges)),
            oldest_at=min((row["created_at"] for row in charges), default=None),
        ),
        [
            OpenBatch(
                root=row["root"],
                funding=FUNDINGS[row["funding"]],
                sessions=len(msgspec.json.decode(row["items"], type=list[str])),
                receipts=row["count"],
                charged_wei=row["total"],
                state=WAITS if row["reason"] is None else _state(row["next_at"], PARKED),
                reason=row["reason"],
                tries=row["tries"] or 0,
                first_refused_at=row["first_at"],
                next_at=row["next_at"],
            )
            for row in batches
        ],
        [
            OpenTotal(
                session_id=row["session"],
                funding=FUNDINGS[row["funding"]],
                cumulative_wei=row["cumulative"],
                state=_state(row["next_at"], GIVEN_UP),
                reason=row["reason"],
                tries=row["tries"],
                next_at=row["next_at"],
            )
            for row in totals
        ],
        [
            UnfinalBatch(
                row["root"], row["count"], row["tx_hash"], row["block_number"], row["finality"]
            )
            for row in unfinal
        ],
    )


def _state(next_at: int | None, ended: str) -> str:
    return ended if next_at is None else PUT_OFF
