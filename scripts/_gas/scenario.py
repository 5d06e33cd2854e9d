# SPDX-License-Identifier: Apache-2.0
"""What one scenario is."""

from __future__ import annotations

from dataclasses import dataclass

from scripts._gas.used import Used


@dataclass(frozen=True)
class Scenario:
    """One measured transaction.

    Attributes:
        name: dotted, stable.
        used: what it took.
        items: over how many sessions or receipts it spreads.
        note: what it starts from.
        is_view: whether it is a free call in practice, sent as a transaction to be measured.
    """

    name: str
    used: Used
    items: int
    note: str
    is_view: bool = False
