# SPDX-License-Identifier: Apache-2.0
"""NodeReputation as the router reads it: the adapter of `NodesPort`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.chain.node_register import NodeFacts, NodeRegister
from cortensor.chain.rpc import connect

if TYPE_CHECKING:
    from collections.abc import Sequence


class ChainNodes:
    """Reads the register through a node of the chain, which may be away at first.

    Args:
        rpc_url: an http(s) JSON-RPC endpoint, or several of one chain.
        address: of NodeReputation.
        chain_id: the chain it must be on; None for any.
    """

    def __init__(self, rpc_url: str | Sequence[str], address: str, chain_id: int | None) -> None:
        self._rpc_url = rpc_url
        self._address = address
        self._chain_id = chain_id
        self._register: NodeRegister | None = None

    def facts(self, nodes: Sequence[str]) -> list[NodeFacts]:
        """Return what is registered of each node, by address; raises Unavailable."""
        if self._register is None:
            self._register = NodeRegister(connect(self._rpc_url, self._chain_id), self._address)
        return self._register.facts(nodes)
