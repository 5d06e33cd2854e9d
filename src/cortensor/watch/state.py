# SPDX-License-Identifier: Apache-2.0
"""What a watcher remembers: blocks seen, batches, leaves, findings, demands, transactions.

Everything a run of blocks brings is stored in one transaction with the number of the next block, so
that a kill at any moment repeats a run or skips none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from cortensor.errors import Conflict
from cortensor.watch.cases import Cases, apply_event
from cortensor.watch.database import WatchDatabase
from cortensor.watch.moves import Moves, insert_moves
from cortensor.watch.records import (
    LEAF_COLUMNS,
    BatchRow,
    hex16,
    hex40,
    insert_finding,
    insert_leaf,
    leaf_of,
)
from cortensor.watch.session_facts import SessionFacts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from cortensor.chain.observed import (
        BatchAnchored,
        DisputeEvent,
        Enrolled,
        Head,
        MovedBatch,
        SettlerSet,
    )
    from cortensor.chain.pending_moves import Move
    from cortensor.receipts.typed import Domain
    from cortensor.watch.checks import Finding
    from cortensor.watch.leaves import Leaf

KEPT_PASSES = 256
SECRET_BYTES = 32
TABLES_BY_BLOCK = (
    "batches",
    "leaves",
    "settlements",
    "moves",
    "enrolments",
    "findings",
    "demands",
    "proven",
)


class State:
    """One watcher's state, of one SessionPayment on one chain.

    Args:
        path: the SQLite file, created if missing.
        domain: the chain and contract it belongs to.

    Raises:
        Conflict: the file belongs to another chain or contract (`wrong_state`).
    """

    def __init__(self, path: Path, domain: Domain) -> None:
        self.database = WatchDatabase(path)
        self.cases = Cases(self.database)
        self.moves = Moves(self.database)
        self.sessions = SessionFacts(self.database)
        self._domain = domain
        about = {
            "chain_id": str(domain.chain_id),
            "session_payment": domain.session_payment.lower(),
        }
        with self.database.transaction() as sql:
            for name, value in about.items():
                sql.execute("INSERT OR IGNORE INTO facts VALUES (?,?)", (name, value))
        for name, value in about.items():
            known = self._fact(name)
            if known != value:
                self.database.close()
                raise Conflict(
                    f"{path} is about {name} {known}, not {value}",
                    field="state",
                    code="wrong_state",
                )

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fact(self, name: str) -> str | None:
        row = self.database.row("SELECT value FROM facts WHERE name = ?", name)
        return None if row is None else str(row["value"])

    def secret(self, make: Callable[[int], bytes]) -> bytes:
        """Return the file's own 32 random bytes; `make` gives them the first time."""
        with self.database.transaction() as sql:
            made = make(SECRET_BYTES).hex()
            sql.execute("INSERT OR IGNORE INTO facts VALUES ('secret', ?)", (made,))
        return bytes.fromhex(self._fact("secret") or "")

    # Blocks

    def next_block(self) -> int | None:
        """Return the first block that was not looked at, or None if none was."""
        found = self._fact("next_block")
        return None if found is None else int(found)

    def passes(self) -> list[tuple[int, str]]:
        """Return (block, hash) where passes ended, newest first."""
        rows = self.database.rows("SELECT block, block_hash FROM passes ORDER BY block DESC")
        return [(row["block"], row["block_hash"]) for row in rows]

    def advance(
        self,
        end: Head,
        *,
        settlers: Iterable[SettlerSet],
        batches: Iterable[BatchAnchored],
        settled: Iterable[tuple[int, int]],
        moved: Iterable[tuple[MovedBatch, list[Move]]],
        enrolled: Iterable[Enrolled],
        disputes: Iterable[DisputeEvent],
    ) -> None:
        """Store a run of blocks that ended at `end`, all or nothing.

        Args:
            end: its last block.
            settlers: who became a settler.
            batches: what was anchored, by anybody.
            settled: (session, block) of what was settled.
            moved: batches with what they moved, in order.
            enrolled: which stake sessions got accounts.
            disputes: what happened in disputes, in order.
        """
        with self.database.transaction() as sql:
            self.add_settlers(settlers, sql)
            for batch in batches:
                sql.execute(
                    "INSERT OR IGNORE INTO batches (anchorer, root, count, uri, block, state)"
                    " VALUES (?,?,?,?,?,'waiting')",
                    (batch.anchorer, batch.root, batch.count, batch.uri, batch.block),
                )
            for session, block in settled:
                sql.execute(
                    "INSERT INTO settlements (session, block) VALUES (?,?)"
                    " ON CONFLICT (session) DO UPDATE SET block = excluded.block, is_covered = 0",
                    (hex40(session), block),
                )
            insert_moves(sql, moved)
            sql.executemany(
                "INSERT OR IGNORE INTO enrolments VALUES (?,?)",
                [(hex40(found.session), found.block) for found in enrolled],
            )
            for event in disputes:
                apply_event(sql, event)
            sql.execute(
                "INSERT OR REPLACE INTO facts VALUES ('next_block', ?)", (str(end.number + 1),)
            )
            sql.execute("INSERT OR REPLACE INTO passes VALUES (?,?)", (end.number, end.block_hash))
            sql.execute(
                "DELETE FROM passes WHERE block NOT IN"
                " (SELECT block FROM passes ORDER BY block DESC LIMIT ?)",
                (KEPT_PASSES,),
            )

    def rewind(self, block: int) -> None:
        """Forget what came after a block, which a reorganisation undid.

        Settlers and signed transactions are kept: an account that was never a settler on this
        chain proves nothing, and a transaction is looked up before it is believed.
        """
        with self.database.transaction() as sql:
            for table in TABLES_BY_BLOCK:
                sql.execute(f"DELETE FROM {table} WHERE block > ?", (block,))  # noqa: S608  constant names
            for column in ("answered_block", "closed_block"):
                sql.execute(
                    f"UPDATE demands SET {column} = NULL WHERE {column} > ?",  # noqa: S608  constant names
                    (block,),
                )
            sql.execute("UPDATE demands SET challengeable_until = 0 WHERE answered_block IS NULL")
            sql.execute("DELETE FROM passes WHERE block > ?", (block,))
            sql.execute("DELETE FROM pins")
            sql.execute("UPDATE settlements SET is_covered = 0")
            sql.execute("INSERT OR REPLACE INTO facts VALUES ('next_block', ?)", (str(block + 1),))

    # Settlers

    def add_settlers(
        self, settlers: Iterable[SettlerSet], sql: sqlite3.Connection | None = None
    ) -> None:
        """Remember who settles for which router."""
        values = [(found.router_id, found.settler) for found in settlers]
        if sql is not None:
            sql.executemany("INSERT OR IGNORE INTO settlers VALUES (?,?)", values)
            return
        with self.database.transaction() as opened:
            opened.executemany("INSERT OR IGNORE INTO settlers VALUES (?,?)", values)

    def settlers(self) -> dict[int, set[str]]:
        """Return every account that settles or ever settled, by router."""
        found: dict[int, set[str]] = {}
        for row in self.database.rows("SELECT router, settler FROM settlers"):
            found.setdefault(row["router"], set()).add(row["settler"])
        return found

    # Batches and leaves

    def waiting(
        self, limit: int, routers: Sequence[int] = (), *, is_retry: bool = True
    ) -> list[BatchRow]:
        """Return batches that are not checked yet, those tried least first.

        Only those of settlers, since leaves of others count for nothing; `routers` narrows it.
        Without `is_retry` only those that were never tried.
        """
        chosen = ",".join(str(int(router)) for router in routers)
        among = f"WHERE router IN ({chosen})" if routers else ""
        tried = "" if is_retry else "AND tries = 0"
        rows = self.database.rows(
            "SELECT anchorer, root, count, uri, block, tries FROM batches"  # noqa: S608  integers
            f" WHERE state = 'waiting' AND anchorer IN (SELECT settler FROM settlers {among})"
            f" {tried} ORDER BY tries, block LIMIT ?",
            limit,
        )
        return [BatchRow(**dict(row)) for row in rows]

    def count_waiting(self) -> int:
        """Return how many batches were tried and not had."""
        row = self.database.row(
            "SELECT COUNT(*) FROM batches WHERE state = 'waiting' AND tries > 0"
        )
        return 0 if row is None else int(row[0])

    def tried(self, batch: BatchRow) -> None:
        """Note that a batch could not be fetched."""
        with self.database.transaction() as sql:
            sql.execute(
                "UPDATE batches SET tries = tries + 1 WHERE anchorer = ? AND root = ?",
                (batch.anchorer, batch.root),
            )

    def accept(
        self,
        batch: BatchRow,
        leaves: Sequence[tuple[Leaf, bool | None]],
        findings: Sequence[Finding],
        now: int,
    ) -> None:
        """Store a checked batch with its leaves and findings.

        Each leaf comes with whether it is signed; None for one that counts against nobody.
        """
        with self.database.transaction() as sql:
            for leaf, is_signed in leaves:
                counts = is_signed is not None
                insert_leaf(sql, leaf, is_signed=bool(is_signed), block=batch.block, counts=counts)
            for finding in findings:
                insert_finding(sql, finding, batch.block, now)
            _look_again(sql, {leaf.session for leaf, _ in leaves})
            sql.execute(
                "UPDATE batches SET state = 'checked' WHERE anchorer = ? AND root = ?",
                (batch.anchorer, batch.root),
            )

    def add_shown(
        self, leaf: Leaf, findings: Sequence[Finding], *, is_signed: bool, block: int, now: int
    ) -> None:
        """Store a leaf that an answer showed; if it is known, only that it is signed after all."""
        with self.database.transaction() as sql:
            _look_again(sql, {leaf.session})
            known = sql.execute(
                "SELECT 1 FROM leaves WHERE counts AND session = ? AND hashed = ?",
                (hex40(leaf.session), leaf.hashed.hex()),
            ).fetchone()
            if known is not None:
                sql.execute(
                    "UPDATE leaves SET is_signed = max(is_signed, ?), signature = ?"
                    " WHERE counts AND session = ? AND hashed = ?",
                    (int(is_signed), leaf.signature, hex40(leaf.session), leaf.hashed.hex()),
                )
                return
            insert_leaf(sql, leaf, is_signed=is_signed, block=block)
            for finding in findings:
                insert_finding(sql, finding, block, now)

    def was_shown(self, leaf: Leaf) -> bool:
        """Return whether an answer showed the leaf before its batch was checked."""
        found = self.database.row(
            "SELECT 1 FROM leaves WHERE session = ? AND hashed = ? AND proof IS NOT NULL",
            hex40(leaf.session),
            leaf.hashed.hex(),
        )
        return found is not None

    def at(self, session: int, index: int) -> list[Leaf]:
        """Return the leaves at an index of a session, the first four of them."""
        return self._leaves(
            "counts AND session = ? AND leaf_index = ? ORDER BY number LIMIT 4",
            hex40(session),
            hex16(index),
        )

    def repeats(self, leaf: Leaf) -> list[Leaf]:
        """Return leaves of its session at other indexes with its receipt id or commitment."""
        session, index = hex40(leaf.session), hex16(leaf.index)
        found: list[Leaf] = []
        for column, value in (
            ("receipt_id", leaf.receipt.receipt_id.hex()),
            ("commitment", leaf.receipt.request_commitment.hex()),
        ):
            found += self._leaves(
                f"counts AND session = ? AND {column} = ? AND leaf_index != ?"
                " ORDER BY leaf_index LIMIT 1",
                session,
                value,
                index,
            )
        return sorted(found, key=lambda other: other.index)

    def places(self, session: int) -> list[tuple[int, int]]:
        """Return (index, cumulative) of a session's leaves that a settler signed."""
        rows = self.database.rows(
            "SELECT leaf_index, cumulative FROM leaves WHERE session = ? AND is_signed = 1",
            hex40(session),
        )
        return [(int(row["leaf_index"], 16), int(row["cumulative"], 16)) for row in rows]

    def by_receipt(self, session: int, receipt_id: bytes) -> list[Leaf]:
        """Return the leaves of a receipt."""
        return self._leaves(
            "counts AND session = ? AND receipt_id = ?", hex40(session), receipt_id.hex()
        )

    def leaf(self, hashed: str, root: str, anchorer: str) -> Leaf | None:
        """Return a leaf by its hash and batch."""
        found = self._leaves(
            "hashed = ? AND root = ? AND anchorer = ? LIMIT 1", hashed, root, anchorer
        )
        return found[0] if found else None

    def hashes(self, root: str, anchorer: str) -> list[bytes]:
        """Return all leaves of a checked batch, hashed."""
        rows = self.database.rows(
            "SELECT hashed FROM leaves WHERE root = ? AND anchorer = ? AND proof IS NULL",
            root,
            anchorer,
        )
        return [bytes.fromhex(row["hashed"]) for row in rows]

    def count_leaves(self) -> int:
        """Return how many leaves are known."""
        row = self.database.row("SELECT COUNT(*) FROM leaves")
        return 0 if row is None else int(row[0])

    def _leaves(self, where: str, *values: str) -> list[Leaf]:
        rows = self.database.rows(f"SELECT {LEAF_COLUMNS} FROM leaves WHERE {where}", *values)  # noqa: S608  constant text
        return [leaf_of(row, self._domain) for row in rows]


def _look_again(sql: sqlite3.Connection, sessions: Iterable[int]) -> None:
    sql.executemany(
        "UPDATE settlements SET is_covered = 0 WHERE session = ?",
        [(hex40(session),) for session in sessions],
    )
