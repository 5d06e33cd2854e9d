# SPDX-License-Identifier: Apache-2.0
"""Refusals that a contract gives as a custom error and no ABI of ours declares.

The registries of ERC-8004 refuse as ERC-6093 says; a node hands those bytes on as they are.
"""

from __future__ import annotations

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import function_signature_to_4byte_selector

SIGNATURES = (
    "ERC721IncorrectOwner(address,uint256,address)",
    "ERC721InsufficientApproval(address,uint256)",
    "ERC721InvalidApprover(address)",
    "ERC721InvalidOperator(address)",
    "ERC721InvalidOwner(address)",
    "ERC721InvalidReceiver(address)",
    "ERC721InvalidSender(address)",
    "ERC721NonexistentToken(uint256)",
)
_BY_SELECTOR = {function_signature_to_4byte_selector(text): text for text in SIGNATURES}
_SELECTOR_BYTES = 4


def readable(reason: str) -> str:
    """Return a refusal in words: `ERC721NonexistentToken(7)` for its bytes, others unchanged.

    Args:
        reason: what the node said, text or 0x hex.
    """
    try:
        raw = bytes.fromhex(reason.removeprefix("0x")) if reason.startswith("0x") else b""
    except ValueError:
        return reason
    signature = _BY_SELECTOR.get(raw[:_SELECTOR_BYTES])
    if signature is None:
        return reason
    name, _, types = signature.rstrip(")").partition("(")
    try:
        values = decode(types.split(","), raw[_SELECTOR_BYTES:])
    except DecodingError:
        return reason
    return f"{name}({', '.join(map(str, values))})"
