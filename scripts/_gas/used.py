# SPDX-License-Identifier: Apache-2.0
"""What a transaction took."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import NamedTuple


class Posted(NamedTuple):
    """One transaction's bytes, of which a part is borne.

    Attributes:
        units: the calldata units that a chain above Ethereum charges the whole transaction for.
        part: how much of it is borne; 1 is all.
    """

    units: int
    part: Fraction = Fraction(1)


@dataclass(frozen=True)
class Used:
    """What one transaction took.

    Attributes:
        gas: the receipt's gasUsed.
        intrinsic: of that, what is taken before the first step.
        posted: its bytes; of a sum, those of each, as a chain rounds for each by itself. None for a
            call that contracts make among themselves.
        tx_hash: the transaction's; empty for sums and shares.
        poster: the receipt's gasUsedForL1, which is in `gas`; 0 on a plain EVM.
        price: what was paid for a unit of gas, in wei; 0 on a plain EVM.
        call: contract and function called, as in `ReceiptAnchor.revoke(bytes32)`; empty for sums,
            shares and creations.
    """

    gas: int
    intrinsic: int
    posted: tuple[Posted, ...]
    tx_hash: str = ""
    call: str = ""
    poster: int = 0
    price: int = 0

    @property
    def units(self) -> int:
        """The calldata units of all of it, rounded up where it is a share."""
        return sum(ceil(each.units * each.part) for each in self.posted)

    @property
    def transactions(self) -> Fraction:
        """How many it was; less than 1 of a share."""
        return sum((each.part for each in self.posted), Fraction(0))

    def __add__(self, other: Used) -> Used:
        """Return what both took together."""
        return Used(
            self.gas + other.gas,
            self.intrinsic + other.intrinsic,
            self.posted + other.posted,
        )

    def share(self, count: int) -> Used:
        """Return what each of so many bears, gas rounded up."""
        gas, intrinsic = (-(-part // count) for part in (self.gas, self.intrinsic))
        posted = tuple(Posted(each.units, each.part / count) for each in self.posted)
        return Used(gas, intrinsic, posted)
