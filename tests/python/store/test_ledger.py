# SPDX-License-Identifier: Apache-2.0
"""Reservations, the charging transaction and INV-L1, with a model beside the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.errors import Conflict, Error, NotFound, PaymentRequired, Unavailable
from cortensor.store.address import DatabaseAddress
from cortensor.store.lock import FileLock
from cortensor.store.records import IdempotencyKey, ReceiptRecord, SessionFacts
from cortensor.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SESSION = "0x" + "01" * 20
OTHER = "0x" + "02" * 20


def facts(session: str = SESSION, **changes: Any) -> SessionFacts:
    values: dict[str, Any] = {
        "session": session,
        "payer": "0x" + "aa" * 20,
        "deposit": 100,
        "settled": 0,
        "expiry": 2**39,
        "state": 1,
        "volume_tier": 0,
        "version": 1,
        "surcharge_cap_bps": 0,
        "task_cap_wei": 10**30,
        "fetched_at": 1,
    }
    return SessionFacts(**{**values, **changes})


def record(number: int, charge: int, session: str = SESSION, version: int = 1) -> ReceiptRecord:
    return ReceiptRecord(
        receipt_id=f"0x{number:064x}",
        session=session,
        version=version,
        charge=charge,
        digest=f"0x{number + 2**200:064x}",
        signature="0x",
        body=b"{}",
        struct=b"{}",
        evidence=b"[]",
        request=b"{}",
        surcharge_bps=0,
        created_at=number,
    )


def charge(
    store: Store, number: int, amount: int, session: str = SESSION, version: int = 1
) -> None:
    store.ledger.reserve(session, f"r{number}", amount, 1)
    made = record(number, amount, session, version)
    store.ledger.commit(f"r{number}", made, (200, b""), None, b"{}")


@pytest.fixture
def store(database: DatabaseAddress) -> Iterator[Store]:
    with Store(database) as opened:
        opened.ledger.refresh(facts())
        yield opened
        assert opened.ledger.audit() == []


def amounts(store: Store) -> tuple[int, int, int]:
    account = store.ledger.account(SESSION)
    assert account is not None
    return account.spent, account.reserved, account.available


def test_reserve_release_commit(store: Store) -> None:
    store.ledger.reserve(SESSION, "a", 60, 1)
    assert amounts(store) == (0, 60, 40)
    with pytest.raises(PaymentRequired):
        store.ledger.reserve(SESSION, "b", 41, 1)
    store.ledger.commit("a", record(1, 50), (200, b"answer"), None, b"{}")
    assert amounts(store) == (50, 0, 50)
    store.ledger.reserve(SESSION, "b", 50, 1)
    store.ledger.release("b")
    store.ledger.release("b")
    assert amounts(store) == (50, 0, 50)
    with pytest.raises(NotFound):
        store.ledger.reserve(OTHER, "c", 1, 1)


def test_a_failed_commit_changes_nothing(store: Store) -> None:
    store.ledger.reserve(SESSION, "a", 60, 1)
    with pytest.raises(Error, match="exceeds the reservation"):
        store.ledger.commit("a", record(1, 61), (200, b""), None, b"{}")
    assert amounts(store) == (0, 60, 40)
    key = IdempotencyKey("k", "h")
    store.ledger.commit("a", record(1, 10), (200, b"answer"), key, b"{}")
    store.ledger.reserve(SESSION, "b", 10, 1)
    with pytest.raises(Conflict):
        store.ledger.commit("b", record(2, 10), (200, b""), key, b"{}")
    with pytest.raises(Unavailable, match=r"(?i)unique") as caught:
        store.ledger.commit("b", record(1, 10), (200, b""), None, b"{}")
    assert caught.value.code == "ledger_unavailable"
    assert amounts(store) == (10, 10, 80)
    with pytest.raises(Unavailable) as lost:
        store.ledger.commit("gone", record(3, 1), (200, b""), None, b"{}")
    assert lost.value.code == "lease_lost"
    replay = store.ledger.replay(SESSION, "k")
    assert replay is not None
    assert (replay.status, replay.response) == (200, b"answer")
    assert store.ledger.replay(OTHER, "k") is None


def test_a_ledger_that_cannot_be_read_is_unavailable(database: DatabaseAddress) -> None:
    store = Store(database)
    store.ledger.ping()
    store.close()
    for ask in (store.ledger.ping, lambda: store.ledger.account(SESSION), store.owners.recover):
        with pytest.raises(Unavailable) as caught:
            ask()
        assert (caught.value.code, caught.value.status) == ("ledger_unavailable", 503)


def test_recovery_releases_only_reservations(store: Store) -> None:
    charge(store, 1, 30)
    store.ledger.reserve(SESSION, "dead", 40, 1)
    assert store.owners.recover() == ["dead"]
    assert amounts(store) == (30, 0, 70)
    assert store.owners.recover() == []


def test_chain_facts(store: Store) -> None:
    charge(store, 1, 30)
    assert store.ledger.refresh(facts(deposit=150)).available == 120
    with pytest.raises(Conflict) as caught:
        store.ledger.refresh(facts(settled=1))
    assert caught.value.code == "ledger_behind_chain"
    store.outbox.build(None, 1)
    store.ledger.refresh(facts(deposit=150, settled=30))
    closed = store.ledger.refresh(facts(deposit=30, settled=30, state=3))
    assert closed.facts.deposit == 150  # a withdrawal does not undo the charge


def test_audit_sees_every_violation(database: DatabaseAddress) -> None:
    with Store(database) as store:
        store.ledger.refresh(facts())
        charge(store, 1, 10)
        with store.database.transaction() as sql:
            sql.execute("UPDATE payment_sessions SET spent = '9', reserved = '500'")
        found = store.ledger.audit()
        assert len(found) == 3


def test_amounts_beyond_64_bits(database: DatabaseAddress) -> None:
    with Store(database) as store:
        store.ledger.refresh(facts(deposit=2**96 - 1))
        charge(store, 1, 2**95)
        assert amounts(store) == (2**95, 0, 2**95 - 1)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    with Store(tmp_path / "x.db") as store, store.database.transaction() as sql:
        sql.execute("PRAGMA user_version=99")
    with pytest.raises(Unavailable, match="newer"):
        Store(tmp_path / "x.db")


def test_locks_exclude(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with FileLock(path, "a router"), pytest.raises(Conflict, match="a router already runs"):
        FileLock(path, "a router").acquire()
    with FileLock(path, "a router"):
        pass


def test_batches_give_indexes_in_commit_order(store: Store) -> None:
    store.ledger.refresh(facts(OTHER))
    charge(store, 1, 10)
    charge(store, 2, 5, OTHER)
    charge(store, 3, 7)
    first = store.outbox.build("https://x/", 9)
    assert first is not None
    assert (first.count, first.total, first.state) == (3, 22, "built")
    assert first.uri == "https://x/" + first.root
    assert sorted(item & (2**96 - 1) for item in first.items) == [5, 17]
    leaves = [
        (leaf.session, leaf.index, leaf.cumulative) for leaf in store.outbox.leaves(first.root)
    ]
    assert leaves == [(SESSION, 1, 10), (OTHER, 1, 5), (SESSION, 2, 17)]
    assert store.outbox.build(None, 9) is None
    charge(store, 4, 1)
    assert store.outbox.build(None, 9) is None  # its total rests on a batch that is not settled
    assert store.outbox.unsettled() == [first]
    store.outbox.confirm(first.root, tx_hash="0x1", block=1, gas_used=2, gas_price=3, now=4)
    second = store.outbox.build(None, 9)
    assert second is not None
    assert [(leaf.index, leaf.cumulative) for leaf in store.outbox.leaves(second.root)] == [(3, 18)]
    assert store.outbox.unsettled() == [second]


def test_a_batch_holds_one_card_version(store: Store) -> None:
    store.ledger.refresh(facts(OTHER, version=2))
    charge(store, 1, 10)
    charge(store, 2, 5, OTHER, version=2)
    charge(store, 3, 7)
    first, second = store.outbox.build(None, 1), store.outbox.build(None, 1)
    assert store.outbox.unsettled() == [first, second]
    assert first is not None
    assert second is not None
    assert ((first.version, first.count), (second.version, second.count)) == ((1, 2), (2, 1))
    assert store.outbox.pending().receipts == 0
    assert store.outbox.pending().unconfirmed_batches == 2


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "release", "commit", "topup", "batch", "recover"]),
        st.integers(0, 60),
        st.integers(0, 5),
    ),
    max_size=40,
)


@pytest.mark.fuzz
@given(steps=STEPS)
def test_the_ledger_follows_its_model(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    deposit, spent, number = 100, 0, 0
    held: dict[str, int] = {}
    with Store(tmp_path_factory.mktemp("model") / "x.db") as store:
        store.ledger.refresh(facts())
        for action, amount, which in steps:
            number += 1
            name = f"r{which}"
            if action == "reserve" and name not in held:
                fits = amount <= deposit - spent - sum(held.values())
                try:
                    store.ledger.reserve(SESSION, name, amount, 1)
                    assert fits
                    held[name] = amount
                except PaymentRequired:
                    assert not fits
            elif action == "release":
                store.ledger.release(name)
                held.pop(name, None)
            elif action == "commit" and name in held:
                if amount <= held[name]:
                    store.ledger.commit(name, record(number, amount), (200, b""), None, b"{}")
                    spent += amount
                    del held[name]
            elif action == "topup":
                deposit += amount
                store.ledger.refresh(facts(deposit=deposit))
            elif action == "batch":
                batch(store, amount, is_settled=which > 0)
            elif action == "recover":
                store.owners.recover()
                held.clear()
            assert store.ledger.audit() == []
            account = store.ledger.account(SESSION)
            assert account is not None
            assert (account.spent, account.reserved) == (spent, sum(held.values()))
            assert (account.next_index, account.cumulative) == leaves_of(store)


def batch(store: Store, most: int, *, is_settled: bool) -> None:
    """Build a batch, and have it settled or parked; sometimes what was parked goes first."""
    if most % 2:
        store.outbox.unpark()
    built = store.outbox.build(None, 1, most)
    if built is not None and is_settled:
        store.outbox.confirm(built.root, tx_hash="0x1", block=1, gas_used=1, gas_price=1, now=1)
    elif built is not None:
        store.outbox.refuse(built.root, "other router's session", 1, last_try=1)


def leaves_of(store: Store) -> tuple[int, int]:
    """The next index and the running total that follow from the leaves."""
    rows = store.database.rows("SELECT leaf_index, cumulative FROM leaves ORDER BY leaf_index")
    assert [row["leaf_index"] for row in rows] == list(range(1, len(rows) + 1))
    return len(rows) + 1, int(rows[-1]["cumulative"]) if rows else 0
