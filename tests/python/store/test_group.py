# SPDX-License-Identifier: Apache-2.0
"""Group commit: together into one commit, each answered after it, each failure alone."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING, Literal

import pytest

from cortensor.errors import PaymentRequired, Unavailable
from cortensor.store.group import CHECKPOINT_CALLS, Group
from cortensor.store.records import SessionFacts
from cortensor.store.sqlite import SqliteDatabase
from cortensor.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SESSION = "0x" + "00" * 20
FACTS = SessionFacts(
    session=SESSION,
    payer="0x" + "11" * 20,
    deposit=1000,
    settled=0,
    expiry=2**40,
    state=1,
    volume_tier=0,
    version=1,
    surcharge_cap_bps=0,
    task_cap_wei=10**20,
    fetched_at=0,
)
MODES: tuple[Literal["normal", "full"], ...] = ("normal", "full")


@pytest.fixture(params=MODES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "router.db", request.param) as opened:
        opened.ledger.refresh(FACTS)
        yield opened


def reserved(path: Path) -> set[str]:
    """What another process sees."""
    with sqlite3.connect(path) as other:
        found = {str(row[0]) for row in other.execute("SELECT id FROM reservations")}
    other.close()
    return found


def statements(store: Store) -> list[str]:
    seen: list[str] = []
    store.database._connection.set_trace_callback(seen.append)
    return seen


async def reserve(group: Group, store: Store, name: str, amount: int = 10) -> None:
    await group.write(store.ledger.reserve, SESSION, name, amount, 1)


def test_calls_that_come_together_share_one_commit(store: Store) -> None:
    seen = statements(store)

    async def run() -> None:
        group = Group(store.database)
        await asyncio.gather(*(reserve(group, store, f"r{i}") for i in range(20)))

    asyncio.run(run())
    assert (seen.count("BEGIN IMMEDIATE"), seen.count("COMMIT")) == (1, 1)
    assert len(reserved(store.database.path)) == 20
    assert store.ledger.audit() == []


def test_each_answer_comes_after_its_commit(store: Store) -> None:
    async def one(group: Group, name: str) -> bool:
        await reserve(group, store, name)
        return name in reserved(store.database.path)

    async def run() -> list[bool]:
        group = Group(store.database)
        return await asyncio.gather(*(one(group, f"r{i}") for i in range(30)))

    assert all(asyncio.run(run()))


def test_a_call_that_fails_is_undone_alone(store: Store) -> None:
    async def run() -> list[BaseException | None]:
        group = Group(store.database)
        amounts = (400, 5000, 400, 400, 100)  # the second and the fourth are more than is left
        calls = (reserve(group, store, f"r{i}", wei) for i, wei in enumerate(amounts))
        return await asyncio.gather(*calls, return_exceptions=True)

    outcomes = asyncio.run(run())
    assert [isinstance(each, PaymentRequired) for each in outcomes] == [
        False, True, False, True, False,
    ]  # fmt: skip
    assert reserved(store.database.path) == {"r0", "r2", "r4"}
    assert store.ledger.audit() == []


def test_a_call_may_fail_after_it_wrote(store: Store) -> None:
    def half() -> None:
        with store.database.transaction() as sql:
            sql.execute("DELETE FROM reservations")
            raise KeyError

    async def run() -> list[BaseException | None]:
        group = Group(store.database)
        return await asyncio.gather(
            reserve(group, store, "a"),
            group.write(half),
            reserve(group, store, "b"),
            return_exceptions=True,
        )

    assert [type(each) for each in asyncio.run(run())] == [type(None), KeyError, type(None)]
    assert reserved(store.database.path) == {"a", "b"}


@pytest.mark.parametrize("others", [0, 1])
def test_a_call_that_fails_is_undone_whole(store: Store, others: int) -> None:
    seen = statements(store)

    def fails_late() -> None:
        with store.database.transaction() as sql:
            sql.execute("UPDATE payment_sessions SET reserved = '7' WHERE session = ?", (SESSION,))
        raise PaymentRequired("after it wrote")

    async def run() -> list[object]:
        group = Group(store.database)
        calls = [
            group.write(store.ledger.reserve, SESSION, f"r{number}", 10, 1)
            for number in range(others)
        ]
        return await asyncio.gather(group.write(fails_late), *calls, return_exceptions=True)

    found = asyncio.run(run())
    assert isinstance(found[0], PaymentRequired)
    assert found[1:] == [None] * others
    # What is alone needs no part of its own: it is the transaction. The others run again in parts.
    assert ("SAVEPOINT part" in seen, "COMMIT" in seen) == (bool(others), bool(others))
    account = store.ledger.account(SESSION)
    assert account is not None
    assert account.reserved == (10 if others else 0)
    assert store.ledger.audit() == []


def test_without_space_nobody_is_told_that_it_was_written(store: Store) -> None:
    database = store.database
    pages = database._connection.execute("PRAGMA page_count").fetchone()[0]
    database._connection.execute(f"PRAGMA max_page_count={pages}")

    async def run() -> list[BaseException | None]:
        group = Group(database)
        long = "x" * 3000
        calls = (reserve(group, store, f"{long}{i}") for i in range(40))
        found = await asyncio.gather(*calls, return_exceptions=True)
        database._connection.execute("PRAGMA max_page_count=100000")
        await reserve(group, store, "later")
        return found

    outcomes = asyncio.run(run())
    assert any(isinstance(each, Unavailable) for each in outcomes)
    kept = sum(each is None for each in outcomes)
    assert len(reserved(database.path)) == kept + 1
    assert store.ledger.audit() == []


def test_another_writer_does_not_stop_the_event_loop(store: Store) -> None:
    other = sqlite3.connect(store.database.path, isolation_level=None)

    async def run() -> int:
        group = Group(store.database)
        other.execute("BEGIN IMMEDIATE")
        work = asyncio.create_task(reserve(group, store, "a"))
        ticks = 0
        ends = time.monotonic() + 0.3
        while time.monotonic() < ends:
            await asyncio.sleep(0.01)
            ticks += 1
        assert not work.done()
        assert await group.read(store.ledger.account, SESSION) is not None
        other.execute("COMMIT")
        await work
        return ticks

    ticks = asyncio.run(run())
    other.close()
    assert ticks > 5
    assert reserved(store.database.path) == {"a"}


def test_a_caller_that_leaves_stops_nothing(store: Store) -> None:
    async def run() -> None:
        group = Group(store.database)
        leaving = asyncio.create_task(reserve(group, store, "a"))
        staying = asyncio.create_task(reserve(group, store, "b"))
        await asyncio.sleep(0)
        leaving.cancel()
        await staying
        assert leaving.cancelled() or leaving.cancelling()

    asyncio.run(run())
    assert reserved(store.database.path) == {"a", "b"}


def test_the_log_is_folded_into_the_database(store: Store) -> None:
    log = store.database.path.with_name("router.db-wal")

    async def run() -> tuple[int, int]:
        group = Group(store.database)
        for part in range(2):
            for number in range(0, CHECKPOINT_CALLS, 32):
                names = [f"{part}.{number + i}" for i in range(32)]
                await asyncio.gather(*(reserve(group, store, name, 0) for name in names))
            if part == 0:
                first = log.stat().st_size
        return first, log.stat().st_size

    first, second = asyncio.run(run())
    assert second < 1.5 * first  # not twice: its first half was used again


def test_settings_reach_sqlite(tmp_path: Path) -> None:
    for mode, number in (("normal", 1), ("full", 2)):
        with Store(tmp_path / mode, "normal" if mode == "normal" else "full") as store:
            found = store.database._connection.execute("PRAGMA synchronous").fetchone()[0]
            assert found == number
    with Store(tmp_path / "default") as store:
        assert store.database.synchronous == "full"


WRITER = """
    import asyncio, sys
    from pathlib import Path
    from cortensor.store.group import Group
    from cortensor.store.store import Store

    async def main():
        store = Store(Path(sys.argv[1]), sys.argv[2])
        group = Group(store.database)
        async def one(name):
            await group.write(store.ledger.reserve, sys.argv[3], name, 0, 1)
            print(name, flush=True)
        for number in range(100000):
            await asyncio.gather(*(one(f"{number}.{i}") for i in range(8)))

    asyncio.run(main())
