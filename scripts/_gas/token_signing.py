# SPDX-License-Identifier: Apache-2.0
"""What owners of COR sign: permits (EIP-2612) and authorizations (EIP-3009)."""

from __future__ import annotations

from typing import Any

from eth_abi import encode as abi_encode
from eth_account.signers.local import LocalAccount
from eth_utils import keccak

_MOVE = "address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce"
PERMIT = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
RECEIVE = f"ReceiveWithAuthorization({_MOVE})"
TRANSFER = f"TransferWithAuthorization({_MOVE})"
CANCEL = "CancelAuthorization(address authorizer,bytes32 nonce)"


def sign(token: Any, signer: LocalAccount, kind: str, *values: Any) -> tuple[int, bytes, bytes]:
    """Return (v, r, s) of a struct in a token's domain.

    Args:
        token: the contract.
        signer: whose tokens they are.
        kind: the struct's type, one of those above.
        values: of its fields, in their order.
    """
    types = [field.split()[0] for field in kind[kind.index("(") + 1 : -1].split(",")]
    struct = keccak(abi_encode(("bytes32", *types), (keccak(text=kind), *values)))
    domain = token.functions.DOMAIN_SEPARATOR().call()
    signed = signer.unsafe_sign_hash(keccak(b"\x19\x01" + domain + struct))
    return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")
