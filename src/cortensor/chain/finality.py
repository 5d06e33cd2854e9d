# SPDX-License-Identifier: Apache-2.0
"""Follows what was mined until it is final, and takes back what a re-organisation undid."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.chain.errands import follow_errands
from cortensor.chain.horizon import Horizon, read_horizon
from cortensor.chain.rpc import node_errors

if TYPE_CHECKING:
    from web3 import Web3

    from cortensor.chain.driving import Driver
    from cortensor.chain.sender import Mined, Sender
    from cortensor.store.records import BatchRecord, Finality
    from cortensor.store.store import Store

log = logging.getLogger(__name__)


class Followed(Struct, frozen=True):
    """A batch whose standing changed: `now` is its finality, None for one that lost its block."""

    root: str
    before: Finality | None
    now: Finality | None


class Follower:
    """Follows what a settler sent.

    Args:
        web3: the node.
        sender: reads what was mined.
        driver: confirms a batch that is in another block than before.
        store: batches and errands.
        final_depth: how many blocks deep a block is final where the node knows no tags; half of
            it is safe.
    """

    def __init__(
        self, web3: Web3, sender: Sender, driver: Driver, store: Store, final_depth: int
    ) -> None:
        self._final_depth = final_depth
        self._web3 = web3
        self._sender = sender
        self._driver = driver
        self._anchored = store.anchored
        self._errands = store.errands

    def follow(self) -> list[Followed]:
        """Look again at everything that is mined and not final; return the batches that changed.

        Raises:
            Unavailable: the node; nothing is taken for lost because it does not answer.
        """
        batches = self._anchored.not_final()
        if not batches and not self._errands.not_final():
            return []
        horizon = self.horizon()
        follow_errands(self._errands, self._sender, horizon)
        found = [self._follow(batch, horizon) for batch in batches]
        return [each for each in found if each.before != each.now]

    def horizon(self) -> Horizon:
        """Return how far the chain is. Raises Unavailable."""
        return read_horizon(self._web3, self._final_depth)

    def _follow(self, batch: BatchRecord, horizon: Horizon) -> Followed:
        now = batch.finality
        mined = self._mined(batch)
        if mined is not None:
            if batch.block_hash not in (None, mined.block_hash):
                self._driver.confirm(batch, mined)  # in another block, at another price
            now = horizon.of(mined.block)
            if (batch.finality, batch.block_hash) != (now, mined.block_hash):
                self._anchored.note(batch, mined.block_hash, now)
        elif batch.block_number is not None and batch.block_number <= horizon.latest:
            block_hash = self._hash_of(batch.block_number)
            if batch.block_hash is None:
                # Confirmed by an older version, and the node keeps no receipt for so long.
                if horizon.of(batch.block_number) == "hard":
                    now = "hard"
                    self._anchored.note(batch, block_hash, now)
            elif block_hash != batch.block_hash:
                log.warning(
                    "block %d was reorganised away: batch %s is sent again",
                    batch.block_number,
                    batch.root,
                )
                now = None
                self._anchored.lose(batch.root)
        return Followed(batch.root, batch.finality, now)

    def _mined(self, batch: BatchRecord) -> Mined | None:
        """Return what settled a batch: by the transaction that is known to have, else by any."""
        known = None if batch.tx_hash is None else self._sender.mined(batch.tx_hash)
        if known is not None and known.is_success:
            return known
        return self._driver.already_mined(batch.root)

    def _hash_of(self, block: int) -> str:
        with node_errors("block"):
            return "0x" + bytes(self._web3.eth.get_block(block)["hash"]).hex()
