# SPDX-License-Identifier: Apache-2.0
"""What is needed of COR as an ERC-20: a balance, and an allowance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from web3 import Web3

from cortensor.chain.rpc import node_errors

if TYPE_CHECKING:
    from collections.abc import Sequence


def _function(name: str, inputs: Sequence[str], output: str) -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "stateMutability": "nonpayable" if output == "bool" else "view",
        "inputs": [{"name": f"a{i}", "type": kind} for i, kind in enumerate(inputs)],
        "outputs": [{"name": "", "type": output}],
    }


_ERC20 = [
    _function("balanceOf", ("address",), "uint256"),
    _function("allowance", ("address", "address"), "uint256"),
    _function("approve", ("address", "uint256"), "bool"),
]


class Token:
    """The token at an address; amounts are wei."""

    def __init__(self, web3: Web3, address: str) -> None:
        checked = Web3.to_checksum_address(address)
        self._contract: Any = web3.eth.contract(address=checked, abi=_ERC20)

    @property
    def address(self) -> str:
        """The checksummed address."""
        return str(self._contract.address)

    def balance(self, owner: str) -> int:
        """Return what an account has."""
        with node_errors("balance"):
            call = self._contract.functions.balanceOf(Web3.to_checksum_address(owner))
            return int(call.call())

    def allowance(self, owner: str, spender: str) -> int:
        """Return what a spender may take of an account."""
        owner, spender = Web3.to_checksum_address(owner), Web3.to_checksum_address(spender)
        with node_errors("allowance"):
            return int(self._contract.functions.allowance(owner, spender).call())

    def approve_data(self, spender: str, amount: int) -> str:
        """Return the calldata that lets a spender take up to `amount` of the sender."""
        checked = Web3.to_checksum_address(spender)
        return str(self._contract.encode_abi("approve", args=[checked, amount]))
