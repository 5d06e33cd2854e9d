# SPDX-License-Identifier: Apache-2.0
"""Refuses signing keys that anybody can guess, except on a chain of one's own."""

from __future__ import annotations

from cortensor.errors import InvalidInput
from cortensor.receipts.sign import address_of

DEVELOPMENT_CHAINS = frozenset({1337, 31337, 412346})
FEW_BYTES = 8
SHORT_BITS = 128

# The accounts of the mnemonic that Anvil, Hardhat and Ape start with.
_PUBLISHED = frozenset(
    {
        "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
        "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
        "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
        "0x90f79bf6eb2c4f870365e785982e1f101e93b906",
        "0x15d34aaf54267db7d7c367839aaf71a00a2c6a65",
        "0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc",
        "0x976ea74026e726554db657fa54763abd0c3a0aa9",
        "0x14dc79964da2c08b23698b3d3cc7ca32193d9955",
        "0x23618e81e3f5cdf7f54c3d65f7fbc0abf5b21e8f",
        "0xa0ee7a142d267c1f36714e4a8f75612f20a79720",
    }
)


def check_signer_key(key: str, chain_id: int) -> None:
    """Refuse a router's key that is published, short, or of hardly any different bytes.

    Args:
        key: 32 bytes as 0x hex.
        chain_id: on development chains any key is good.

    Raises:
        InvalidInput: code `weak_key`.
    """
    if chain_id in DEVELOPMENT_CHAINS:
        return
    raw = bytes.fromhex(key.removeprefix("0x"))
    reason = None
    if address_of(key).lower() in _PUBLISHED:
        reason = "is an account of the mnemonic that development tools publish"
    elif int.from_bytes(raw, "big").bit_length() <= SHORT_BITS or len(set(raw)) < FEW_BYTES:
        reason = "can be guessed"
    if reason is not None:
        raise InvalidInput(
            f"the router's key {reason}; make one of 32 random bytes",
            field="signer_key_env",
            code="weak_key",
        )
