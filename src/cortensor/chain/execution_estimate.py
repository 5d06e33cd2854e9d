# SPDX-License-Identifier: Apache-2.0
"""What execution of a signed transaction would take, asked of an Arbitrum node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eth_abi.abi import decode, encode
from eth_account import Account
from web3 import Web3

from cortensor.chain.rpc import node_errors
from cortensor.errors import InvalidInput
from cortensor.receipts.keccak import keccak256

if TYPE_CHECKING:
    from cortensor.gas.envelope import Envelope

NODE_INTERFACE = Web3.to_checksum_address("0x00000000000000000000000000000000000000c8")
ARGUMENTS = ["address", "bool", "bytes"]
ANSWER = ["uint64", "uint64", "uint256", "uint256"]
SELECTOR = keccak256(f"gasEstimateComponents({','.join(ARGUMENTS)})".encode())[:4]
NOBODY = "0x" + "00" * 20


def execution_estimate(web3: Web3, envelope: Envelope) -> int:
    """Return the L2 gas that a node wants for a transaction: no less than it will use.

    NodeInterface's `gasEstimateComponents` is `eth_estimateGas` with the part for bytes told apart,
    so that this part, which a node guesses too high, can be left out.

    Args:
        web3: a node of the chain that it is signed for.
        envelope: the signed transaction; who signed it is found out.

    Raises:
        Conflict: it would revert now (`contract_refused`).
        InvalidInput: the node has no NodeInterface: no Arbitrum chain, or no front (`no_arbos`).
        Unavailable: the node does not answer, or has another reason.
    """
    to = "0x" + envelope.to.hex() if envelope.to else NOBODY
    words = encode(ARGUMENTS, [to, not envelope.to, envelope.data])
    with node_errors("gasEstimateComponents"):
        answered = web3.eth.call(
            {
                "from": Account.recover_transaction(envelope.raw),
                "to": NODE_INTERFACE,
                "data": SELECTOR + words,
                "value": Web3.to_wei(envelope.value, "wei"),
            }
        )
    if not answered:
        raise InvalidInput(
            "the node has no NodeInterface: it is no Arbitrum node; give --l2-gas",
            field="rpc",
            code="no_arbos",
        )
    with node_errors("gasEstimateComponents"):
        total, for_bytes, _, _ = decode(ANSWER, bytes(answered))
    return int(total) - int(for_bytes)
