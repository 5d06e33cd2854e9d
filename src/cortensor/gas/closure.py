# SPDX-License-Identifier: Apache-2.0
"""The check that a profile leaves nothing out: its parts are the receipt's gas, to the unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cortensor.errors import VerificationFailed

if TYPE_CHECKING:
    from cortensor.gas.transaction import Receipt, Transaction

REFUND_SHARE = 5


class Closure(NamedTuple):
    """intrinsic + execution - refund + poster = used, each in gas; poster is 0 off Arbitrum."""

    intrinsic: int
    execution: int
    refund: int
    poster: int

    @property
    def used(self) -> int:
        """What they make together."""
        return self.intrinsic + self.execution - self.refund + self.poster

    def __str__(self) -> str:
        """Return it as an equation."""
        poster = f" + poster {self.poster:,}" if self.poster else ""
        return (
            f"intrinsic {self.intrinsic:,} + execution {self.execution:,} "
            f"- refund {self.refund:,}{poster} = {self.used:,}"
        )


def close(
    transaction: Transaction, receipt: Receipt, execution_gas: int, refund_counter: int
) -> Closure:
    """Return the parts of what a transaction used.

    Args:
        transaction: it.
        receipt: its receipt.
        execution_gas: what its steps took.
        refund_counter: what they gave back, before the cap of a fifth; poster gas is no part of it.

    Raises:
        VerificationFailed: they are not what the receipt says (`not_closed`); names the difference.
    """
    intrinsic = sum(transaction.intrinsic().values())
    cap = (intrinsic + execution_gas) // REFUND_SHARE
    refund = 0 if receipt.is_failed else min(refund_counter, cap)
    found = Closure(intrinsic, execution_gas, refund, receipt.poster_gas or 0)
    if found.used != receipt.gas_used:
        floor = transaction.floor_gas
        why = (
            "; that is EIP-7623's floor, which Arbitrum does not have: run Anvil with "
            "--hardfork cancun"
            if receipt.gas_used == floor
            else ""
        )
        raise VerificationFailed(
            f"{found}, but the receipt says {receipt.gas_used:,}: "
            f"a difference of {receipt.gas_used - found.used:,}{why}",
            field="trace",
            code="not_closed",
        )
    return found
