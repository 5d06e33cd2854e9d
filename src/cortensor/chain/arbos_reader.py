# SPDX-License-Identifier: Apache-2.0
"""Reads a chain's fee parameters where ArbOS keeps them, at one block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from web3 import Web3

from cortensor.chain.rpc import node_errors
from cortensor.gas.arbos_state import ACCOUNT, ReadState, read

if TYPE_CHECKING:
    from web3.types import BlockIdentifier


def read_arbos(web3: Web3, block: BlockIdentifier = "latest") -> ReadState:
    """Return what ArbOS says of fees.

    Args:
        web3: a node of the chain.
        block: after which block.

    Raises:
        InvalidInput: it is no Arbitrum chain (`no_arbos`).
        Unavailable: the node does not answer.
    """
    account = Web3.to_checksum_address(ACCOUNT)
    with node_errors("ArbOS state"):
        header = web3.eth.get_block(block)
        number = header["number"]
        state = read(
            lambda slot: int.from_bytes(web3.eth.get_storage_at(account, slot, number), "big")
        )
        return ReadState(int(web3.eth.chain_id), int(number), int(header["timestamp"]), state)
