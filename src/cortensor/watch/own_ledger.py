# SPDX-License-Identifier: Apache-2.0
"""A router's ledger, read only: the leaves that demands ask for."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

import msgspec
from msgspec import Struct

from cortensor.errors import InvalidInput, Unavailable
from cortensor.receipts.typed import ReceiptStruct
from cortensor.watch.coverage import settled_as
from cortensor.watch.leaves import read_signature

if TYPE_CHECKING:
    from pathlib import Path

BUSY_TIMEOUT_S = 10.0


class OwnLeaf(Struct, frozen=True):
    """A leaf in the ledger: 0x-hex root, the router's signature, and what a session key signed."""

    receipt: ReceiptStruct
    index: int
    cumulative: int
    signature: bytes
    hashed: bytes
    root: str
    authorization: bytes | None


class RequestSignature(Struct, frozen=True):
    """A session key's word on a request: the most it may cost in wei, and the signature."""

    max_charge: int
    signature: bytes


class _Authorization(Struct):
    """What the ledger keeps of a session key's word: wei, and 0x hex."""

    max_charge: str | int
    signature: str


class OwnLedger:
    """The ledger of the router that the watcher answers for; nothing in it is changed.

    Args:
        path: the router's database.

    Raises:
        InvalidInput: there is no such file.
        Unavailable: it is no ledger.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise InvalidInput(f"no file {path}", field="answer-for-ledger")
        address = f"file:{quote(str(path.absolute()))}?mode=ro"
        self._connection = sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S)
        self._connection.row_factory = sqlite3.Row
        try:
            self._rows("SELECT 1 FROM leaves LIMIT 1")
            columns = {row["name"] for row in self._rows("PRAGMA table_info(receipts)")}
        except Unavailable:
            self.close()
            raise
        # A ledger from before session keys has no such column.
        self._authorization = "r.authorization" if "authorization" in columns else "NULL"

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def is_own(self, session: int) -> bool:
        """Return whether the router works for a session."""
        query = "SELECT 1 FROM payment_sessions WHERE session = ?"
        return bool(self._rows(query, f"0x{session:040x}"))

    def find(self, session: int, index: int, settled: int, *, is_stake: bool) -> OwnLeaf | None:
        """Return the leaf that a demand asks for, or None if the ledger has none.

        Args:
            session: the session.
            index: the index demanded; 0 for the leaf of the settled total.
            settled: the total when it was demanded, in wei.
            is_stake: whether StakeQuota pays for the session.
        """
        if index > 0:
            found = self._leaves(session, "AND l.leaf_index = ?", index)
            if found:
                return found[0]
        totals = [
            leaf
            for leaf in self._leaves(session, "ORDER BY l.leaf_index")
            if settled_as(leaf.cumulative, is_stake=is_stake) == settled
        ]
        # Beyond the settled total there is nothing to show but its leaf.
        return next((leaf for leaf in totals if index == 0 or leaf.index < index), None)

    def hashes(self, root: str) -> list[bytes]:
        """Return the leaves of a batch, hashed."""
        rows = self._rows("SELECT leaf FROM leaves WHERE batch = ? ORDER BY position", root)
        return [bytes.fromhex(row["leaf"].removeprefix("0x")) for row in rows]

    def _leaves(self, session: int, rest: str, *values: object) -> list[OwnLeaf]:
        rows = self._rows(
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

    def _rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise Unavailable(f"the router's ledger: {error}", code="ledger_unavailable") from error


def request_signature(authorization: bytes | None) -> RequestSignature | None:
    """Return what a session key signed for a request; None for nothing that can be used."""
    if authorization is None:
        return None
    try:
        found = msgspec.json.decode(authorization, type=_Authorization)
        signature = read_signature(found.signature)
        return RequestSignature(int(found.max_charge), signature) if signature else None
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None
