# SPDX-License-Identifier: Apache-2.0
"""What a transaction takes before its first step, at Cancun: EIP-2028, 2930, 3860 and 7702."""

from __future__ import annotations

from typing import NamedTuple

BASE_GAS, CREATE_GAS, INITCODE_WORD_GAS = 21_000, 32_000, 2
ZERO_BYTE_GAS, NONZERO_BYTE_GAS = 4, 16
LISTED_ACCOUNT_GAS, LISTED_SLOT_GAS, AUTHORITY_GAS = 2_400, 1_900, 25_000
WORD_BYTES = 32


class Intrinsic(NamedTuple):
    """Gas for being a transaction, for calldata, for what an access list names, for delegations."""

    base: int
    calldata: int
    listed: int
    delegated: int

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self)


def intrinsic(
    data: bytes, *, is_creation: bool, accounts: int = 0, slots: int = 0, authorities: int = 0
) -> Intrinsic:
    """Return what a transaction takes.

    Args:
        data: its calldata, or the code that creates a contract.
        is_creation: whether it creates one.
        accounts: in its access list.
        slots: in its access list.
        authorities: in its authorization list.
    """
    base = BASE_GAS
    if is_creation:
        base += CREATE_GAS + INITCODE_WORD_GAS * -(-len(data) // WORD_BYTES)
    zeros = data.count(0)
    return Intrinsic(
        base,
        ZERO_BYTE_GAS * zeros + NONZERO_BYTE_GAS * (len(data) - zeros),
        LISTED_ACCOUNT_GAS * accounts + LISTED_SLOT_GAS * slots,
        AUTHORITY_GAS * authorities,
    )
