# SPDX-License-Identifier: Apache-2.0
"""Reads and calls of NodeReputation. Addresses are lower-case hex, times unix seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from web3 import Web3

from cortensor.chain.call_many import call_many
from cortensor.chain.calldata import checksummed, named
from cortensor.chain.logs import EventSource
from cortensor.chain.pool import CONTRACT as POOL
from cortensor.chain.rpc import contract, node_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTRACT = "NodeReputation"
EVENTS = ("NodeRegistered", "NodeRetired", "NodeDisqualified")


class NodeEvent(NamedTuple):
    """What happened to a node; `operator` is empty of a disqualification."""

    name: str
    node: str
    operator: str
    block: int


class NodeLevel(NamedTuple):
    """A node's level, and its epoch: before a stay's first leaf, the last one begun before it.

    0 while the node was neither registered nor shown to have a leaf.
    """

    level: int
    streak: int
    epoch: int


class NodeFacts(NamedTuple):
    """What the register says of a node now.

    `is_eligible` is whether it is registered, not disqualified, and staked for.
    """

    is_known: bool
    is_retired: bool
    is_disqualified: bool
    is_eligible: bool
    level: int


class NodeRegister:
    """The register of nodes at an address."""

    def __init__(self, web3: Web3, address: str) -> None:
        self._web3 = web3
        self._contract = contract(web3, CONTRACT, address)
        with node_errors("stake pool"):
            pool = str(self._contract.functions.POOL().call())
        self._pool = contract(web3, POOL, pool)

    @property
    def address(self) -> str:
        """The checksummed address."""
        return str(self._contract.address)

    def events(self, first: int, last: int) -> list[NodeEvent]:
        """Return what happened to nodes in blocks `first` to `last`, both included."""
        source = EventSource(self._web3, [(self._contract, EVENTS)])
        return [
            NodeEvent(
                event["event"],
                str(event["args"]["node"]).lower(),
                str(event["args"].get("operator", "")).lower(),
                int(event["blockNumber"]),
            )
            for event in source.between(first, last)
        ]

    def are_staked(self, pairs: Sequence[tuple[str, str]], block: int) -> list[bool]:
        """Return of each (operator, node) whether it was staked for at the end of a block.

        Raises:
            Unavailable: the node, or it has not the state of that block any more: then another is
                needed, an archive.
        """
        return [bool(each) for each in call_many(self._web3, self._pool, "is_staked", pairs, block)]

    def level(self, node: str) -> NodeLevel:
        """Return a node's level."""
        call = self._contract.functions.node(Web3.to_checksum_address(node))
        with node_errors("node"):
            return self._level(call.call())

    def levels(self, nodes: Sequence[str], block: int) -> list[NodeLevel]:
        """Return each node's level at the end of a block. Raises Unavailable."""
        asked = [(node,) for node in nodes]
        return [
            self._level(each)
            for each in call_many(self._web3, self._contract, "node", asked, block)
        ]

    def _level(self, values: Any) -> NodeLevel:
        found = self._named(values)
        return NodeLevel(int(found["level"]), int(found["streak"]), int(found["level_epoch"]))

    def _named(self, values: Any) -> dict[str, Any]:
        names = [
            part["name"]
            for part in self._contract.get_function_by_name("node").abi["outputs"][0]["components"]
        ]
        return named(values, names)

    def facts(self, nodes: Sequence[str]) -> list[NodeFacts]:
        """Return what the register says of each node at the latest block. Raises Unavailable."""
        with node_errors("block"):
            block = int(self._web3.eth.block_number)
        asked = [(node,) for node in nodes]
        registered = call_many(self._web3, self._contract, "node", asked, block)
        eligible = call_many(self._web3, self._contract, "is_eligible", asked, block)
        found = []
        for values, is_eligible in zip(registered, eligible, strict=True):
            known = self._named(values)
            found.append(
                NodeFacts(
                    is_known=int(known["stays"]) > 0,
                    is_retired=int(known["retired_at"]) > 0,
                    is_disqualified=int(known["disqualified_at"]) > 0,
                    is_eligible=bool(is_eligible),
                    level=int(known["level"]),
                )
            )
        return found

    def sync_data(
        self, epoch: int, first: int, leaves: Sequence[tuple[Any, ...]], proof: Sequence[Any]
    ) -> str:
        """Return the calldata that brings nodes' levels up to a final epoch's.

        Args:
            epoch: the epoch.
            first: the place of the first leaf.
            leaves: one, or a run of them.
            proof: of the leaf or of the run.
        """
        if len(leaves) == 1:
            args = checksummed([epoch, leaves[0], first, list(proof)])
            return str(self._contract.encode_abi("sync", args=args))
        args = checksummed([epoch, first, list(leaves), list(proof)])
        return str(self._contract.encode_abi("sync_run", args=args))
