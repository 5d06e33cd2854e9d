# SPDX-License-Identifier: Apache-2.0
"""secp256k1 signatures over 32-byte digests, in one form only.

A signature is r | s | v with s in the lower half and v 27 or 28. The other half would recover the
same signer from other bytes, and one receipt must not have two valid signatures.
"""

from __future__ import annotations

from functools import lru_cache

import coincurve

from cortensor.errors import InvalidInput, VerificationFailed
from cortensor.receipts.keccak import keccak256, to_hex, word

SIGNATURE_BYTES = 65
ADDRESS_BYTES = 20
KEY_BYTES = 32
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_V_OFFSET = 27


@lru_cache(maxsize=8)
def _signer(private_key: bytes | str) -> coincurve.PrivateKey:
    """Return the key ready to sign: its public half is computed once, not for every signature."""
    try:
        data = private_key
        if isinstance(data, str):
            data = bytes.fromhex(data.removeprefix("0x"))
        key = coincurve.PrivateKey(data)
    except (ValueError, TypeError):
        data, key = b"", None
    if key is None or len(data) != KEY_BYTES:
        # The message must not repeat the key.
        raise InvalidInput("must be a 32-byte private key", field="private_key")
    return key


def address_of(private_key: bytes | str) -> str:
    """Return the lower-case 0x address of a private key."""
    return _address(_signer(private_key).public_key)


def _address(key: coincurve.PublicKey) -> str:
    return to_hex(keccak256(key.format(compressed=False)[1:])[-ADDRESS_BYTES:])


def sign(private_key: bytes | str, digest: bytes) -> bytes:
    """Return the 65-byte deterministic (RFC 6979) signature of a digest.

    Raises:
        InvalidInput: for a malformed key or digest.
    """
    signature = _signer(private_key).sign_recoverable(word(digest, "digest"), hasher=None)
    return signature[:-1] + bytes([signature[-1] + _V_OFFSET])


def recover(digest: bytes, signature: bytes) -> str:
    """Return the lower-case 0x address that signed a digest.

    Raises:
        VerificationFailed: if the signature is malformed, malleable or recovers nobody.
    """
    if len(signature) != SIGNATURE_BYTES or signature[-1] not in (_V_OFFSET, _V_OFFSET + 1):
        raise VerificationFailed("must have 65 bytes and v 27 or 28", field="signature")
    if int.from_bytes(signature[32:64], "big") > _ORDER // 2:
        raise VerificationFailed("s is in the upper half", field="signature")
    raw = signature[:-1] + bytes([signature[-1] - _V_OFFSET])
    digest = word(digest, "digest")
    try:
        key = coincurve.PublicKey.from_signature_and_message(raw, digest, hasher=None)
    except Exception:  # noqa: BLE001 -- coincurve raises what its version pleases
        raise VerificationFailed("recovers no signer", field="signature") from None
    return _address(key)
