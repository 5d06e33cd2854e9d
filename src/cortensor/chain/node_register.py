# SPDX-License-Identifier: Apache-2.0
"""Reads and calls of NodeReputation. Addresses are lower-case hex, times unix seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from web3 import Web3

from cortensor.chain.calldata import checksummed
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
    """A node's level, and the epoch that gave it (0 for none)."""

    level: int
    streak: int
    epoch: int


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
        found = []
        for operator, node in pairs:
            call = self._pool.functions.is_staked(
                Web3.to_checksum_address(operator), Web3.to_checksum_address(node)
            )
            with node_errors(f"stake at block {block}"):
                found.append(bool(call.call(block_identifier=block)))
        return found

    def level(self, node: str) -> NodeLevel:
        """Return a node's level."""
        call = self._contract.functions.node(Web3.to_checksum_address(node))
        with node_errors("node"):
            values = call.call()
        names = [part["name"] for part in call.abi["outputs"][0]["components"]]
        found: dict[str, Any] = dict(zip(names, values, strict=True))
        return NodeLevel(int(found["level"]), int(found["streak"]), int(found["level_epoch"]))

    def sync_data(self, epoch: int, leaf: tuple[Any, ...], index: int, proof: Sequence[Any]) -> str:
        """Return the calldata that brings a node's level up to a final epoch's."""
        args = checksummed([epoch, leaf, index, list(proof)])
        return str(self._contract.encode_abi("sync", args=args))
