# SPDX-License-Identifier: Apache-2.0
"""What a proposer, payer or watcher of epochs works with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

    from cortensor.epochs.place import RewardPlace
    from cortensor.epochs.settings import ObserveSettings
    from cortensor.store.address import DatabaseAddress

MAX_URI_BYTES = 128


class Job(Struct, frozen=True):
    """How epochs are run.

    Attributes:
        rpc_url: an http(s) JSON-RPC endpoint, or several of one chain.
        place: the contracts.
        folder: where each epoch leaves its folder, by its number.
        settings: what counts.
        key: private key that posts, challenges and pays.
        database: where signed transactions are kept: a file, or PostgreSQL.
        workflows: SQLAlchemy URL of the database of DBOS.
        uri_base: public address of `folder`.
        poll_s: how long to wait between looks at the chain.
        timeout_s: how long to wait for a transaction.
        pays: whether it pays runs, brings levels up to date, and sweeps what is left long after.
    """

    rpc_url: tuple[str, ...]
    place: RewardPlace
    folder: Path
    settings: ObserveSettings
    key: str
    database: DatabaseAddress
    workflows: str
    uri_base: str
    poll_s: float = 60.0
    timeout_s: float = 120.0
    pays: bool = True

    def uri(self, epoch: int) -> str:
        """Return where an epoch's folder can be read.

        Raises:
            InvalidInput: it is longer than the contract keeps.
        """
        found = f"{self.uri_base.rstrip('/')}/{epoch}"
        if len(found.encode()) > MAX_URI_BYTES:
            raise InvalidInput(f"is too long: {found}", field="public-url")
        return found
