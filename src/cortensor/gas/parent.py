# SPDX-License-Identifier: Apache-2.0
"""What a chain above Arbitrum pays its parent for a batch, and what of that one transaction bears.

A batch costs the same for being posted, whoever is in it: the *fixed share*. Its bytes cost beside
that, unless the chain keeps its data with a committee (AnyTrust) and posts only a certificate.
What the poster pays in the parent's coin and what the chain is told in its own are two figures; a
report's gas is `poster_price.batch_gas`.
"""

from __future__ import annotations

from typing import NamedTuple

from cortensor.errors import InvalidInput
from cortensor.gas.arbitrum import poster_gas, poster_units
from cortensor.gas.poster_price import BatchReport, PricerSettings, batch_gas

CERTIFICATE_BYTES = 178
"""An AnyTrust certificate: header, keyset and data hashes, expiry, version, signers, signature."""

BATCH_HEADER_BYTES = 40
RATE_UNIT = 10**18
NOTHING = BatchReport(0, 0, 0, 1)


class ParentFees(NamedTuple):
    """The parent chain's fees, in its wei.

    Attributes:
        base_fee: a unit of gas.
        price_per_unit: a calldata unit.
        brotli_level: the parent's.
        rate: wei of this chain's gas token for 1e18 wei of the parent's.
    """

    base_fee: int
    price_per_unit: int
    brotli_level: int
    rate: int = RATE_UNIT

    @property
    def base_fee_here(self) -> int:
        """Its base fee in this chain's gas token, as a report carries it."""
        return self.base_fee * self.rate // RATE_UNIT


class Batches(NamedTuple):
    """How a chain posts.

    Attributes:
        transactions: in one batch, at least 1.
        is_anytrust: whether a certificate is posted and not the data.
        extra_gas: gas that the parent charges for the batch's bytes on its own parent.
    """

    transactions: int
    is_anytrust: bool
    extra_gas: int = 0


class Shares(NamedTuple):
    """What a transaction costs the chain to post, in wei of its gas token, rounded up."""

    fixed_wei: int
    bytes_wei: int


def poster_cost(raw_batch_tx: bytes, execution_gas: int, parent: ParentFees) -> int:
    """Return what a batch costs its poster, in wei of the parent.

    Args:
        raw_batch_tx: the signed transaction that posts it.
        execution_gas: what it uses on the parent: intrinsic gas and execution.
        parent: the parent's fees.

    Raises:
        InvalidInput: as `poster_units`.
    """
    units = poster_units(raw_batch_tx, parent.brotli_level)
    data_gas = poster_gas(units, parent.price_per_unit, parent.base_fee)
    return (execution_gas + data_gas) * parent.base_fee


def shares_of(
    compressed_bytes: int, batches: Batches, parent: ParentFees, settings: PricerSettings
) -> Shares:
    """Return what of a batch's reported cost a transaction bears.

    Args:
        compressed_bytes: the transaction's share of the batch.
        batches: how the chain posts; every transaction bears the same of what is fixed.
        parent: the parent's fees.
        settings: the chain's pricer.

    Raises:
        InvalidInput: for a batch without transactions.
    """
    if batches.transactions < 1:
        raise InvalidInput("a batch has at least 1", field="transactions")
    posted = CERTIFICATE_BYTES + BATCH_HEADER_BYTES if batches.is_anytrust else BATCH_HEADER_BYTES
    empty = NOTHING._replace(nonzero_bytes=posted, extra_gas=batches.extra_gas)
    fixed_gas = batch_gas(empty, settings)
    price = parent.base_fee_here
    fixed = -(-fixed_gas * price // batches.transactions)
    if batches.is_anytrust:
        return Shares(fixed, 0)
    filled = empty._replace(nonzero_bytes=posted + compressed_bytes * batches.transactions)
    bytes_gas = batch_gas(filled, settings) - fixed_gas
    return Shares(fixed, -(-bytes_gas * price // batches.transactions))


def steady_price(cost_wei: int, units: int, reward_per_unit: int) -> int:
    """Return the price of a unit at which charges cover costs: where the controller settles.

    Args:
        cost_wei: reported costs over some time, in the gas token.
        units: charged in that time, at least 1.
        reward_per_unit: wei, on top.

    Raises:
        InvalidInput: nothing was charged.
    """
    if units < 1:
        raise InvalidInput("needs at least 1", field="units")
    return -(-cost_wei // units) + reward_per_unit
