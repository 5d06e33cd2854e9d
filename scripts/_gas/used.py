# SPDX-License-Identifier: Apache-2.0
"""What a transaction took."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Used:
    """What one transaction took.

    Attributes:
        gas: the receipt's gasUsed.
        intrinsic: of that, what is taken before the first step.
        units: the calldata units that a chain above Ethereum charges for.
        tx_hash: the transaction's; empty for sums and shares.
        call: contract and function called, as in `ReceiptAnchor.revoke(bytes32)`; empty for sums,
            shares and creations.
    """

    gas: int
    intrinsic: int
    units: int
    tx_hash: str = ""
    call: str = ""

    def __add__(self, other: Used) -> Used:
        """Return what both took together."""
        return Used(
            self.gas + other.gas, self.intrinsic + other.intrinsic, self.units + other.units
        )

    def share(self, count: int) -> Used:
        """Return what each of so many bears, rounded up."""
        return Used(*(-(-part // count) for part in (self.gas, self.intrinsic, self.units)))
