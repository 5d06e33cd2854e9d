# SPDX-License-Identifier: Apache-2.0
"""What Arbitrum Nitro charges for one transaction, to the wei.

Gas pays for execution, as on any EVM, and for the transaction's bytes on the parent chain: those
are compressed as the sequencer does, counted in units of calldata gas, priced, and turned into gas
at the block's base fee. Formulas: OffchainLabs/nitro, arbos/l1pricing/l1pricing.go and
arbos/tx_processor.go, as read at 6dce8d13; checked against blocks of Arbitrum One and of a chain
above Ethereum by tests/python/gas/test_vectors.py. Everything here is an integer.
"""

from __future__ import annotations

from typing import NamedTuple

import brotli

from cortensor.errors import InvalidInput

SEQUENCER = "0xa4b000000000000000000073657175656e636572"
"""Coinbase of a block that the sequencer made; any other: its transactions came by the inbox."""

UNITS_PER_BYTE = 16
WINDOW_BITS = 22
MAX_LEVEL = 11
INEXACT_LEVELS = frozenset((2, 3, 4))
"""Where Python's compressor and Nitro's, an older build, differ on one input in fifteen."""

SIGNED_TYPES = frozenset((0, 1, 2, 4))
"""Transaction types that people sign; ArbOS's own (0x64 and above) pay for no bytes."""


def poster_units(raw_signed_tx: bytes, brotli_level: int) -> int:
    """Return the calldata units that a transaction is charged for.

    Args:
        raw_signed_tx: the signed EIP-2718 envelope, as `eth_sendRawTransaction` takes it.
        brotli_level: the chain's (ArbOwnerPublic `getBrotliCompressionLevel`), 0 to 11.

    Raises:
        InvalidInput: nothing was given; or a level at which the result might not be the chain's.
    """
    if not raw_signed_tx:
        raise InvalidInput("needs the bytes of a signed transaction", field="raw_signed_tx")
    if not 0 <= brotli_level <= MAX_LEVEL:
        raise InvalidInput(f"must be from 0 to {MAX_LEVEL}", field="brotli_level")
    if brotli_level in INEXACT_LEVELS:
        raise InvalidInput(
            "the chain's compressor and this one differ at levels 2 to 4, so no exact answer "
            "exists; no known chain uses them",
            field="brotli_level",
            code="inexact_level",
        )
    packed = brotli.compress(
        raw_signed_tx, mode=brotli.MODE_GENERIC, quality=brotli_level, lgwin=WINDOW_BITS
    )
    return UNITS_PER_BYTE * len(packed)


def pays_poster(tx_type: int, coinbase: str, base_fee: int) -> bool:
    """Return whether a transaction pays for its bytes at all.

    Args:
        tx_type: its EIP-2718 type.
        coinbase: its block's, 0x-hex in any case.
        base_fee: its block's, in wei.
    """
    return tx_type in SIGNED_TYPES and coinbase.lower() == SEQUENCER and base_fee > 0


def poster_gas(units: int, price_per_unit: int, base_fee: int) -> int:
    """Return the gas that pays for a transaction's bytes: the receipt's `gasUsedForL1`.

    Args:
        units: as `poster_units` counts them; 0 where `pays_poster` says no.
        price_per_unit: wei, ArbGasInfo's `getL1BaseFeeEstimate`; 0 happens, on busy days.
        base_fee: the block's, in wei.

    Raises:
        InvalidInput: for a negative value.
    """
    for name, value in (("units", units), ("price", price_per_unit), ("base_fee", base_fee)):
        if value < 0:
            raise InvalidInput("must not be negative", field=name)
    if base_fee == 0:
        return 0
    return price_per_unit * units // base_fee


def total_fee(l2_gas: int, poster_gas: int, base_fee: int) -> int:
    """Return what a transaction pays, in wei. Tips are not collected.

    Args:
        l2_gas: of execution, as a plain EVM counts it: intrinsic, with refunds, no EIP-7623 floor.
        poster_gas: as `poster_gas` computes it.
        base_fee: the block's, in wei.
    """
    return (l2_gas + poster_gas) * base_fee


class Fee(NamedTuple):
    """A transaction's fee in its parts: gas, and wei of the chain's gas token."""

    units: int
    l2_gas: int
    poster_gas: int
    base_fee: int

    @property
    def gas_used(self) -> int:
        """The receipt's `gasUsed`."""
        return self.l2_gas + self.poster_gas

    @property
    def execution_wei(self) -> int:
        """Wei for execution."""
        return self.l2_gas * self.base_fee

    @property
    def data_wei(self) -> int:
        """Wei for the bytes: what the pool that pays the batch poster gets."""
        return self.poster_gas * self.base_fee

    @property
    def total_wei(self) -> int:
        """Everything, in wei."""
        return total_fee(self.l2_gas, self.poster_gas, self.base_fee)


def fee_of(
    raw_signed_tx: bytes, l2_gas: int, *, brotli_level: int, price_per_unit: int, base_fee: int
) -> Fee:
    """Return the fee of a transaction that the sequencer puts into a block.

    Args:
        raw_signed_tx: the signed envelope.
        l2_gas: what it uses on a plain EVM.
        brotli_level: the chain's level.
        price_per_unit: the chain's price of a unit, in wei.
        base_fee: the block's, in wei.

    Raises:
        InvalidInput: as `poster_units` and `poster_gas`.
    """
    units = poster_units(raw_signed_tx, brotli_level) if base_fee else 0
    return Fee(units, l2_gas, poster_gas(units, price_per_unit, base_fee), base_fee)
