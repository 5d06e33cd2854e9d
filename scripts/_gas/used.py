# SPDX-License-Identifier: Apache-2.0
"""What a transaction took."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Used:
    """What one transaction took.

    Attributes:
        gas: the receipt's gasUsed.
        intrinsic: of that, what is taken before the first step.
        units: the calldata units that a chain above Ethereum charges for.
        tx_hash: the transaction's; empty for sums and shares.
        poster: the receipt's gasUsedForL1, which is in `gas`; 0 on a plain EVM.
        price: what was paid for a unit of gas, in wei; 0 on a plain EVM.
        transactions: how many it was; less than 1 of a share.
        call: contract and function called, as in `ReceiptAnchor.revoke(bytes32)`; empty for sums,
            shares and creations.
    """

    gas: int
    intrinsic: int
    units: int
    tx_hash: str = ""
    call: str = ""
    poster: int = 0
    price: int = 0
    transactions: Fraction = Fraction(1)

    def __add__(self, other: Used) -> Used:
        """Return what both took together."""
        return Used(
            self.gas + other.gas,
            self.intrinsic + other.intrinsic,
            self.units + other.units,
            transactions=self.transactions + other.transactions,
        )

    def share(self, count: int) -> Used:
        """Return what each of so many bears, rounded up."""
        parts = (-(-part // count) for part in (self.gas, self.intrinsic, self.units))
        return Used(*parts, transactions=self.transactions / count)
