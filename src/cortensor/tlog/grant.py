# SPDX-License-Identifier: Apache-2.0
"""The anchorer's word for the key that signs its log's checkpoints: an EIP-191 signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.errors import InvalidInput
from cortensor.receipts.keccak import from_hex, keccak256
from cortensor.receipts.sign import recover

if TYPE_CHECKING:
    from cortensor.tlog.entry import LogName

SIGNATURE_BYTES = 65


def grant_digest(verifier: str, name: LogName) -> bytes:
    """Return the digest that the anchorer signs: of the key and the log, as a personal message."""
    text = f"cortensor-tlog-key/1\n{verifier}\n{name.line}\n".encode()
    return keccak256(b"\x19Ethereum Signed Message:\n" + str(len(text)).encode() + text)


def read_grant(text: str, name: LogName) -> str:
    """Return the key that a log's anchorer granted.

    Raises:
        InvalidInput: it is for another log, or another key signed it.
    """
    lines = text.splitlines()
    if len(lines) != 3 or lines[1] != name.line:  # noqa: PLR2004  key, log, signature
        raise InvalidInput("is not for this chain, contract and anchorer", field="key")
    signature = from_hex(lines[2], SIGNATURE_BYTES, "key")
    if recover(grant_digest(lines[0], name), signature).lower() != name.anchorer:
        raise InvalidInput("is not granted by the anchorer", field="key")
    return lines[0]
