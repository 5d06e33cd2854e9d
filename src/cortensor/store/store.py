# SPDX-License-Identifier: Apache-2.0
"""The whole store behind one handle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from cortensor.store.api_keys import ApiKeys
from cortensor.store.errands import Errands
from cortensor.store.gold import Gold
from cortensor.store.ledger import Ledger
from cortensor.store.outbox import Outbox
from cortensor.store.skips import Skips
from cortensor.store.sqlite import Database
from cortensor.store.vouchers import Vouchers

if TYPE_CHECKING:
    from pathlib import Path

    from cortensor.store.sqlite import Synchronous


class Store:
    """One database file: ledger, vouchers, outbox, known items, API keys, the settler's errands.

    Args:
        path: the SQLite file, created if missing.
        synchronous: as of `Database`.
    """

    def __init__(self, path: Path, synchronous: Synchronous = "full") -> None:
        self.database = Database(path, synchronous)
        self.ledger = Ledger(self.database)
        self.outbox = Outbox(self.database)
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
