# SPDX-License-Identifier: Apache-2.0
"""A transaction that a block holds, with what its receipt says and what it takes before it runs."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from cortensor.gas import kinds
from cortensor.gas.intrinsic import BASE_GAS, intrinsic
from cortensor.gas.trace import Trace  # noqa: TC001 -- msgspec reads the annotations

FLOOR_TOKEN_GAS, NONZERO_TOKENS = 10, 4


class Log(NamedTuple):
    """An event: who told it, its topics in hex, how many bytes of data."""

    address: str
    topics: list[str]
    data_bytes: int


class Receipt(Struct, frozen=True):
    """What a receipt says. `poster_gas` is `gasUsedForL1`, None where there is no such thing."""

    gas_used: int
    is_failed: bool
    logs: list[Log]
    poster_gas: int | None = None


class Transaction(Struct, frozen=True):
    """A mined transaction; addresses in lower case. `created` is set where `to` is None."""

    tx_hash: str
    chain_id: int
    tx_type: int
    sender: str
    to: str | None
    created: str | None
    data: bytes
    coinbase: str
    raw: bytes | None
    access_list: list[tuple[str, list[int]]]
    is_signed: bool = True

    @property
    def zero_bytes(self) -> int:
        """How many of its calldata's bytes are zero."""
        return self.data.count(0)

    @property
    def nonzero_bytes(self) -> int:
        """How many are not."""
        return len(self.data) - self.zero_bytes

    @property
    def floor_gas(self) -> int:
        """The least that EIP-7623 charges: on Ethereum since Prague, on Arbitrum not."""
        tokens = self.zero_bytes + NONZERO_TOKENS * self.nonzero_bytes
        return BASE_GAS + FLOOR_TOKEN_GAS * tokens

    def intrinsic(self) -> dict[str, int]:
        """Return class -> gas that it takes before its first step."""
        taken = intrinsic(
            self.data,
            is_creation=self.to is None,
            accounts=len(self.access_list),
            slots=sum(len(each) for _, each in self.access_list),
        )
        found = {kinds.COMPUTATION: taken.base, kinds.L2_CALLDATA: taken.calldata}
        return found | ({kinds.STORAGE_READ: taken.listed} if taken.listed else {})


class Traced(Struct, frozen=True):
    """A transaction, its receipt, its steps, and storage as it was before.

    `originals` is by address in lower case and slot; what is not in it was 0.
    """

    transaction: Transaction
    receipt: Receipt
    trace: Trace
    originals: dict[tuple[str, int], int]
