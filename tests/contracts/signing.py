# SPDX-License-Identifier: Apache-2.0
"""Accounts with keys, and signatures in the forms that the contracts take."""

from __future__ import annotations

import boa
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_keys.datatypes import PrivateKey
from eth_utils import keccak

HIGH_BIT = 255


def account(name: str) -> LocalAccount:
    """Return an account whose key is a hash of its name, with ether to send with."""
    made = Account.from_key(keccak(text=f"test account {name}"))
    boa.env.set_balance(made.address, 10**18)
    return made


def sign(signer: LocalAccount, digest: bytes) -> bytes:
    """Return the 65 bytes r, s, v of a signature over a digest."""
    signature = PrivateKey(bytes(signer.key)).sign_msg_hash(digest)
    return (
        signature.r.to_bytes(32, "big")
        + signature.s.to_bytes(32, "big")
        + (27 + signature.v).to_bytes(1, "big")
    )


def vrs(signer: LocalAccount, digest: bytes) -> tuple[int, bytes, bytes]:
    """Return a signature as (v, r, s)."""
    signature = sign(signer, digest)
    return signature[64], signature[:32], signature[32:64]


def compact(signer: LocalAccount, digest: bytes) -> tuple[bytes, bytes]:
    """Return a signature as (r, vs), EIP-2098."""
    v, r, s = vrs(signer, digest)
    top = int.from_bytes(s, "big") | (v - 27) << HIGH_BIT
    return r, top.to_bytes(32, "big")
