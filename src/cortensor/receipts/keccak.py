# SPDX-License-Identifier: Apache-2.0
"""Keccak-256, and bytes as lower-case 0x-hex."""

from __future__ import annotations

from sha3 import keccak_256

from cortensor.errors import InvalidInput

WORD_BYTES = 32
ZERO_WORD = bytes(WORD_BYTES)


def keccak256(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 of `data` (Ethereum's padding, not SHA3-256's)."""
    digest: bytes = keccak_256(data).digest()
    return digest


def to_hex(data: bytes) -> str:
    """Return "0x" and lower-case hex digits."""
    return "0x" + data.hex()


def from_hex(text: str, length: int, field: str) -> bytes:
    """Return the `length` bytes of a lower-case 0x-hex text.

    Raises:
        InvalidInput: naming `field`; one spelling only, so that equal bytes are equal text.
    """
    try:
        data = bytes.fromhex(text[2:])
    except (ValueError, TypeError):
        data = b""
    if len(data) != length or text != to_hex(data):
        raise InvalidInput(f"must be 0x and {2 * length} lower-case hex digits", field=field)
    return data


def word(data: bytes, field: str) -> bytes:
    """Return `data` if it has 32 bytes; raises InvalidInput naming `field` otherwise."""
    if len(data) != WORD_BYTES:
        raise InvalidInput("must have 32 bytes", field=field)
    return data
