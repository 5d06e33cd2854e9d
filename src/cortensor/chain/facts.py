# SPDX-License-Identifier: Apache-2.0
"""Plain facts read from a chain; importing this loads no RPC library."""

from __future__ import annotations

from msgspec import Struct


class ChainIdentity(Struct, frozen=True):
    """Which contracts on which chain; addresses are checksummed."""

    chain_id: int
    session_payment: str
    table: str
    receipt_anchor: str


class Surcharge(Struct, frozen=True):
    """A surcharge epoch; `bps` never changes once the epoch exists.

    `as_of` is the time, in unix seconds, of a block in which it was the latest.
    """

    epoch: int
    bps: int
    as_of: int = 0
