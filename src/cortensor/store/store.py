# SPDX-License-Identifier: Apache-2.0
"""The whole store behind one handle."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Self

from cortensor.store.address import open_database
from cortensor.store.anchored import Anchored
from cortensor.store.api_keys import ApiKeys
from cortensor.store.claims import Owners
from cortensor.store.errands import Errands
from cortensor.store.gold import Gold
from cortensor.store.ledger import Ledger
from cortensor.store.log_entries import LogEntries
from cortensor.store.outbox import Outbox
from cortensor.store.skips import Skips
from cortensor.store.vouchers import Vouchers

if TYPE_CHECKING:
    from cortensor.store.address import DatabaseAddress
    from cortensor.store.sqlite import Synchronous

OWNER_BYTES = 16


class Store:
    """One database: ledger, vouchers, outbox, known items, API keys, the settler's errands.

    Args:
        address: a SQLite file, created if missing, or a PostgreSQL database.
        synchronous: whether a SQLite file forces each commit to the disk; PostgreSQL always does.
    """

    def __init__(self, address: DatabaseAddress, synchronous: Synchronous = "full") -> None:
        self.database = open_database(address, synchronous)
        owner = secrets.token_hex(OWNER_BYTES)
        self.owners = Owners(self.database, owner)
        self.ledger = Ledger(self.database, owner)
        self.outbox = Outbox(self.database)
        self.anchored = Anchored(self.database)
        self.log_entries = LogEntries(self.database)
        self.skips = Skips(self.database)
        self.errands = Errands(self.database)
        self.vouchers = Vouchers(self.database)
        self.gold = Gold(self.database)
        self.api_keys = ApiKeys(self.database)

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
