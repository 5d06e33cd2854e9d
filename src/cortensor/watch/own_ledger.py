# SPDX-License-Identifier: Apache-2.0
"""A router's ledger, read only: the leaves that demands ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import msgspec
from msgspec import Struct

from cortensor.receipts.typed import ReceiptStruct
from cortensor.store.reading import ReadOnlyLedger
from cortensor.watch.coverage import settled_as
from cortensor.watch.leaves import read_signature
from cortensor.watch.requested import UNREADABLE, RequestSignature, read_request_signature

if TYPE_CHECKING:
    from cortensor.store.address import DatabaseAddress


class OwnLeaf(Struct, frozen=True):
    """A leaf in the ledger: 0x-hex root, the router's signature, and what a session key signed."""

    receipt: ReceiptStruct
    index: int
    cumulative: int
    signature: bytes
    hashed: bytes
    root: str
    authorization: bytes | None


class OwnLedger:
    """The ledger of the router that the watcher answers for; nothing in it is changed.

    Args:
        address: the router's database.

    Raises:
        InvalidInput: there is no such file.
        Unavailable: it is no ledger.
    """

    def __init__(self, address: DatabaseAddress) -> None:
        self._ledger = ReadOnlyLedger(address, "leaves", "answer-for-ledger")
        columns = self._ledger.columns("receipts")
        # A ledger from before session keys has no such column.
        self._authorization = "r.authorization" if "authorization" in columns else "NULL"

    def close(self) -> None:
        """Close it."""
        self._ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def is_own(self, session: int) -> bool:
        """Return whether the router works for a session."""
        query = "SELECT 1 FROM payment_sessions WHERE session = ?"
        return bool(self._ledger.rows(query, f"0x{session:040x}"))

    def find(self, session: int, index: int, settled: int, *, is_stake: bool) -> list[OwnLeaf]:
        """Return the leaves that a demand may be answered with; none if the ledger has none.

        The one at the index comes first, but counts only if it was anchored before the demand;
        the one of the total stands for all that came later.

        Args:
            session: the session.
            index: the index demanded; 0 for the leaf of the settled total.
            settled: the total when it was demanded, in wei.
            is_stake: whether StakeQuota pays for the session.
        """
        at_index = self._leaves(session, "AND l.leaf_index = ?", index) if index > 0 else []
        # Beyond the settled total there is nothing to show but its leaf.
        return at_index + [
            leaf
            for leaf in self._leaves(session, "ORDER BY l.leaf_index")
            if settled_as(leaf.cumulative, is_stake=is_stake) == settled
            and (index == 0 or leaf.index < index)
        ]

    def hashes(self, root: str) -> list[bytes]:
        """Return the leaves of a batch, hashed."""
        rows = self._ledger.rows("SELECT leaf FROM leaves WHERE batch = ? ORDER BY position", root)
        return [bytes.fromhex(row["leaf"].removeprefix("0x")) for row in rows]

    def _leaves(self, session: int, rest: str, *values: object) -> list[OwnLeaf]:
        rows = self._ledger.rows(
            "SELECT l.leaf_index, l.cumulative, l.leaf, l.batch, r.struct, r.signature,"  # noqa: S608  constant text
            f" {self._authorization} AS word"
            " FROM leaves l JOIN receipts r USING (receipt_id) JOIN batches b ON b.root = l.batch"
            f" WHERE l.session = ? AND b.state = 'confirmed' {rest}",
            f"0x{session:040x}",
            *values,
        )
        return [
            OwnLeaf(
                receipt=ReceiptStruct.from_json(msgspec.json.decode(row["struct"])),
                index=row["leaf_index"],
                cumulative=int(row["cumulative"]),
                signature=read_signature(row["signature"]),
                hashed=bytes.fromhex(row["leaf"].removeprefix("0x")),
                root=row["batch"],
                authorization=None if row["word"] is None else bytes(row["word"]),
            )
            for row in rows
        ]


def request_signature(authorization: bytes | None) -> RequestSignature | None:
    """Return what a session key signed for a request; None for nothing that can be used."""
    if authorization is None:
        return None
    try:
        found = read_request_signature(msgspec.json.decode(authorization))
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None
    return None if found == UNREADABLE else found
