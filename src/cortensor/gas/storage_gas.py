# SPDX-License-Identifier: Apache-2.0
"""What writing a storage slot takes and gives back: EIP-2200 as changed by EIP-2929 and 3529."""

from __future__ import annotations

from typing import NamedTuple

COLD_SLOT_GAS, WARM_GAS = 2_100, 100
SET_GAS, RESET_GAS = 20_000, 2_900
CLEAR_REFUND = 4_800

SET, RESET, CLEAR, REWRITE, SAME = "set", "reset", "clear", "rewrite", "same"
"""0 to a value; a value to another; a value to 0; changed before in this transaction; no change."""


class Write(NamedTuple):
    """A write's kind, its gas once the slot is warm, and its refund, which may be negative."""

    kind: str
    gas: int
    refund: int


def write(original: int, current: int, new: int) -> Write:
    """Return what writing a slot takes.

    Args:
        original: the slot's value before the transaction.
        current: before this write.
        new: after it.
    """
    if new == current:
        return Write(SAME, WARM_GAS, 0)
    if current == original:
        if original == 0:
            return Write(SET, SET_GAS, 0)
        return Write(RESET, RESET_GAS, 0) if new else Write(CLEAR, RESET_GAS, CLEAR_REFUND)
    refund = 0
    if original:
        refund -= CLEAR_REFUND if current == 0 else 0
        refund += CLEAR_REFUND if new == 0 else 0
    if new == original:
        refund += (RESET_GAS if original else SET_GAS) - WARM_GAS
    return Write(REWRITE, WARM_GAS, refund)
