# SPDX-License-Identifier: Apache-2.0
"""How Nitro guesses the gas for a transaction's bytes before it is signed: more than is charged.

It makes up a transaction with a signature that nobody gave, counts its units, and adds twice: bytes
that a signature might add, and room for the price to rise. Formulas: OffchainLabs/nitro,
arbos/l1pricing/l1pricing.go and execution/nodeInterface, as read at 6dce8d13.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import rlp

from cortensor.anvil.rpc import INVALID_PARAMS, RpcError
from cortensor.gas.arbitrum import poster_units
from cortensor.gas.envelope import DYNAMIC_FEE
from cortensor.receipts.keccak import keccak256

PADDING_UNITS, PADDING_BPS = 256, 10_100
PRICE_PADDING_BPS = 11_000
ONE_BPS = 10_000
ANY_V = 42_161 * 3


def _any(name: str, size: int) -> int:
    """Return the arbitrary number that Nitro makes of a name."""
    return int.from_bytes(keccak256(name.encode())[:size], "big")


ANY_NONCE, ANY_GAS = _any("Nonce", 8), _any("Gas", 4)
ANY_TIP, ANY_CAP = _any("GasTipCap", 4), _any("GasFeeCap", 4)
ANY_R, ANY_S = _any("R", 32), _any("S", 32)


class Message(NamedTuple):
    """What is known of a transaction that is not signed yet."""

    to: bytes = b""
    data: bytes = b""
    value: int = 0
    nonce: int = 0
    tip: int = 0
    cap: int = 0
    access: tuple[tuple[bytes, tuple[bytes, ...]], ...] = ()


def message_of(call: dict[str, Any]) -> Message:
    """Return the message of a call as `eth_estimateGas` takes it.

    Raises:
        RpcError: a field of it is no hex.
    """
    try:
        data = call.get("input") or call.get("data") or "0x"
        price = call.get("gasPrice")
        tip, cap = (
            (call.get("maxPriorityFeePerGas"), call.get("maxFeePerGas"))
            if price is None
            else (price, price)
        )
        return Message(
            to=_bytes(call.get("to")),
            data=_bytes(data),
            value=_number(call.get("value")),
            nonce=_number(call.get("nonce")),
            tip=_number(tip),
            cap=_number(cap),
            access=tuple(
                (_bytes(item["address"]), tuple(_bytes(key) for key in item["storageKeys"]))
                for item in call.get("accessList") or ()
            ),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RpcError(f"cannot read the call: {error!r}", INVALID_PARAMS) from error


def made_up(message: Message) -> bytes:
    """Return the envelope that Nitro makes up for a message."""
    fields = [
        b"",
        message.nonce or ANY_NONCE,
        message.tip or ANY_TIP,
        message.cap or ANY_CAP,
        ANY_GAS,
        message.to,
        message.value,
        message.data,
        message.access,
        ANY_V,
        ANY_R,
        ANY_S,
    ]
    encoded: bytes = rlp.encode(fields)
    return bytes([DYNAMIC_FEE]) + encoded


def padded_units(message: Message, brotli_level: int) -> int:
    """Return the units that Nitro counts for a message."""
    units = poster_units(made_up(message), brotli_level)
    return (units + PADDING_UNITS) * PADDING_BPS // ONE_BPS


def gas_for_estimate(units: int, price_per_unit: int, base_fee: int, min_base_fee: int) -> int:
    """Return the gas that `eth_estimateGas` adds: at a base fee an eighth lower, if it may be.

    Args:
        units: as `padded_units` counts them.
        price_per_unit: wei.
        base_fee: wei.
        min_base_fee: wei.
    """
    cost = price_per_unit * units * PRICE_PADDING_BPS // ONE_BPS
    price = max(min_base_fee, base_fee * 7 // 8)
    return cost // price if price else 0


def l1_component(units: int, price_per_unit: int, base_fee: int) -> int:
    """Return what NodeInterface's `gasEstimateL1Component` says: at the base fee itself."""
    cost = price_per_unit * units * PRICE_PADDING_BPS // ONE_BPS
    return cost // base_fee if base_fee else 0


def _bytes(text: str | None) -> bytes:
    return bytes.fromhex((text or "0x").removeprefix("0x"))


def _number(value: str | int | None) -> int:
    return int(value, 16) if isinstance(value, str) else int(value or 0)
