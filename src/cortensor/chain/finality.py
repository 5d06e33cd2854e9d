# SPDX-License-Identifier: Apache-2.0
"""Follows what was mined until it is final, and takes back what a re-organisation undid.

A node says by the tags `safe` and `finalized` which blocks stay. Where it knows no tags, a block's
depth below the latest one stands for them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec import Struct
from web3.exceptions import BlockNotFound, Web3RPCError

from cortensor.chain.rpc import node_errors

if TYPE_CHECKING:
    from web3 import Web3

    from cortensor.chain.driving import Driver
    from cortensor.chain.sender import Mined, Sender
    from cortensor.store.records import BatchRecord, Finality
    from cortensor.store.store import Store

NO_SUCH_TAG = frozenset((-32601, -32602, -39001))
"""What nodes answer that do not know a tag: no such method, parameter or block."""

log = logging.getLogger(__name__)


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
        batches, errands = self._anchored.not_final(), self._errands.not_final()
        if not batches and not errands:
            return []
        horizon = self.horizon()
        for tx_hash, block in errands:
            if self._sender.mined(tx_hash) is not None:
                if block <= horizon.final:
                    self._errands.finish(tx_hash)
            elif block <= horizon.latest:
                log.warning("%s is not in the chain any more", tx_hash)
                self._errands.lose(tx_hash)
        found = [self._follow(batch, horizon) for batch in batches]
        return [each for each in found if each.before != each.now]

    def horizon(self) -> Horizon:
        """Return how far the chain is. Raises Unavailable."""
        with node_errors("block number"):
            latest = int(self._web3.eth.get_block("latest")["number"])
        return Horizon(
            latest=latest,
            safe=self._tagged("safe", latest - self._final_depth // 2),
            final=self._tagged("finalized", latest - self._final_depth),
        )

    def _tagged(self, tag: str, otherwise: int) -> int:
        with node_errors("block number"):
            try:
                return int(self._web3.eth.get_block(tag)["number"])  # type: ignore[arg-type]  # either tag
            except BlockNotFound:
                return max(otherwise, -1)
            except Web3RPCError as error:
                told = (error.rpc_response or {}).get("error")
                if isinstance(told, dict) and told.get("code") in NO_SUCH_TAG:
                    return max(otherwise, -1)
                raise  # a node that is overloaded says nothing of what is final

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
