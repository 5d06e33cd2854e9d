# SPDX-License-Identifier: Apache-2.0
"""Which blocks belong to a span of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.chain.rpc import latest_block, node_errors

if TYPE_CHECKING:
    from web3 import Web3


class BlockTimes:
    """Blocks' times, each asked for once."""

    def __init__(self, web3: Web3) -> None:
        self._web3 = web3
        self._known: dict[int, int] = {}

    def of(self, block: int) -> int:
        """Return a block's unix time. Raises Unavailable."""
        if block not in self._known:
            with node_errors("block"):
                self._known[block] = int(self._web3.eth.get_block(block)["timestamp"])
        return self._known[block]

    def now(self) -> int:
        """Return the latest block's unix time."""
        with node_errors("block"):
            return int(self._web3.eth.get_block("latest")["timestamp"])

    def last_before(self, moment: int, low: int = 0) -> int:
        """Return the last block whose time is before a moment.

        Args:
            moment: unix seconds.
            low: a block from which to look; where its own time is not before, one less is the
                answer.
        """
        high = latest_block(self._web3)
        if self.of(high) < moment:
            return high
        low -= 1
        while high - low > 1:
            middle = (low + high) // 2
            if self.of(middle) < moment:
                low = middle
            else:
                high = middle
        return low
