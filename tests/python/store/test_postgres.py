# SPDX-License-Identifier: Apache-2.0
"""What only a shared database has: turns, leases, one settler, and a server that can be lost."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner

from cortensor.cli import main
from cortensor.errors import Conflict, InvalidInput, PaymentRequired, Unavailable
from cortensor.store.address import PostgresAddress, open_database
from cortensor.store.api_keys import KeyRecord
from cortensor.store.claims import Claim
from cortensor.store.records import IdempotencyKey
from cortensor.store.sqlite import MIGRATIONS
from cortensor.store.store import Store
from tests.python.databases import run_sql, server
from tests.python.store.test_ledger import OTHER, SESSION, charge, facts, record

KEYED = Claim(key="k", request_hash="h")


@pytest.fixture
def address(postgres_url: str) -> PostgresAddress:
    return PostgresAddress(postgres_url)


@pytest.fixture
def pair(address: PostgresAddress) -> tuple[Store, Store]:
    """Two routers' stores on one database, with a session of 100 wei."""
    with Store(address) as one, Store(address) as two:
        one.ledger.refresh(facts())
        yield one, two
        assert one.ledger.audit() == []


def test_both_schemas_have_the_same_tables_and_columns(address: PostgresAddress) -> None:
    file = sqlite3.connect(":memory:")
    for name in MIGRATIONS:
        file.executescript(files("cortensor.store").joinpath(name).read_text("utf-8"))
    named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    tables = [row[0] for row in file.execute(named)]
    assert len(tables) > 10
    with Store(address) as store:
        for table in tables:
            columns = {row[1] for row in file.execute(f"PRAGMA table_info({table})")}
            found = store.database.columns(table) - {"rowid"}
            assert found == columns, table
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        made = {row["table_name"] for row in store.database.rows(query)}
        assert made == {*tables, "schema_version"}
    file.close()


def test_reservations_of_many_never_exceed_the_deposit(pair: tuple[Store, Store]) -> None:
    def reserve(number: int) -> bool:
        try:
            pair[number % 2].ledger.reserve(SESSION, f"r{number}", 9, 1)
        except PaymentRequired:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(reserve, range(40)))
    assert sum(made) == 11
    account = pair[0].ledger.account(SESSION)
    assert account is not None
    assert account.reserved == 99


def test_reservations_of_many_never_exceed_a_keys_budget(pair: tuple[Store, Store]) -> None:
    record = KeyRecord(
        key_hash="0x" + "11" * 32,
        name="",
        session=SESSION,
        scopes=1,
        per_minute=1,
        day_budget=30,
        total_budget=100,
        expires=100,
        signature="0x",
        added_at=0,
    )
    pair[0].api_keys.add(record)

    def reserve(number: int) -> bool:
        store = pair[number % 2]
        try:
            store.ledger.reserve(SESSION, f"r{number}", 4, 1, key=record.key_hash)
        except PaymentRequired:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(reserve, range(16)))
    assert sum(made) == 7


def test_charges_of_many_sum_up(pair: tuple[Store, Store]) -> None:
    pair[1].ledger.refresh(facts(OTHER))

    def work(number: int) -> None:
        charge(pair[number % 2], number, 2, (SESSION, OTHER)[number % 4 // 2])

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(40)))
    for session in (SESSION, OTHER):
        account = pair[0].ledger.account(session)
        assert account is not None
        assert (account.spent, account.reserved) == (40, 0)
    batch = pair[1].outbox.build(None, 1)
    assert batch is not None
    assert (batch.count, batch.total) == (40, 80)
    assert {item & (2**96 - 1) for item in batch.items} == {40}


def test_a_key_runs_at_one_router_only(pair: tuple[Store, Store]) -> None:
    one, two = pair
    for store in pair:
        store.owners.renew(60_000)
    one.ledger.reserve(SESSION, "a", 10, 1, claim=KEYED)
    assert two.ledger.running(SESSION, "k") == "h"
    with pytest.raises(Conflict) as caught:
        two.ledger.reserve(SESSION, "b", 10, 1, claim=KEYED)
    assert caught.value.code == "request_in_progress"
    one.ledger.commit("a", record(1, 7), (200, b"x"), IdempotencyKey("k", "h"), b"{}")
    assert two.ledger.running(SESSION, "k") is None
    with pytest.raises(Conflict) as caught:  # answered, so it never runs again
        two.ledger.reserve(SESSION, "b", 10, 1, claim=KEYED)
    assert caught.value.code == "request_in_progress"
    replay = two.ledger.replay(SESSION, "k")
    assert replay is not None
    assert (replay.response, replay.total) == (b"x", 7)


def test_of_many_who_claim_a_request_one_gets_it(pair: tuple[Store, Store]) -> None:
    claim = Claim(commitment="0x" + "77" * 32)
    for store in pair:
        store.owners.renew(60_000)

    def reserve(number: int) -> str:
        try:
            pair[number % 2].ledger.reserve(SESSION, f"r{number}", 1, 1, claim=claim)
        except Conflict as error:
            return error.code
        return "made"

    with ThreadPoolExecutor(8) as pool:
        said = sorted(pool.map(reserve, range(8)))
    assert said == ["made", *["request_running"] * 7]


