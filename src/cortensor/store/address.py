# SPDX-License-Identifier: Apache-2.0
"""Where a database is: the path of a SQLite file, or the URL of a PostgreSQL database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import click
from msgspec import Struct

from cortensor.errors import InvalidInput
from cortensor.store.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from cortensor.store.database import Database
    from cortensor.store.sqlite import Synchronous

SCHEMES = ("postgresql", "postgres")


class PostgresAddress(Struct, frozen=True):
    """A PostgreSQL database; without a password its own ways count (PGPASSWORD, ~/.pgpass)."""

    url: str
    password: str | None = None

    def __str__(self) -> str:
        """Return what may be shown: no user, password or parameter."""
        parts = urlsplit(self.url)
        host, socket = parts.netloc.rpartition("@")[2], parse_qs(parts.query).get("host")
        shown = f"postgresql://{host.strip(':')}{parts.path}"
        return shown if socket is None else f"{shown}?host={socket[0]}"

    def __repr__(self) -> str:
        return f"PostgresAddress({str(self)!r})"


DatabaseAddress = Path | PostgresAddress


def is_url(text: str) -> bool:
    """Return whether a database is given by URL."""
    return "://" in text


def postgres_address(url: str, password: str | None = None) -> PostgresAddress:
    """Return the address that a URL gives.

    Raises:
        InvalidInput: it is no PostgreSQL URL.
    """
    try:
        scheme = urlsplit(url).scheme
    except ValueError as error:
        raise InvalidInput("is no URL", field="database") from error
    if scheme not in SCHEMES:
        raise InvalidInput("must be a path or a postgresql:// URL", field="database")
    return PostgresAddress(url, password)


def has_password(url: str) -> bool:
    """Return whether a password stands in a URL."""
    parts = urlsplit(url)
    return bool(parts.password) or "password" in parse_qs(parts.query)


def open_database(address: DatabaseAddress, synchronous: Synchronous = "full") -> Database:
    """Open a database, made or brought up to date as needed.

    Args:
        address: which.
        synchronous: whether a SQLite file forces each commit to the disk.

    Raises:
        InvalidInput: the URL cannot be understood.
        Unavailable: it cannot be opened, or is of a newer version (`schema_too_new`).
    """
    if isinstance(address, Path):
        return SqliteDatabase(address, synchronous)
    # Only here: who has one router needs no PostgreSQL driver.
    from cortensor.store.postgres import PostgresDatabase  # noqa: PLC0415

    return PostgresDatabase(address)


def database_option(value: str) -> DatabaseAddress:
    """Return a command's option as an address: a file, or a URL."""
    if is_url(value):
        try:
            return postgres_address(value)
        except InvalidInput as error:
            raise click.BadParameter(error.reason) from error
    return Path(value)


def existing_database_option(value: str) -> DatabaseAddress:
    """Return a command's option as an address; a file must be there."""
    address = database_option(value)
    if isinstance(address, Path) and not address.is_file():
        raise click.BadParameter(f"File '{address}' does not exist.")
    return address