"""


@pytest.mark.parametrize("mode", MODES)
def test_what_was_answered_survives_kill_9(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "router.db"
    with Store(path) as store:
        store.ledger.refresh(FACTS)
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(path), mode, SESSION]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        answered = [process.stdout.readline().strip() for _ in range(200)]
        process.send_signal(signal.SIGKILL)
        answered += [line.strip() for line in process.stdout if line.endswith("\n")]
    with Store(path) as store:
        assert set(answered) <= reserved(path)
        assert store.ledger.audit() == []


def test_no_thread_joins_a_transaction_that_nobody_adopted(store: Store, tmp_path: Path) -> None:
    database = store.database
    assert isinstance(database, SqliteDatabase)

    def seen() -> int:
        return len(database.rows("SELECT id FROM reservations"))

    database.begin()
    database.adopt()
    store.ledger.reserve(SESSION, "0x1", 1, 0)
    assert seen() == 1
    database.disown()
    # Now it is a stranger's: this thread sees what is committed, and would wait for its own turn.
    assert seen() == 0
    assert not database.try_begin()
    database.commit()
    assert seen() == 1
    assert reserved(tmp_path / "router.db") == {"0x1"}


def test_a_failure_of_any_kind_is_told_to_all_who_wait(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> bool:
        raise RuntimeError("begin")

    monkeypatch.setattr(store.database, "try_begin", broken)

    async def scenario() -> None:
        group = Group(store.database)  # type: ignore[arg-type]
        calls = [group.write(store.ledger.reserve, SESSION, f"0x{n}", 1, 0) for n in range(2)]
        found = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 5)
        assert [str(error) for error in found] == ["begin", "begin"]

    asyncio.run(scenario())
