# SPDX-License-Identifier: Apache-2.0
"""What `ape run gas` writes: gas/scenarios.json and baselines."""

from __future__ import annotations

from msgspec import Struct

GWEI = 10**9
WHOLE = "session.100x3x1"
"""The scenario that Phase #2 has too: a session with 100 tasks, 3 miners and 1 validator."""
SPREAD = ("settle.", "quota.", "reward.")
"""Scenarios that begin so are compared by item; of other batches, one transaction with another."""


class Parts(Struct, frozen=True):
    """A fee's parts, in wei as text; the batch share is the chain's cost, and not charged."""

    execution_wei: str
    data_wei: str
    batch_share_wei: str | None = None

    @property
    def total_wei(self) -> int:
        """What is charged, in wei."""
        return int(self.execution_wei) + int(self.data_wei)

    @property
    def gwei(self) -> int:
        """The same in gwei, rounded up."""
        return -(-self.total_wei // GWEI)


class Row(Struct, frozen=True):
    """One scenario: gas of the receipt, over how many items it spreads, what it starts from.

    `call` is the contract and function that a transaction called; empty for sums and creations.
    `poster_units` and `fees` (by network) are of what posts data; `execution_gas` is of views.
    """

    gas_used: int
    items: int
    gas_per_item: int
    note: str
    poster_units: int | None = None
    execution_gas: int | None = None
    fees: dict[str, Parts] = {}
    call: str = ""


class Measurement(Struct, frozen=True):
    """Scenarios by name, bytes of contracts, and what all of it was measured under."""

    header: dict[str, object]
    code_bytes: dict[str, int]
    scenarios: dict[str, Row]
