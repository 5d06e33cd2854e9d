# SPDX-License-Identifier: Apache-2.0
"""The fee of a transaction before it is sent, line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import brotli
from msgspec import Struct

from cortensor.errors import InvalidInput
from cortensor.gas.arbitrum import WINDOW_BITS, Fee, fee_of
from cortensor.gas.cost_lines import BATCH_BYTES, DATA, EXECUTION, FIXED_SHARE, names_of
from cortensor.gas.parent import shares_of

if TYPE_CHECKING:
    from cortensor.gas.envelope import Envelope
    from cortensor.gas.snapshot import Snapshot

BATCH_LEVEL = 11


class Line(Struct, frozen=True):
    """One line of an estimate. `is_charged` lines add up; others say what a charge covers."""

    name: str
    gas: int | None
    wei: int
    is_charged: bool = True


GIVEN, BY_NODE, BY_LIMIT = "given", "node", "gas_limit"
"""Where the gas of execution is from; the node's and the limit are the most that it can be."""


class Estimate(Struct, frozen=True):
    """What a transaction will cost.

    Attributes:
        fee: what is charged.
        lines: the same, line by line.
        execution_from: `GIVEN`, `BY_NODE` or `BY_LIMIT`.
        fee_cap: the most that it pays, in wei a gas.
    """

    fee: Fee
    lines: list[Line]
    execution_from: str
    fee_cap: int

    @property
    def is_priced_out(self) -> bool:
        """Whether no block takes it at this base fee."""
        return self.fee_cap < self.fee.base_fee

    @property
    def is_bound(self) -> bool:
        """Whether it may use less: the figure of execution is the most."""
        return self.execution_from != GIVEN

    @property
    def total_wei(self) -> int:
        """What is charged, in wei of the gas token."""
        return self.fee.total_wei


def estimate(
    envelope: Envelope, snapshot: Snapshot, l2_gas: int | None = None, *, is_asked: bool = False
) -> Estimate:
    """Return what a transaction costs on a network.

    Args:
        envelope: the signed transaction.
        snapshot: the network's fees.
        l2_gas: what it uses on a plain EVM; None for what its limit leaves to execution.
        is_asked: whether a node said so, and not whoever knows.

    Raises:
        InvalidInput: it is signed for another chain (`wrong_chain`); no transaction of its kind
            uses as little as `l2_gas` (`l2_gas_too_low`); or its gas limit does not cover its
            bytes and execution (`gas_limit_too_low`).
    """
    if envelope.chain_id not in (None, snapshot.chain_id):
        raise InvalidInput(
            f"is signed for chain {envelope.chain_id}; {snapshot.network} is {snapshot.chain_id}",
            field="raw_tx",
            code="wrong_chain",
        )
    least = envelope.least_gas()
    if l2_gas is not None and l2_gas < least:
        raise InvalidInput(
            f"is {l2_gas}; it uses {least} at least",
            field="l2_gas",
            code="l2_gas_too_low",
        )
    data = fee_of(
        envelope.raw,
        0,
        brotli_level=snapshot.brotli_level,
        price_per_unit=int(snapshot.price_per_unit_wei),
        base_fee=int(snapshot.base_fee_wei),
    )
    left = envelope.gas_limit - data.poster_gas
    needed = max(l2_gas or 0, envelope.intrinsic().total)
    if left < needed:
        raise InvalidInput(
            f"its gas limit is {envelope.gas_limit}; its bytes take {data.poster_gas}, "
            f"execution {needed}{' and more' if l2_gas is None else ''}",
            field="raw_tx",
            code="gas_limit_too_low",
        )
    fee = data._replace(l2_gas=left if l2_gas is None else l2_gas)
    origin = BY_LIMIT if l2_gas is None else BY_NODE if is_asked else GIVEN
    return Estimate(fee, _lines(envelope, snapshot, fee), origin, envelope.fee_cap)


def _lines(envelope: Envelope, snapshot: Snapshot, fee: Fee) -> list[Line]:
    names = names_of(snapshot)
    charged = [
        Line(names[EXECUTION], fee.l2_gas, fee.execution_wei),
        Line(names[DATA], fee.poster_gas, fee.data_wei),
    ]
    if snapshot.parent is None:
        return charged
    in_batch = brotli.compress(envelope.raw, quality=BATCH_LEVEL, lgwin=WINDOW_BITS)
    shares = shares_of(
        len(in_batch), snapshot.parent.batches(), snapshot.parent.fees(), snapshot.pricer
    )
    return [
        *charged,
        Line(FIXED_SHARE, None, shares.fixed_wei, is_charged=False),
        Line(BATCH_BYTES, None, shares.bytes_wei, is_charged=False),
    ]
