# SPDX-License-Identifier: Apache-2.0
"""Which blocks belong to a span of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.chain.rpc import latest_block, node_errors
from cortensor.errors import Unavailable

if TYPE_CHECKING:
    from web3 import Web3


class BlockTimes:
    """Blocks' times, each asked for once."""

    def __init__(self, web3: Web3) -> None:
        self._web3 = web3
        self._known: dict[int, int] = {}
        self._first: dict[int, int] = {}

    def of(self, block: int) -> int:
        """Return a block's unix time. Raises Unavailable."""
        if block not in self._known:
            self._known[block] = self._asked(block)
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

    def first_since(self, moment: int, low: int = 0) -> int:
        """Return a block before which none is of a moment or later: where to begin to look.

        It is searched for once. After that one question shows that it still holds: what was found
        can be re-organised away.

        Args:
            moment: unix seconds.
            low: a block before which nothing is looked for.
        """
        known = self._first.get(moment)
        if known is None or (known > low and not self._is_before(known - 1, moment)):
            # Not by the times in here, which may be of blocks that are gone.
            known = BlockTimes(self._web3).last_before(moment, low) + 1
            self._first[moment] = known
        return known

    def _is_before(self, block: int, moment: int) -> bool:
        try:
            return self._asked(block) < moment
        except Unavailable:  # there are fewer blocks than there were
            return False

    def _asked(self, block: int) -> int:
        with node_errors("block"):
            return int(self._web3.eth.get_block(block)["timestamp"])
