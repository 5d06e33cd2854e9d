# SPDX-License-Identifier: Apache-2.0
"""How sure blocks are: which ones a re-organisation can still take back.

A node says by the tags `safe` and `finalized` which blocks stay. Where it knows no tags, a block's
depth below the latest one stands for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from web3.exceptions import BlockNotFound, Web3RPCError

from cortensor.chain.rpc import node_errors

if TYPE_CHECKING:
    from web3 import Web3

    from cortensor.store.records import Finality

FINAL_DEPTH = 64
"""How many blocks deep a block is final where a node knows no tags."""
NO_SUCH_TAG = frozenset((-32601, -32602, -39001))
"""What nodes answer that do not know a tag: no such method, parameter or block."""


class Horizon(Struct, frozen=True):
    """The numbers of the latest block, and of the latest that is safe and final; -1 for none."""

    latest: int
    safe: int
    final: int

    def of(self, block: int) -> Finality:
        """Return how sure a block is."""
        if block <= self.final:
            return "hard"
        return "safe" if block <= self.safe else "soft"

    def reach(self, finality: Finality) -> int:
        """Return the last block that is at least so sure; -1 for none."""
        return {"soft": self.latest, "safe": self.safe, "hard": self.final}[finality]


def read_horizon(web3: Web3, final_depth: int = FINAL_DEPTH) -> Horizon:
    """Return how far the chain is.

    Args:
        web3: the node.
        final_depth: how many blocks deep a block is final where the node knows no tags; half of
            it is safe.

    Raises:
        Unavailable: the node.
    """
    with node_errors("block number"):
        latest = int(web3.eth.get_block("latest")["number"])
    return Horizon(
        latest=latest,
        safe=_tagged(web3, "safe", latest - final_depth // 2),
        final=_tagged(web3, "finalized", latest - final_depth),
    )


def _tagged(web3: Web3, tag: str, otherwise: int) -> int:
    with node_errors("block number"):
        try:
            return int(web3.eth.get_block(tag)["number"])  # type: ignore[arg-type]  # either tag
        except BlockNotFound:
            return max(otherwise, -1)
        except Web3RPCError as error:
            told = (error.rpc_response or {}).get("error")
            if isinstance(told, dict) and told.get("code") in NO_SUCH_TAG:
                return max(otherwise, -1)
            raise  # a node that is overloaded says nothing of what is final
