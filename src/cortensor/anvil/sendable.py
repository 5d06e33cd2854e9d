# SPDX-License-Identifier: Apache-2.0
"""What the sequencer would not take is not sent."""

from __future__ import annotations

from typing import Any

import rlp

from cortensor.anvil.precompiles import NAMES
from cortensor.anvil.rpc import INVALID_PARAMS, RpcError
from cortensor.errors import InvalidInput
from cortensor.gas.arbitrum import SIGNED_TYPES
from cortensor.gas.envelope import ACCESS_LIST, FIRST_LIST, LEGACY, SET_CODE, parse_envelope

AT = {LEGACY: 2, ACCESS_LIST: 3}
"""Where the gas limit is among a transaction's fields; then come `to`, value, data."""

LATER_AT = 4
BASE_GAS, CREATION_GAS, WORD_GAS = 21_000, 32_000, 2
ZERO_GAS, BYTE_GAS = 4, 16
ADDRESS_GAS, KEY_GAS, AUTHORITY_GAS = 2_400, 1_900, 25_000
WORD = 32


def check_sendable(raw: bytes, max_bytes: int) -> None:
    """Refuse a signed transaction that the network would refuse and Anvil would take.

    Args:
        raw: its envelope.
        max_bytes: the sequencer's limit.

    Raises:
        RpcError: too large; a type that the network does not take; to one of ArbOS' contracts.
    """
    if not raw:
        raise RpcError("empty transaction data", INVALID_PARAMS)
    if len(raw) > max_bytes:
        raise RpcError(f"oversized data: transaction size {len(raw)}, limit {max_bytes}")
    tx_type = _type(raw)
    if tx_type not in SIGNED_TYPES:
        raise RpcError(f"transaction type not supported: 0x{tx_type:x}")
    fields = _fields(raw)
    if fields is not None:
        refuse_precompile("0x" + fields[_at(raw) + 1].hex())


def check_limit(raw: bytes, poster_gas: int) -> None:
    """Refuse a gas limit that covers the start of a transaction and not its bytes as well.

    Args:
        raw: its envelope.
        poster_gas: what its bytes take.

    Raises:
        RpcError: it does not cover them.
    """
    fields = _fields(raw)
    if fields is None:
        return
    limit = int.from_bytes(fields[_at(raw)], "big")
    needed = intrinsic_gas(raw) + poster_gas
    if limit < needed:
        raise RpcError(f"intrinsic gas too low: have {limit}, want {needed}")


def intrinsic_gas(raw: bytes) -> int:
    """Return what a transaction takes before it runs, on a plain EVM at Cancun; 0 for none."""
    fields = _fields(raw)
    if fields is None:
        return 0
    to, _value, data, *rest = fields[_at(raw) + 1 :]
    zeros: int = data.count(0)
    gas: int = BASE_GAS + ZERO_GAS * zeros + BYTE_GAS * (len(data) - zeros)
    if not to:
        gas += CREATION_GAS + WORD_GAS * -(-len(data) // WORD)
    if _type(raw) != LEGACY:
        gas += sum(ADDRESS_GAS + KEY_GAS * len(item[1]) for item in rest[0])
    if _type(raw) == SET_CODE:
        gas += AUTHORITY_GAS * len(rest[1])
    return gas


def refuse_precompile(to: str) -> None:
    """Refuse a transaction to one of ArbOS' contracts: Anvil cannot run it.

    Raises:
        RpcError: it is one.
    """
    name = NAMES.get(to.lower())
    if name is not None:
        raise RpcError(f"{name} ({to}) cannot be sent transactions here: Anvil has no ArbOS")


def _type(raw: bytes) -> int:
    return LEGACY if raw[0] >= FIRST_LIST else raw[0]


def _at(raw: bytes) -> int:
    return AT.get(_type(raw), LATER_AT)


def _fields(raw: bytes) -> list[Any] | None:
    """Return a transaction's fields, or None where they are not to be read: Anvil says why."""
    try:
        parse_envelope(raw)
    except InvalidInput:
        return None
    found: list[Any] = rlp.decode(raw if _type(raw) == LEGACY else raw[1:])
    return found
