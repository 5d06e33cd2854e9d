# SPDX-License-Identifier: Apache-2.0
"""The same store on PostgreSQL, shared by several routers.

Callers are threads, the driver is asyncio: its pool lives on one event loop in a thread of its own,
and every call is handed over to it. A transaction reads what is committed, and takes its turn, an
advisory lock, before its first statement; so what it reads holds until it commits, as on SQLite.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
from contextlib import contextmanager
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Self

from cortensor.errors import Conflict, InvalidInput, Unavailable

try:
    import asyncpg
except ImportError as error:
    raise Unavailable(
        "a PostgreSQL database needs asyncpg: install cortensor[postgres]", code="missing_extra"
    ) from error

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Sequence

    from cortensor.store.address import PostgresAddress
    from cortensor.store.database import Sql

MIGRATIONS = ("postgres.sql", "postgres-2.sql")
MIGRATING, SETTLER, EVERYTHING_ELSE = "migrating", "settler", "everything else"
MAX_CONNECTIONS = 16
CONNECT_TIMEOUT_S = 10.0
STATEMENT_TIMEOUT_S = 30.0  # longer than a turn is waited for
SETTINGS = {
    "application_name": "cortensor",
    "synchronous_commit": "on",
    "lock_timeout": "10s",
    # A router that stands still holds no turn for long, and one whose machine died none at all.
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}

# The driver's internal error is what it raises where a connection breaks between two of its steps.
BROKEN = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
FAILURES = (asyncpg.PostgresError, *BROKEN)

log = logging.getLogger(__name__)


class _Result:
    """Rows of a read, or how many rows a write changed."""

    def __init__(self, found: list[Any], rowcount: int) -> None:
        self._found = iter(found)
        self.rowcount = rowcount

    def fetchone(self) -> Any:
        return next(self._found, None)

    def fetchall(self) -> list[Any]:
        return list(self._found)

    def __iter__(self) -> Iterator[Any]:
        return self._found


class _Transaction:
    def __init__(self, database: PostgresDatabase, connection: Any) -> None:
        self._database = database
        self._connection = connection

    def execute(self, query: str, values: Sequence[Any] = (), /) -> _Result:
        if values:
            query = numbered(query)
        if query.startswith("SELECT"):
            found = self._database.run(self._connection.fetch(query, *values))
            return _Result(found, len(found))
        status = self._database.run(self._connection.execute(query, *values))
        count = str(status).rpartition(" ")[2]
        return _Result([], int(count) if count.isdigit() else -1)


class PostgresDatabase:
    """One PostgreSQL database. Methods may be called from any thread.

    A lost connection fails the calls that need it, and the next ones get a new one.

    Args:
        address: where it is.
        writes: False opens it for reading only, and brings nothing up to date.

    Raises:
        InvalidInput: the address cannot be understood.
        Unavailable: it cannot be reached (`ledger_unavailable`), or is of a newer version
            (`schema_too_new`).
    """

    is_shared = True

    def __init__(self, address: PostgresAddress, *, writes: bool = True) -> None:
        self._address = address
        self._settings = SETTINGS if writes else SETTINGS | {"default_transaction_read_only": "on"}
        self._settlers = threading.local()
        self._is_closed = False
        self._pool: Any = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="postgres", daemon=True)
        self._thread.start()
        try:
            self._pool = self.run(self._open())
            if writes:
                self._migrate()
        except BaseException:
            self.close()
            raise

    async def _open(self) -> Any:
        try:
            return await asyncpg.create_pool(
                self._address.url,
                password=self._address.password,
                min_size=1,
                max_size=MAX_CONNECTIONS,
                reset=_keep,
                timeout=CONNECT_TIMEOUT_S,
                command_timeout=STATEMENT_TIMEOUT_S,
                server_settings=self._settings,
            )
        except (asyncpg.exceptions.ClientConfigurationError, ValueError) as error:
            raise InvalidInput("is no URL of a PostgreSQL database", field="database") from error
        except FAILURES as error:
            raise Unavailable(
                f"{self._address} cannot be opened: {error or type(error).__name__}",
                code="ledger_unavailable",
            ) from error

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Wait for the driver. Raises Unavailable."""
        if self._is_closed:
            work.close()
            raise Unavailable("ledger: the database is closed", code="ledger_unavailable")
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        except asyncpg.PostgresError as error:
            # Its detail holds values, and this is told to whoever asked the router.
            reason = error.args[0].splitlines()[0] if error.args else type(error).__name__
            raise Unavailable(f"ledger: {reason}", code="ledger_unavailable") from error
        except BROKEN as error:
            log.warning("%s: %s", self._address, str(error) or type(error).__name__)
            raise Unavailable(
                "ledger: the database does not answer", code="ledger_unavailable"
            ) from error

    def _migrate(self) -> None:
        with self.transaction(MIGRATING) as sql:
            sql.execute("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
            row = sql.execute("SELECT MAX(version) AS version FROM schema_version").fetchone()
            found = row["version"] or 0
            if found > len(MIGRATIONS):
                raise Unavailable(
                    f"{self._address} has schema version {found}, this program knows "
                    f"{len(MIGRATIONS)}: it was written by a newer version",
                    code="schema_too_new",
                )
            for number in range(found, len(MIGRATIONS)):
                script = files("cortensor.store").joinpath(MIGRATIONS[number]).read_text("utf-8")
                sql.execute(script)
                sql.execute("INSERT INTO schema_version (version) VALUES (?)", (number + 1,))

    @contextmanager
    def transaction(self, turn: str | None = None) -> Iterator[Sql]:
        """Take a turn and yield a transaction; see `cortensor.store.database.Database`."""
        lock = f"SELECT pg_advisory_xact_lock({lock_key(turn or EVERYTHING_ELSE)})"
        held = getattr(self._settlers, "connection", None) if turn is None else None
        with self._begun(f"BEGIN; {lock}", held) as sql:
            yield sql

    @contextmanager
    def snapshot(self) -> Iterator[Sql]:
        """Yield a transaction that reads one moment. Raises Unavailable."""
        with self._begun("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as sql:
            yield sql

    @contextmanager
    def _begun(self, begin: str, held: Any = None) -> Iterator[Sql]:
        connection = held or self.run(self._acquire())
        try:
            try:
                self.run(connection.execute(begin))
                yield _Transaction(self, connection)
                self.run(_commit(connection))
            except BaseException:
                self.run(_roll_back(connection))
                raise
        finally:
            if held is None:
                self.run(self._pool.release(connection))

    async def _acquire(self) -> Any:
        return await self._pool.acquire(timeout=CONNECT_TIMEOUT_S)

    def rows(self, query: str, *values: object) -> list[Any]:
        """Run a read-only query and return all rows. Raises Unavailable."""
        found: list[Any] = self.run(self._fetch(numbered(query), values))
        return found

    async def _fetch(self, query: str, values: Sequence[object]) -> list[Any]:
        async with self._pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
            found: list[Any] = await connection.fetch(query, *values)
        return found

    def row(self, query: str, *values: object) -> Any:
        """Run a read-only query and return its first row."""
        found = self.rows(query, *values)
        return found[0] if found else None

    def columns(self, table: str) -> set[str]:
        """Return the names of a table's columns; none if there is no such table."""
        rows = self.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_name = ?"
            " AND table_schema = ANY (current_schemas(false)::text[])",
            table,
        )
        return {str(row["column_name"]) for row in rows}

    def now_ms(self) -> int:
        """Return unix milliseconds of the server's clock."""
        clock = "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT AS now"
        return int(self.row(clock)["now"])

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Here any number of routers have a place."""
        yield

    @contextmanager
    def settling(self) -> Iterator[None]:
        """Hold the place of the one settler. Raises Conflict if it is taken.

        The place is a lock of a connection. This thread's unnamed transactions use that very
        connection: if it is lost, so is the place, and they fail before anything is signed.
        """
        connection = self.run(self._connect())
        try:
            taken = f"SELECT pg_try_advisory_lock({lock_key(SETTLER)})"
            if not self.run(connection.fetchval(taken)):
                raise Conflict(
                    f"a settlement already runs on {self._address}", code="already_running"
                )
            self._settlers.connection = connection
            yield
        finally:
            self._settlers.connection = None
            self.run(_end(connection))

    async def _connect(self) -> Any:
        return await asyncpg.connect(
            self._address.url,
            password=self._address.password,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=STATEMENT_TIMEOUT_S,
            server_settings=self._settings,
        )

    def close(self) -> None:
        """Close every connection; the object is unusable afterwards."""
        if self._is_closed:
            return
        if self._pool is not None:
            self.run(_close(self._pool))
        self._is_closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@lru_cache(maxsize=512)
def numbered(query: str) -> str:
    """Return a query with $1, $2 … for its question marks, none of which is in a string."""
    first, *rest = query.split("?")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))


def lock_key(name: str) -> int:
    """Return the advisory lock of a name, 64 bits. Names that share one only wait in vain."""
    digest = hashlib.sha256(f"cortensor/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


async def _keep(_: object) -> None:
    """Leave a connection as it is when it goes back: nothing that outlives a transaction is set."""


async def _commit(connection: Any) -> None:
    # A commit of what failed is a rollback, and says so only in its status.
    if await connection.execute("COMMIT") != "COMMIT":
        raise Unavailable("ledger: not committed", code="ledger_unavailable")


async def _roll_back(connection: Any) -> None:
    try:
        await connection.execute("ROLLBACK")
    except FAILURES:
        connection.terminate()  # the server rolls back what has no connection


async def _end(connection: Any) -> None:
    try:
        await connection.close(timeout=CONNECT_TIMEOUT_S)
    except FAILURES:
        connection.terminate()


async def _close(pool: Any) -> None:
    try:
        await asyncio.wait_for(pool.close(), CONNECT_TIMEOUT_S)
    except FAILURES:
        pool.terminate()
