# SPDX-License-Identifier: Apache-2.0
"""Which receipts bear what a transaction cost, and what of a receipt says how it came about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.pricing import MODEL_CLASSES, Terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.store.database import Row
    from cortensor.store.reading import ReadOnlyLedger


class _Replica(Struct):
    session_id: str


class _Consensus(Struct):
    strategy: str
    replicas_requested: int


class _Bill(Struct):
    terms: str


class _Policy(Struct, frozen=True):
    tier: str | None = None


class Made(Struct):
    """What of a receipt's body says how it was made."""

    endpoint: str
    replicas: list[_Replica]
    consensus: _Consensus
    bill: _Bill
    policy: _Policy = _Policy()

    def route(self) -> str:
        """Return how the request was served."""
        model = MODEL_CLASSES[Terms.unpack(int(self.bill.terms, 16)).model_class]
        served_by = ",".join(sorted(replica.session_id for replica in self.replicas))
        return f"{self.endpoint} {model} {served_by}"

    def path(self) -> str:
        """Return how the answer was checked."""
        consensus = self.consensus
        depth = Terms.unpack(int(self.bill.terms, 16)).validator_depth
        return f"{consensus.strategy} of {consensus.replicas_requested}, validation depth {depth}"


def settled_by(ledger: ReadOnlyLedger, root: str) -> tuple[Sequence[Row], Sequence[Row]]:
    """Return a batch's receipts, and those that it anchored once more.

    Rows have `receipt_id`, `session`, `charge`, `body` and the session's `funding`.
    """
    first = ledger.rows(
        "SELECT r.receipt_id, r.session, r.charge, r.body, s.funding FROM receipts r"
        " JOIN payment_sessions s ON s.session = r.session WHERE r.batch = ? ORDER BY r.seq",
        root,
    )
    repeated = ledger.rows(
        "SELECT r.receipt_id, r.session, r.charge, r.body, s.funding FROM receipts r"
        " JOIN payment_sessions s ON s.session = r.session WHERE r.receipt_id IN"
        " (SELECT receipt_id FROM repeats WHERE batch = ?) ORDER BY r.seq",
        root,
    )
    return first, repeated


def released_from(ledger: ReadOnlyLedger, version: int, bucket: int) -> Sequence[Row]:
    """Return the receipts whose money lay in a bucket; rows as of `settled_by`."""
    return ledger.rows(
        "SELECT r.receipt_id, r.session, r.charge, r.body, s.funding FROM receipts r"
        " JOIN payment_sessions s ON s.session = r.session WHERE r.receipt_id IN"
        " (SELECT l.receipt_id FROM leaves l JOIN batches b ON b.root = l.batch"
        "  WHERE b.version = ? AND b.bucket = ?"
        "  UNION SELECT x.receipt_id FROM repeats x JOIN batches b ON b.root = x.batch"
        "  WHERE b.version = ? AND b.bucket = ?) ORDER BY r.seq",
        *(version, bucket, version, bucket),
    )


def receipt_row(ledger: ReadOnlyLedger, receipt_id: str) -> Sequence[Row]:
    """Return a receipt's row, as of `settled_by`; none if there is no such receipt."""
    return ledger.rows(
        "SELECT r.receipt_id, r.session, r.charge, r.body, s.funding FROM receipts r"
        " JOIN payment_sessions s ON s.session = r.session WHERE r.receipt_id = ?",
        receipt_id,
    )
