# SPDX-License-Identifier: Apache-2.0
"""A scenario's call as somebody would sign it: its bytes are what an L2 charges for beside gas."""

from __future__ import annotations

from eth_account import Account
from eth_utils import keccak

from cortensor.gas.arbitrum import poster_units

CHAIN_ID = 421_614
BROTLI_LEVEL = 1
NONCE = 1_000
GAS_LIMIT = 1_000_000
MAX_FEE_WEI = 10**9
KEY = keccak(text="cortensor bench sender")


def units_of(data: str, to: str | None, value: int = 0) -> int:
    """Return the calldata units of a call: by a fixed key and nonce, so the same in every run.

    Args:
        data: 0x-hex.
        to: the contract; None to create one.
        value: wei of the coin that it brings.
    """
    fields = {
        "chainId": CHAIN_ID,
        "nonce": NONCE,
        "gas": GAS_LIMIT,
        "maxFeePerGas": MAX_FEE_WEI,
        "maxPriorityFeePerGas": 0,
        "value": value,
        "data": data,
    }
    signed = Account.sign_transaction(fields | ({} if to is None else {"to": to}), KEY)
    return poster_units(bytes(signed.raw_transaction), BROTLI_LEVEL)
