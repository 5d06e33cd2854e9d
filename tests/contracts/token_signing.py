# SPDX-License-Identifier: Apache-2.0
"""What an owner of tokens signs, hashed by a wallet's library and not as the contracts do it."""

from __future__ import annotations

from typing import NamedTuple

import boa
from eth_account.messages import _hash_eip191_message, encode_typed_data
from eth_account.signers.local import LocalAccount

from tests.contracts.signing import vrs

PERMIT = {
    "owner": "address",
    "spender": "address",
    "value": "uint256",
    "nonce": "uint256",
    "deadline": "uint256",
}
MOVE = {
    "from": "address",
    "to": "address",
    "value": "uint256",
    "validAfter": "uint256",
    "validBefore": "uint256",
    "nonce": "bytes32",
}
TYPES = {
    "Permit": PERMIT,
    "TransferWithAuthorization": MOVE,
    "ReceiveWithAuthorization": MOVE,
    "CancelAuthorization": {"authorizer": "address", "nonce": "bytes32"},
}
NAMES = {"WCOR": "Wrapped Cortensor", "COR": "Cortensor"}


class Authorization(NamedTuple):
    """The signed arguments of EIP-3009's two transfers, in their order."""

    owner: str
    to: str
    amount: int
    valid_after: int
    valid_before: int
    nonce: bytes


def digest(token, kind: str, *values: object, **domain: object) -> bytes:
    """Return what a wallet signs for a struct; `domain` changes fields of the token's domain."""
    plain = {
        "name": NAMES[token.symbol()],
        "version": "1",
        "chainId": boa.env.evm.patch.chain_id,
        "verifyingContract": token.address,
    }
    fields = TYPES[kind]
    message = dict(zip(fields, values, strict=True))
    types = {kind: [{"name": name, "type": type_} for name, type_ in fields.items()]}
    signable = encode_typed_data(plain | domain, types, message)
    return bytes(_hash_eip191_message(signable))


def signed(token, kind: str, signer: LocalAccount, *values: object) -> tuple[int, bytes, bytes]:
    """Return a wallet's signature of a struct as (v, r, s)."""
    return vrs(signer, digest(token, kind, *values))
