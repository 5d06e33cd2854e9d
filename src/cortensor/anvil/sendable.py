# SPDX-License-Identifier: Apache-2.0
"""What the sequencer would not take is not sent."""

from __future__ import annotations

import rlp
from rlp.exceptions import RLPException

from cortensor.anvil.precompiles import NAMES
from cortensor.anvil.rpc import INVALID_PARAMS, RpcError
from cortensor.gas.arbitrum import SIGNED_TYPES
from cortensor.gas.envelope import ACCESS_LIST, FIRST_LIST, LEGACY

LEGACY_TO, ACCESS_TO, LATER_TO = 3, 4, 5


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
    tx_type = LEGACY if raw[0] >= FIRST_LIST else raw[0]
    if tx_type not in SIGNED_TYPES:
        raise RpcError(f"transaction type not supported: 0x{tx_type:x}")
    refuse_precompile(_to(raw, tx_type))


def refuse_precompile(to: str) -> None:
    """Refuse a transaction to one of ArbOS' contracts: Anvil cannot run it.

    Raises:
        RpcError: it is one.
    """
    name = NAMES.get(to.lower())
    if name is not None:
        raise RpcError(f"{name} ({to}) cannot be sent transactions here: Anvil has no ArbOS")


def _to(raw: bytes, tx_type: int) -> str:
    """Return whom it is to; nobody where it cannot be read, which Anvil then says."""
    at = {LEGACY: LEGACY_TO, ACCESS_LIST: ACCESS_TO}.get(tx_type, LATER_TO)
    try:
        fields = rlp.decode(raw if tx_type == LEGACY else raw[1:])
    except RLPException:
        return ""
    is_there = isinstance(fields, list) and len(fields) > at and isinstance(fields[at], bytes)
    return "0x" + fields[at].hex() if is_there else ""
