# SPDX-License-Identifier: Apache-2.0
"""How much is under way in the store: for gauges, in a few cheap queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from cortensor.store.database import Database


class Depth(Struct, frozen=True, kw_only=True):
    """What is open now.

    `receipts` wait for a batch, the oldest since `oldest_at` (unix seconds, 0 without one);
    `batches` are not confirmed, and of them `refused` were refused by the contract.
    """

    reservations: int
    reserved_wei: int
    receipts: int
    oldest_at: int
    batches: int
    refused: int


def depth_of(database: Database) -> Depth:
    """Count what is open. Raises Unavailable."""
    held = database.rows("SELECT amount FROM reservations")  # at most as many as may run at once
    waiting = database.rows(
        "SELECT COUNT(*) AS n, MIN(created_at) AS oldest FROM receipts WHERE batch IS NULL"
    )[0]
    open_batches = database.rows("SELECT COUNT(*) AS n FROM batches WHERE state != 'confirmed'")
    refused = database.rows("SELECT COUNT(*) AS n FROM refusals")
    return Depth(
        reservations=len(held),
        reserved_wei=sum(int(row["amount"]) for row in held),
        receipts=waiting["n"],
        oldest_at=waiting["oldest"] or 0,
        batches=open_batches[0]["n"],
        refused=refused[0]["n"],
    )
