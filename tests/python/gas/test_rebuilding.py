# SPDX-License-Identifier: Apache-2.0
"""Envelopes made again from what a node shows."""

from __future__ import annotations

from typing import Any

import pytest
import rlp
from eth_account import Account

from cortensor.errors import InvalidInput
from cortensor.gas.rebuilding import envelope_of
from cortensor.receipts.keccak import keccak256
from tests.python.gas.signed import KEY, TO, signed

ACCESS = [{"address": TO, "storageKeys": ["0x" + "01" * 32]}]
NAMES = {
    0: "nonce gasPrice gas to value input v r s",
    1: "chainId nonce gasPrice gas to value input accessList v r s",
    2: "chainId nonce maxPriorityFeePerGas maxFeePerGas gas to value input accessList v r s",
}
NAMES[4] = NAMES[2].replace("accessList", "accessList authorizationList")


def shown(raw: bytes, tx_type: int) -> dict[str, Any]:
    """Return what a node answers of a transaction."""
    fields = rlp.decode(raw if tx_type == 0 else raw[1:])
    named = dict(zip(NAMES[tx_type].split(), fields, strict=True))
    told: dict[str, Any] = {"type": hex(tx_type), "hash": "0x" + keccak256(raw).hex()}
    for name, value in named.items():
        if name == "accessList":
            told[name] = [
                {"address": "0x" + who.hex(), "storageKeys": ["0x" + key.hex() for key in keys]}
                for who, keys in value
            ]
        elif name == "authorizationList":
            parts = ("chainId", "address", "nonce", "yParity", "r", "s")
            told[name] = [
                {
                    part: "0x" + one.hex() if part == "address" else hex(int.from_bytes(one, "big"))
                    for part, one in zip(parts, item, strict=True)
                }
                for item in value
            ]
        elif name in ("to", "input"):
            told[name] = "0x" + value.hex() if value or name == "input" else None
        else:
            told[name] = hex(int.from_bytes(value, "big"))
    return told


AUTHORITY = Account.sign_authorization({"chainId": 421_614, "address": TO, "nonce": 1}, KEY)


@pytest.mark.parametrize(
    ("raw", "tx_type"),
    [
        (signed(b"\0\1", gasPrice=10**9), 0),
        (signed(gasPrice=10**9, chain_id=None), 0),
        (signed(b"\1", gasPrice=10**9, accessList=ACCESS), 1),
        (signed(b"\1" * 99, accessList=ACCESS), 2),
        (signed(b"\1" * 99, to=""), 2),
        (signed(authorizationList=[AUTHORITY]), 4),
    ],
)
def test_the_bytes_are_those_that_were_signed(raw: bytes, tx_type: int) -> None:
    assert envelope_of(shown(raw, tx_type)) == raw


def test_another_hash_is_told() -> None:
    with pytest.raises(InvalidInput) as caught:
        envelope_of(shown(signed(), 2) | {"value": "0x1"})
    assert caught.value.code == "other_hash"


def test_what_nobody_signed_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        envelope_of({"type": "0x6a"})
    assert caught.value.code == "unknown_transaction_type"
