# SPDX-License-Identifier: Apache-2.0
"""A signed transaction's bytes from what a node shows of it, proven by its hash."""

from __future__ import annotations

from typing import Any

import rlp

from cortensor.errors import InvalidInput
from cortensor.gas.envelope import ACCESS_LIST, DYNAMIC_FEE, LEGACY, SET_CODE
from cortensor.receipts.keccak import keccak256

_START = {
    LEGACY: ("nonce", "gasPrice"),
    ACCESS_LIST: ("chainId", "nonce", "gasPrice"),
    DYNAMIC_FEE: ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas"),
    SET_CODE: ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas"),
}


def envelope_of(shown: dict[str, Any]) -> bytes:
    """Return the signed envelope of a transaction.

    Args:
        shown: as `eth_getTransactionByHash` answers it: quantities and bytes in hex.

    Raises:
        InvalidInput: of no type that people sign, or its bytes have another hash than it.
    """
    tx_type = _number(shown.get("type", "0x0"))
    if tx_type not in _START:
        raise InvalidInput(
            f"type {tx_type} is none that people sign (0, 1, 2 or 4), so it pays for no bytes",
            field="tx_hash",
            code="unknown_transaction_type",
        )
    fields: list[Any] = [_number(shown[name]) for name in _START[tx_type]]
    fields += [_number(shown["gas"]), _bytes(shown["to"])]
    fields += [_number(shown["value"]), _bytes(shown["input"])]
    if tx_type != LEGACY:
        fields.append(
            [
                [_bytes(item["address"]), [_bytes(key) for key in item["storageKeys"]]]
                for item in shown.get("accessList") or ()
            ]
        )
    if tx_type == SET_CODE:
        fields.append([_authorization(item) for item in shown["authorizationList"]])
    signature = [_number(shown["r"]), _number(shown["s"])]
    raw = _encoded(tx_type, [*fields, _number(shown["v"]), *signature])
    if keccak256(raw) != _bytes(shown["hash"]):
        raise InvalidInput(
            f"what the node shows of {shown['hash']} has another hash",
            field="tx_hash",
            code="other_hash",
        )
    return raw


def _encoded(tx_type: int, fields: list[Any]) -> bytes:
    payload: bytes = rlp.encode(fields)
    return payload if tx_type == LEGACY else bytes([tx_type]) + payload


def _authorization(item: dict[str, Any]) -> list[Any]:
    start = [_number(item["chainId"]), _bytes(item["address"]), _number(item["nonce"])]
    parity = item["yParity"] if "yParity" in item else item["v"]
    return [*start, _number(parity), _number(item["r"]), _number(item["s"])]


def _number(value: str | int) -> int:
    return value if isinstance(value, int) else int(value, 16)


def _bytes(value: str | None) -> bytes:
    return bytes.fromhex((value or "0x").removeprefix("0x"))
