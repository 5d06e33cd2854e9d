# SPDX-License-Identifier: Apache-2.0
"""Calls of RewardDispute: the proofs against a posted reward root."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cortensor.chain.calldata import checksummed
from cortensor.chain.rpc import contract

if TYPE_CHECKING:
    from web3 import Web3

    from cortensor.chain.rewards import Header

CONTRACT = "RewardDispute"


class RewardDispute:
    """The challenges at an address."""

    def __init__(self, web3: Web3, address: str) -> None:
        self._contract = contract(web3, CONTRACT, address)

    @property
    def address(self) -> str:
        """The checksummed address."""
        return str(self._contract.address)

    def data(self, name: str, epoch: int, header: Header, arguments: tuple[Any, ...]) -> str:
        """Return the calldata of a challenge: `name` is the contract's function."""
        args = checksummed([epoch, header.abi_tuple(), *arguments])
        return str(self._contract.encode_abi(name, args=args))
