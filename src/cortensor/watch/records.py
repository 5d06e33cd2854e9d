# SPDX-License-Identifier: Apache-2.0
"""Rows of the watcher's state. Numbers are hex of one width, so that text sorts as they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from cortensor.receipts.typed import ReceiptStruct
from cortensor.watch.leaves import make_leaf

if TYPE_CHECKING:
    import sqlite3

    from cortensor.receipts.typed import Domain
    from cortensor.watch.checks import Finding
    from cortensor.watch.leaves import Leaf

LEAF_COLUMNS = (
    "anchorer, root, block, session, leaf_index, cumulative, hashed, receipt_id, commitment,"
    " is_signed, struct, signature, proof, counts"
)


def hex40(session: int) -> str:
    """Return a session's id as text."""
    return f"{session:040x}"


def hex24(wei: int) -> str:
    """Return wei as text."""
    return f"{wei:024x}"


def hex16(index: int) -> str:
    """Return a leaf's index as text."""
    return f"{index:016x}"


class BatchRow(Struct, frozen=True):
    """An anchored batch that is not checked yet."""

    anchorer: str
    root: str
    count: int
    uri: str
    block: int
    tries: int


class DemandRow(Struct, frozen=True):
    """An open demand, known by session, index and the total in wei of when it was made.

    `challengeable_until` is 0 until it is answered.
    """

    session: int
    index: int
    settled: int
    challenger: str
    answer_by: int
    challengeable_until: int


class FindingRow(Struct, frozen=True):
    """A finding as it stands.

    `leaves` names them as (hash, root, anchorer); `signed` is the struct's JSON and the signature
    of a finding of kind `signed`. `state` is open, done (acted upon), closed (nothing to do any
    more) or noted (nothing can be done); `outcome` says how.
    """

    key: str
    kind: str
    session: int
    index: int
    root: str | None
    excess: int
    detail: str
    leaves: list[tuple[str, str, str]]
    signed: tuple[dict[str, str], str] | None
    seen_at: int
    state: str
    outcome: str


def insert_leaf(
    sql: sqlite3.Connection, leaf: Leaf, *, is_signed: bool, block: int, counts: bool = True
) -> None:
    """Store a leaf of a batch, or one that an answer showed with its proof.

    One that does not count is kept for its batch's other proofs, and never found by its place.
    """
    proof = None
    if leaf.proof is not None:
        proof = msgspec.json.encode([node.hex() for node in leaf.proof])
    values = (
        leaf.anchorer,
        leaf.root,
        block,
        hex40(leaf.session),
        hex16(leaf.index),
        hex24(leaf.cumulative),
        leaf.hashed.hex(),
        leaf.receipt.receipt_id.hex(),
        leaf.receipt.request_commitment.hex(),
        int(is_signed),
        msgspec.json.encode(leaf.receipt.to_json()),
        leaf.signature,
        proof,
        int(counts),
    )
    marks = ",".join("?" * len(values))
    sql.execute(f"INSERT INTO leaves ({LEAF_COLUMNS}) VALUES ({marks})", values)  # noqa: S608  constant text


def leaf_of(row: sqlite3.Row, domain: Domain) -> Leaf:
    """Build a leaf from a row with LEAF_COLUMNS."""
    proof = None
    if row["proof"] is not None:
        nodes = msgspec.json.decode(row["proof"], type=list[str])
        proof = tuple(bytes.fromhex(node) for node in nodes)
    return make_leaf(
        ReceiptStruct.from_json(msgspec.json.decode(row["struct"])),
        int(row["leaf_index"], 16),
        int(row["cumulative"], 16),
        bytes(row["signature"]),
        domain,
        (row["root"], row["anchorer"]),
        proof,
    )


def insert_finding(sql: sqlite3.Connection, finding: Finding, block: int, now: int) -> bool:
    """Store a finding unless it is known. Returns whether it was new."""
    leaves = [(leaf.hashed.hex(), leaf.root, leaf.anchorer) for leaf in finding.leaves]
    signed: Any = None
    if finding.signed is not None:
        struct, signature = finding.signed
        signed = (struct.to_json(), signature.hex())
    known = sql.execute("SELECT 1 FROM findings WHERE key = ?", (finding.key,)).fetchone()
    if known is not None:
        return False
    sql.execute(
        "INSERT INTO findings (key, kind, session, leaf_index, root, excess, detail, leaves,"
        " signed, block, seen_at, state) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            finding.key,
            finding.kind,
            hex40(finding.session),
            hex16(finding.index),
            finding.root,
            hex24(finding.excess),
            finding.detail,
            msgspec.json.encode(leaves),
            msgspec.json.encode(signed),
            block,
            now,
            "noted" if finding.is_only_noted else "open",
        ),
    )
    return True


def finding_of(row: sqlite3.Row) -> FindingRow:
    """Build a finding from its row."""
    return FindingRow(
        key=row["key"],
        kind=row["kind"],
        session=int(row["session"], 16),
        index=int(row["leaf_index"], 16),
        root=row["root"],
        excess=int(row["excess"], 16),
        detail=row["detail"],
        leaves=msgspec.json.decode(row["leaves"], type=list[tuple[str, str, str]]),
        signed=msgspec.json.decode(row["signed"], type=tuple[dict[str, str], str] | None),
        seen_at=row["seen_at"],
        state=row["state"],
        outcome=row["outcome"],
    )


def demand_of(row: sqlite3.Row) -> DemandRow:
    """Build a demand from its row."""
    return DemandRow(
        session=int(row["session"], 16),
        index=int(row["leaf_index"], 16),
        settled=int(row["settled"], 16),
        challenger=row["challenger"],
        answer_by=row["answer_by"],
        challengeable_until=row["challengeable_until"],
    )
