# SPDX-License-Identifier: Apache-2.0
"""Accounts, reservations and the one transaction that charges.

INV-L1, per session and at every commit: `spent` is the sum of its receipts' charges, `reserved`
the sum of its open reservations, and spent + reserved never exceeds the deposit. What a stake
session can draw ends with its window, so there it holds at each reservation, by the last refresh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cortensor.errors import Conflict, Error, NotFound, PaymentRequired
from cortensor.pricing.quota import MICRO_WEI, micro_of
from cortensor.store.api_keys import audit_keys, charge_key, drop_hold, hold_key
from cortensor.store.records import (
    STAKE,
    STATE_CLOSED,
    VOUCHER,
    Account,
    IdempotencyKey,
    ReceiptRecord,
    Replay,
    SessionFacts,
)

if TYPE_CHECKING:
    import sqlite3

    from cortensor.store.sqlite import Database

RECEIPT_COLUMNS = (
    "receipt_id, session, version, charge, digest, signature, body, struct, evidence, request, "
    "surcharge_bps, created_at, request_commitment, authorization"
)

FACTS = SessionFacts.__struct_fields__
CHARGED = "SELECT 1 FROM receipts WHERE session = ? AND request_commitment = ?"
WEI_FACTS = ("deposit", "settled", "task_cap_wei")


class Ledger:
    """The money side of the store.

    Args:
        database: an open database; the caller closes it.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def recover(self) -> list[str]:
        """Release every open reservation and return their ids.

        Call once at start, holding the router's lock: whoever made them is dead, and work that
        did not commit is not charged.
        """
        with self._db.transaction() as sql:
            ids = [str(row["id"]) for row in sql.execute("SELECT id FROM reservations")]
            sql.execute("DELETE FROM api_key_holds")
            sql.execute("DELETE FROM reservations")
            sql.execute("UPDATE payment_sessions SET reserved = '0'")
        return ids

    def account(self, session: str) -> Account | None:
        """Return a known session's account."""
        row = self._db.row("SELECT * FROM payment_sessions WHERE session = ?", session)
        return _account(row) if row is not None else None

    def refresh(self, facts: SessionFacts) -> Account:
        """Store what the chain says of a session and return its account.

        A closed session keeps the deposit it had: the payer's withdrawal does not undo charges.

        Raises:
            Conflict: the chain has settled more than this ledger ever assigned, so the ledger
                is not the session's full history and must not sign new indexes for it.
        """
        with self._db.transaction() as sql:
            found = sql.execute(
                "SELECT * FROM payment_sessions WHERE session = ?", (facts.session,)
            ).fetchone()
            known = _account(found) if found is not None else None
            assigned = known.cumulative if known else 0
            if facts.funding == STAKE:  # settles in whole micro-COR
                assigned = micro_of(assigned) * MICRO_WEI
            if facts.settled > assigned:
                raise Conflict(
                    "the chain has settled more for this session than this router's ledger "
                    "holds; restore the ledger's latest copy",
                    field="session_id",
                    code="ledger_behind_chain",
                )
            deposit = facts.deposit
            if known and facts.state == STATE_CLOSED:
                deposit = max(deposit, known.facts.deposit)
            columns = ", ".join(FACTS)
            marks = ",".join("?" * len(FACTS))
            updates = ", ".join(f"{name} = excluded.{name}" for name in FACTS[1:])
            values = {name: getattr(facts, name) for name in FACTS} | {"deposit": deposit}
            sql.execute(
                f"INSERT INTO payment_sessions ({columns}) VALUES ({marks})"  # noqa: S608  constant names
                f" ON CONFLICT (session) DO UPDATE SET {updates}",
                [str(values[name]) if name in WEI_FACTS else values[name] for name in FACTS],
            )
            return account_of(sql, facts.session)

    def reserve(
        self,
        session: str,
        reservation: str,
        amount: int,
        now: int,
        credit: int | None = None,
        key: str | None = None,
    ) -> None:
        """Set `amount` wei aside.

        Args:
            session: the session.
            reservation: a name for it.
            amount: wei.
            now: unix seconds.
            credit: wei that a voucher session may have unsigned before more work; None for any.
            key: hash of the API key whose budgets it is held to as well, if any.

        Raises:
            Unauthorized: the key counts for nothing any more.
            PaymentRequired: the deposit does not cover it beside what is spent and reserved
                (`over_budget`), or a voucher is needed first (`voucher_needed`), or the key's
                budgets do not (`key_over_budget`).
            NotFound: the session was never read from the chain.
        """
        with self._db.transaction() as sql:
            account = account_of(sql, session)
            if (
                credit is not None
                and account.facts.funding == VOUCHER
                and account.unsigned > credit
            ):
                raise PaymentRequired(
                    f"{account.unsigned} wei are charged or reserved beyond the last voucher",
                    field="X-Cortensor-Voucher",
                    code="voucher_needed",
                )
            if amount > account.available:
                raise PaymentRequired(
                    f"needs {amount} wei, the session has {account.available} wei left",
                    field="session_id",
                    code="over_budget",
                )
            if key is not None:
                hold_key(sql, key, reservation, amount, now)
            sql.execute(
                "INSERT INTO reservations (id, session, amount, created_at) VALUES (?,?,?,?)",
                (reservation, session, str(amount), now),
            )
            sql.execute(
                "UPDATE payment_sessions SET reserved = ? WHERE session = ?",
                (str(account.reserved + amount), session),
            )

    def release(self, reservation: str) -> None:
        """Drop a reservation without a charge; harmless when it is gone."""
        with self._db.transaction() as sql:
            _free(sql, reservation)

    def commit(
        self,
        reservation: str,
        record: ReceiptRecord,
        response: tuple[int, bytes],
        key: IdempotencyKey | None,
        card: bytes,
    ) -> int:
        """Charge, store the receipt and the answer, and drop the reservation: all or nothing.

        Returns:
            The session's running total with this charge, in wei.

        Args:
            reservation: the open reservation of the request.
            record: the signed receipt; its charge is what the session pays.
            response: HTTP status and body, returned again for the same idempotency key.
            key: the caller's key, if any.
            card: JSON of the rate card of `record.version`, kept for bundles.

        Raises:
            NotFound: the reservation is gone (released by a recovery).
            Conflict: the idempotency key is taken, or the session was charged for a receipt
                with this commitment before (`request_already_charged`).
            Error: the charge exceeds the reservation; nothing is charged.
        """
        with self._db.transaction() as sql:
            charge_key(sql, reservation, record.charge)
            reserved = _free(sql, reservation)
            if reserved is None:
                raise NotFound("the reservation is gone", code="unknown_reservation")
            if record.charge > reserved:
                raise Error("charge exceeds the reservation", code="charge_over_reservation")
            account = account_of(sql, record.session)
            if _is_charged(sql, record.session, record.request_commitment):
                raise already_charged()
            total = account.spent + record.charge
            sql.execute(
                f"INSERT INTO receipts ({RECEIPT_COLUMNS}, running_total)"  # noqa: S608  constant column list
                " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    record.receipt_id,
                    record.session,
                    record.version,
                    str(record.charge),
                    record.digest,
                    record.signature,
                    record.body,
                    record.struct,
                    record.evidence,
                    record.request,
                    record.surcharge_bps,
                    record.created_at,
                    record.request_commitment,
                    record.authorization,
                    str(total),
                ),
            )
            sql.execute(
                "UPDATE payment_sessions SET spent = ? WHERE session = ?",
                (str(total), record.session),
            )
            sql.execute(
                "INSERT OR IGNORE INTO cards (version, card) VALUES (?,?)", (record.version, card)
            )
            if key is not None:
                taken = sql.execute(
                    "SELECT 1 FROM idempotency WHERE session = ? AND key = ?",
                    (record.session, key.key),
                ).fetchone()
                if taken is not None:
                    raise Conflict("idempotency key already used", code="idempotency_conflict")
                sql.execute(
                    "INSERT INTO idempotency (session, key, request_hash, status, response,"
                    " receipt_id, created_at) VALUES (?,?,?,?,?,?,?)",
                    (
                        record.session,
                        key.key,
                        key.request_hash,
                        response[0],
                        response[1],
                        record.receipt_id,
                        record.created_at,
                    ),
                )
            return total

    def is_charged(self, session: str, commitment: str) -> bool:
        """Return whether a session was charged for a request."""
        return self._db.row(CHARGED, session, commitment) is not None

    def replay(self, session: str, key: str) -> Replay | None:
        """Return what was answered to an idempotency key, if anything was charged for it."""
        row = self._db.row(
            "SELECT i.request_hash, i.status, i.response, i.receipt_id, r.running_total"
            " FROM idempotency i JOIN receipts r USING (receipt_id)"
            " WHERE i.session = ? AND i.key = ?",
            session,
            key,
        )
        if row is None:
            return None
        total = None if row["running_total"] is None else int(row["running_total"])
        return Replay(row["request_hash"], row["status"], row["response"], row["receipt_id"], total)

    def receipt(self, receipt_id: str) -> ReceiptRecord | None:
        """Return a receipt by its 0x id."""
        row = self._db.row(
            f"SELECT {RECEIPT_COLUMNS} FROM receipts WHERE receipt_id = ?",  # noqa: S608  constant column list
            receipt_id,
        )
        return None if row is None else receipt_of(row)

    def card(self, version: int) -> bytes | None:
        """Return the JSON of a rate card some receipt was priced with."""
        row = self._db.row("SELECT card FROM cards WHERE version = ?", version)
        return None if row is None else bytes(row["card"])

    def ping(self) -> None:
        """Return if the database can be read. Cheap, and waits for no writer of another process.

        Raises:
            Unavailable: it cannot.
        """
        self._db.rows("SELECT 1 FROM payment_sessions LIMIT 1")

    def audit(self) -> list[str]:
        """Return every violation of INV-L1 and INV-K1, one sentence each; empty when all holds."""
        with self._db.transaction() as sql:
            found = audit_keys(sql)
            for row in sql.execute("SELECT * FROM payment_sessions").fetchall():
                account = _account(row)
                name = account.facts.session
                charges = _sum(sql, "SELECT charge FROM receipts WHERE session = ?", name)
                held = _sum(sql, "SELECT amount FROM reservations WHERE session = ?", name)
                if account.spent != charges:
                    found.append(f"{name}: spent {account.spent}, receipts sum to {charges}")
                if account.reserved != held:
                    found.append(f"{name}: reserved {account.reserved}, reservations {held}")
                is_bounded = account.facts.funding != STAKE
                if is_bounded and account.spent + account.reserved > account.facts.deposit:
                    found.append(f"{name}: spent and reserved exceed {account.facts.deposit}")
                for what, amount in (
                    ("assigned", account.cumulative),
                    ("vouchered", account.vouchered),
                ):
                    if amount > account.spent:
                        found.append(f"{name}: {what} {amount} of {account.spent} spent")
        return found