def test_what_a_dead_router_ran_is_taken_over_and_its_late_commit_refused(
    pair: tuple[Store, Store],
) -> None:
    one, two = pair
    one.owners.renew(1)  # over at once
    two.owners.renew(60_000)
    one.ledger.reserve(SESSION, "a", 100, 1, claim=KEYED)
    two.ledger.reserve(SESSION, "b", 100, 1, claim=KEYED)
    with pytest.raises(Unavailable) as lost:
        one.ledger.commit("a", record(1, 7), (200, b""), IdempotencyKey("k", "h"), b"{}")
    assert lost.value.code == "lease_lost"
    two.ledger.commit("b", record(2, 7), (200, b""), IdempotencyKey("k", "h"), b"{}")


def test_a_starting_router_releases_no_living_ones_work(pair: tuple[Store, Store]) -> None:
    one, two = pair
    one.owners.renew(60_000)
    one.ledger.reserve(SESSION, "living", 10, 1)
    two.ledger.reserve(SESSION, "dead", 10, 1)  # never had a lease
    assert one.owners.recover() == ["dead"]
    one.owners.leave()
    assert two.owners.recover() == ["living"]


def test_one_settles_at_a_time(pair: tuple[Store, Store]) -> None:
    one, two = pair
    with one.database.settling():
        with pytest.raises(Conflict) as caught, two.database.settling():
            pass
        assert caught.value.code == "already_running"
    with two.database.settling():
        pass


def test_a_settler_that_lost_its_place_changes_nothing(
    pair: tuple[Store, Store], postgres_url: str
) -> None:
    one, two = pair
    charge(one, 1, 10)
    lost = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
    with one.database.settling():
        run_sql(postgres_url, lost)
        with two.database.settling(), pytest.raises(Unavailable):
            one.outbox.build(None, 1)
    assert one.outbox.pending().receipts == 1
    assert two.outbox.build(None, 1) is not None


def test_a_lost_connection_is_one_failure_and_no_more(
    pair: tuple[Store, Store], postgres_url: str
) -> None:
    store = pair[0]
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"

    def cut_off() -> None:
        with store.database.transaction(SESSION) as sql:
            sql.execute("UPDATE payment_sessions SET spent = '5'")
            run_sql(postgres_url, f"{others} AND datname = current_database()")
            sql.execute("UPDATE payment_sessions SET spent = '6'")

    with pytest.raises(Unavailable) as caught:
        cut_off()
    assert (caught.value.code, caught.value.status) == ("ledger_unavailable", 503)
    charge(store, 1, 10)  # a new connection; and what was lost is undone
    account = store.ledger.account(SESSION)
    assert account is not None
    assert account.spent == 10


def test_a_connection_that_breaks_between_two_steps_of_the_driver_is_lost_like_any_other(
    pair: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver then says that another operation is in progress; seen once in a few thousand."""
    store = pair[0]

    async def broken(*_: object, **__: object) -> None:
        raise asyncpg.InternalClientError("cannot switch to state 15")

    def cut_off() -> None:
        with store.database.transaction(SESSION) as sql:
            monkeypatch.setattr(asyncpg.Connection, "execute", broken)
            sql.execute("UPDATE payment_sessions SET spent = '5'")

    with pytest.raises(Unavailable) as caught:
        cut_off()
    assert caught.value.code == "ledger_unavailable"
    monkeypatch.undo()
    charge(store, 1, 10)


def test_a_server_that_comes_back_is_found_again() -> None:
    with server() as (own, folder):
        address = PostgresAddress(own.get_uri())
        with Store(address) as store:
            store.ledger.refresh(facts())
            charge(store, 1, 10)
            own.cleanup()
            with pytest.raises(Unavailable) as caught:
                store.ledger.reserve(SESSION, "r2", 10, 1)
            assert caught.value.code == "ledger_unavailable"
            with server(folder):
                charge(store, 2, 10)
                account = store.ledger.account(SESSION)
                assert account is not None
                assert (account.spent, account.reserved) == (20, 0)


def test_two_that_start_at_once_make_the_schema_once(address: PostgresAddress) -> None:
    failures: list[BaseException] = []

    def begin() -> None:
        try:
            Store(address).close()
        except BaseException as error:  # noqa: BLE001 -- told to the test
            failures.append(error)

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []


def test_a_newer_schema_is_refused(address: PostgresAddress, postgres_url: str) -> None:
    Store(address).close()
    run_sql(postgres_url, "INSERT INTO schema_version VALUES (99)")
    with pytest.raises(Unavailable, match="newer") as caught:
        Store(address)
    assert caught.value.code == "schema_too_new"


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    with pytest.raises(Unavailable) as caught:
        open_database(PostgresAddress("postgresql://me@127.0.0.1:1/router", "geheim"))
    assert caught.value.code == "ledger_unavailable"
    assert "postgresql://127.0.0.1:1/router" in caught.value.reason
    assert "geheim" not in str(caught.value)
    assert "geheim" not in repr(PostgresAddress("postgresql://me@h/router", "geheim"))


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput):
        open_database(PostgresAddress("postgresql://h:port/router"))
    for command in ("costs", "outbox"):
        result = CliRunner().invoke(main, [command, "--database", "mysql://h/router"])
        assert result.exit_code == 2
        assert "postgresql://" in result.output


def test_every_commit_waits_for_the_disk(address: PostgresAddress, tmp_path: Path) -> None:
    with Store(address) as store, store.database.transaction() as sql:
        (row,) = sql.execute("SELECT current_setting('synchronous_commit') AS found").fetchall()
        assert row["found"] == "on"
