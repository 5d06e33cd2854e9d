# SPDX-License-Identifier: Apache-2.0
"""What the sequencer would not take is not sent."""

from __future__ import annotations

from cortensor.anvil.precompiles import NAMES
from cortensor.anvil.rpc import INVALID_PARAMS, RpcError
from cortensor.errors import InvalidInput
from cortensor.gas.arbitrum import SIGNED_TYPES
from cortensor.gas.envelope import FIRST_LIST, LEGACY, Envelope, parse_envelope


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
    envelope = _envelope(raw)
    if envelope is not None:
        refuse_precompile("0x" + envelope.to.hex())


def check_limit(raw: bytes, poster_gas: int) -> None:
    """Refuse a gas limit that covers the start of a transaction and not its bytes as well.

    Args:
        raw: its envelope.
        poster_gas: what its bytes take.

    Raises:
        RpcError: it does not cover them.
    """
    envelope = _envelope(raw)
    if envelope is None:
        return
    needed = envelope.intrinsic().total + poster_gas
    if envelope.gas_limit < needed:
        raise RpcError(f"intrinsic gas too low: have {envelope.gas_limit}, want {needed}")


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


def _envelope(raw: bytes) -> Envelope | None:
    """Return a transaction, or None where it is not to be read: Anvil says why."""
    try:
        return parse_envelope(raw)
    except InvalidInput:
        return None
