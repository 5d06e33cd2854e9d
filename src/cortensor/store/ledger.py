# SPDX-License-Identifier: Apache-2.0
"""Accounts, reservations and the one transaction that charges.

INV-L1, per session and at every commit: `spent` is the sum of its receipts' charges, `reserved`
the sum of its open reservations, and spent + reserved never exceeds the deposit. What a stake
session can draw ends with its window, so there it holds at each reservation, by the last refresh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.errors import Conflict, Error, PaymentRequired
from cortensor.pricing.quota import MICRO_WEI, micro_of
from cortensor.receipts.headers import IDEMPOTENCY_HEADER, SALT_HEADER, VOUCHER_HEADER
from cortensor.store.accounts import FACTS, WEI_FACTS, account_of, free, read_account
from cortensor.store.api_keys import audit_keys, hold_key
from cortensor.store.claims import (
    Claim,
    Owners,
    Rival,
    lost_lease,
    rival_of,
    running_now,
)
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
    from cortensor.store.database import Database, Row, Sql

RECEIPT_FIELDS = ReceiptRecord.__struct_fields__
RECEIPT_COLUMNS = ", ".join(f'"{name}"' for name in RECEIPT_FIELDS)  # one is a word of SQL

CHARGED = "SELECT 1 FROM receipts WHERE session = ? AND request_commitment = ?"


class Ledger:
    """The money side of the store.

    Args:
        database: an open database; the caller closes it.
        owner: the process whose reservations these are.
    """

    def __init__(self, database: Database, owner: str) -> None:
        self._db = database
        self._owner = owner
        self._owners = Owners(database, owner)

    def account(self, session: str) -> Account | None:
        """Return a known session's account."""
        row = self._db.row("SELECT * FROM payment_sessions WHERE session = ?", session)
        return read_account(row) if row is not None else None

    def refresh(self, facts: SessionFacts) -> Account:
        """Store what the chain says of a session and return its account.

        A closed session keeps the deposit it had: the payer's withdrawal does not undo charges.

        Raises:
            Conflict: the chain has settled more than this ledger ever assigned, so the ledger
                is not the session's full history and must not sign new indexes for it.
        """
        with self._db.transaction(facts.session) as sql:
            found = sql.execute(
                "SELECT * FROM payment_sessions WHERE session = ?", (facts.session,)
            ).fetchone()
            known = read_account(found) if found is not None else None
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
        claim: Claim | None = None,
    ) -> None:
        """Set `amount` wei aside.

        Args:
            session: the session.
            reservation: a name for it.
            amount: wei.
            now: unix seconds.
            credit: wei that a voucher session may have unsigned before more work; None for any.
            key: hash of the API key whose budgets it is held to as well, if any.
            claim: what may not run elsewhere until this is released or charged.

        Raises:
            Unauthorized: the key counts for nothing any more.
            PaymentRequired: the deposit does not cover it beside what is spent and reserved
                (`over_budget`), or a voucher is needed first (`voucher_needed`), or the key's
                budgets do not (`key_over_budget`).
            NotFound: the session was never read from the chain.
            Conflict: the request runs (`request_in_progress`, by its key, which may also have
                been answered meanwhile; `request_running`), or was charged
                (`request_already_charged`).
        """
        claim = claim or Claim()
        made = (session, reservation, amount, now, credit, key, claim)
        rival = self._reserve(*made)
        if rival is not None and self._owners.gives_way(rival, session):
            rival = self._reserve(*made)
        if rival is not None:
            raise running_now(rival.field)

    def _reserve(
        self,
        session: str,
        reservation: str,
        amount: int,
        now: int,
        credit: int | None,
        key: str | None,
        claim: Claim,
    ) -> Rival | None:
        """Reserve, or return who holds what is claimed."""
        with self._db.transaction(session) as sql:
            rival = rival_of(sql, session, claim)
            if rival is not None:
                return rival
            if claim.key is not None and _is_answered(sql, session, claim.key):
                raise running_now(IDEMPOTENCY_HEADER)
            if claim.commitment is not None and _is_charged(sql, session, claim.commitment):
                raise already_charged()
            account = account_of(sql, session)
            if (
                credit is not None
                and account.facts.funding == VOUCHER
                and account.unsigned > credit
            ):
                raise PaymentRequired(
                    f"{account.unsigned} wei are charged or reserved beyond the last voucher",
                    field=VOUCHER_HEADER,
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
                "INSERT INTO reservations (id, session, amount, created_at, owner, key,"
                " request_hash, commitment) VALUES (?,?,?,?,?,?,?,?)",
                (
                    reservation,
                    session,
                    str(amount),
                    now,
                    self._owner,
                    claim.key,
                    claim.request_hash,
                    claim.commitment,
                ),
            )
            sql.execute(
                "UPDATE payment_sessions SET reserved = ? WHERE session = ?",
                (str(account.reserved + amount), session),
            )
            return None

    def release(self, reservation: str) -> None:
        """Drop a reservation without a charge; harmless when it is gone."""
        row = self._db.row("SELECT session FROM reservations WHERE id = ?", reservation)
        if row is not None:
            with self._db.transaction(row["session"]) as sql:
                free(sql, reservation)

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
            Unavailable: the reservation is gone (`lease_lost`): its owner was taken for dead.
            Conflict: the idempotency key is taken, or the session was charged for a receipt
                with this commitment before (`request_already_charged`).
            Error: the charge exceeds the reservation; nothing is charged.
        """
        with self._db.transaction(record.session) as sql:
            freed = free(sql, reservation, record.charge)
            if freed is None:
                raise lost_lease()
            if record.charge > freed.amount:
                raise Error("charge exceeds the reservation", code="charge_over_reservation")
            if _is_charged(sql, record.session, record.request_commitment):
                raise already_charged()
            total = freed.account.spent + record.charge
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
                "INSERT INTO cards (version, card) VALUES (?,?) ON CONFLICT DO NOTHING",
                (record.version, card),
            )
            if key is not None:
                if _is_answered(sql, record.session, key.key):
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

    def running(self, session: str, key: str) -> str | None:
        """Return the request hash that runs under an idempotency key, at any router, or None."""
        return self._owners.running(session, key)

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
        with self._db.snapshot() as sql:
            found = audit_keys(sql)
            for row in sql.execute("SELECT * FROM payment_sessions").fetchall():
                account = read_account(row)
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


def receipt_of(row: Row) -> ReceiptRecord:
    """Build a receipt record from a row with RECEIPT_COLUMNS."""
    values = {name: row[name] for name in RECEIPT_FIELDS}
    values["charge"] = int(values["charge"])
    return ReceiptRecord(**values)


def already_charged() -> Conflict:
    """Return the refusal of a request that the session was charged for."""
    return Conflict(
        "the session was charged for this request; sign it again with a new salt",
        field=SALT_HEADER,
        code="request_already_charged",
    )


def _is_answered(sql: Sql, session: str, key: str) -> bool:
    query = "SELECT 1 FROM idempotency WHERE session = ? AND key = ?"
    return sql.execute(query, (session, key)).fetchone() is not None


def _is_charged(sql: Sql, session: str, commitment: str | None) -> bool:
    return sql.execute(CHARGED, (session, commitment)).fetchone() is not None


def _sum(sql: Sql, query: str, session: str) -> int:
    return sum(int(row[0]) for row in sql.execute(query, (session,)))
