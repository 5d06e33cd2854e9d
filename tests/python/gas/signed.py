# SPDX-License-Identifier: Apache-2.0
"""Transactions signed by one key with one nonce: the same bytes on every machine."""

from __future__ import annotations

from typing import Any

from eth_account import Account

KEY = "0x" + "11" * 32
TO = "0x" + "22" * 20


def signed(
    data: bytes = b"", gas: int = 100_000, chain_id: int | None = 421_614, **more: Any
) -> bytes:
    """Return a signed transaction; of type 2 unless `gasPrice` is given."""
    fields: dict[str, Any] = {"nonce": 7, "gas": gas, "to": TO, "value": 0, "data": data, **more}
    if chain_id is not None:
        fields["chainId"] = chain_id
    if "gasPrice" not in fields:
        fields = {"maxFeePerGas": 10**9, "maxPriorityFeePerGas": 0} | fields
    return bytes(Account.sign_transaction(fields, KEY).raw_transaction)