def receipt_of(row: sqlite3.Row) -> ReceiptRecord:
    """Build a receipt record from a row with RECEIPT_COLUMNS."""
    values = {name: row[name] for name in RECEIPT_COLUMNS.split(", ")}
    values["charge"] = int(values["charge"])
    return ReceiptRecord(**values)


def already_charged() -> Conflict:
    """Return the refusal of a request that the session was charged for."""
    return Conflict(
        "the session was charged for this request; sign it again with a new salt",
        field="X-Cortensor-Request-Salt",
        code="request_already_charged",
    )


def _is_charged(sql: sqlite3.Connection, session: str, commitment: str | None) -> bool:
    return sql.execute(CHARGED, (session, commitment)).fetchone() is not None


def _sum(sql: sqlite3.Connection, query: str, session: str) -> int:
    return sum(int(row[0]) for row in sql.execute(query, (session,)))


def account_of(sql: sqlite3.Connection, session: str) -> Account:
    """Return a session's account. Raises NotFound if it was never read from the chain."""
    row = sql.execute("SELECT * FROM payment_sessions WHERE session = ?", (session,)).fetchone()
    if row is None:
        raise NotFound("unknown payment session", field="session_id", code="unknown_session")
    return _account(row)


def _free(sql: sqlite3.Connection, reservation: str) -> int | None:
    row = sql.execute(
        "SELECT session, amount FROM reservations WHERE id = ?", (reservation,)
    ).fetchone()
    if row is None:
        return None
    amount = int(row["amount"])
    account = account_of(sql, row["session"])
    drop_hold(sql, reservation)
    sql.execute("DELETE FROM reservations WHERE id = ?", (reservation,))
    sql.execute(
        "UPDATE payment_sessions SET reserved = ? WHERE session = ?",
        (str(account.reserved - amount), row["session"]),
    )
    return amount


def _account(row: sqlite3.Row) -> Account:
    values: dict[str, Any] = {name: row[name] for name in FACTS}
    facts = SessionFacts(**values | {name: int(row[name]) for name in WEI_FACTS})
    return Account(
        facts=facts,
        spent=int(row["spent"]),
        reserved=int(row["reserved"]),
        next_index=row["next_index"],
        cumulative=int(row["cumulative"]),
        vouchered=int(row["vouchered"]),
    )
