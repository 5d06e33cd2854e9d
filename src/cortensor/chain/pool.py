# SPDX-License-Identifier: Apache-2.0
"""Reads of StakePool: nodes' stake and routers' bonds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from web3 import Web3

from cortensor.chain.rpc import contract, node_errors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

CONTRACT = "StakePool"


class PositionState(Struct, frozen=True):
    """A position: wei that counts, wei asked back, and when that can be withdrawn (0 for never)."""

    owner: str
    amount: int
    leaving: int
    withdrawable_at: int

    @property
    def slashable(self) -> int:
        """Wei that a slash can still take."""
        return self.amount + self.leaving


class Pool:
    """The stake pool at an address."""

    def __init__(self, web3: Web3, address: str) -> None:
        self._contract = contract(web3, CONTRACT, address)

    @property
    def address(self) -> str:
        """The checksummed address."""
        return str(self._contract.address)

    def cover(self, router_id: int) -> int:
        """Return the most wei a router may have pending."""
        with node_errors("cover"):
            return int(self._contract.functions.cover(router_id).call())

    def bond(self, router_id: int) -> PositionState:
        """Return a router's bond: the position of its id."""
        return self.position(router_id)

    def position(self, position: int) -> PositionState:
        """Return a position; all zero if it was never opened."""
        call = self._contract.functions.position(position)
        with node_errors("position"):
            values = call.call()
        names = (part["name"] for part in call.abi["outputs"][0]["components"])
        found: Mapping[str, Any] = dict(zip(names, values, strict=True))
        return PositionState(**{name: found[name] for name in PositionState.__struct_fields__})

    def is_staked(self, owner: str, node: str) -> bool:
        """Return whether a node's stake reaches what takes part."""
        owner, node = Web3.to_checksum_address(owner), Web3.to_checksum_address(node)
        with node_errors("is staked"):
            return bool(self._contract.functions.is_staked(owner, node).call())
