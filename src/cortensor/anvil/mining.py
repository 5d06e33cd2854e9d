# SPDX-License-Identifier: Apache-2.0
"""Blocks as the front makes them: one at a time, each with ArbOS' base fee, each settled."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from cortensor.anvil.rpc import RpcError
from cortensor.anvil.shaping import Json, moved_wei, number

if TYPE_CHECKING:
    from cortensor.anvil.chain import Chain

POOL = "0xa4b00000000000000000000000000000000000f6"
"""Gets what is paid for bytes."""

log = logging.getLogger(__name__)


class Mining:
    """Makes blocks. Whoever calls it has the gate to themselves.

    Args:
        chain: the chain.
        is_automatic: whether what is sent is put into a block at once.
    """

    def __init__(self, chain: Chain, *, is_automatic: bool) -> None:
        self.is_automatic = is_automatic
        self._chain, self._node = chain, chain.node
        self._settled = 0

    async def begin(self) -> None:
        """Take the chain as it is, and set the next block's base fee."""
        self._settled = number(await self._node.call("eth_blockNumber"))
        await self.pin()

    async def pin(self) -> None:
        """Give the next block the base fee that ArbOS has for it: Anvil would lower it."""
        fee = (await self._chain.prices()).base_fee
        await self._node.call("anvil_setNextBlockBaseFeePerGas", hex(fee))

    async def settle(self) -> None:
        """Take from senders what Anvil did not, in every block since the last time; pin."""
        head = number(await self._node.call("eth_blockNumber"))
        for height in range(min(self._settled, head) + 1, head + 1):
            block = await self._node.call("eth_getBlockByNumber", hex(height), True)
            if block["transactions"]:
                await self._settle(block)
        self._settled = head
        await self.pin()

    def rewind(self, blocks: int) -> None:
        """Forget that the last blocks were settled: they are about to be made anew."""
        self._settled = max(self._settled - blocks, 0)

    async def mine_pool(self) -> None:
        """Make blocks of what was sent, where blocks are made by themselves.

        A transaction whose nonce has a gap before it stays. Anvil never mines by itself here: it
        may make a block more than it has transactions for, at a base fee of its own.
        """
        if not self.is_automatic:
            return
        left = await self._waiting()
        while left:
            await self._node.call("evm_mine")
            await self.settle()
            before, left = left, await self._waiting()
            if left >= before:
                log.warning("%d transactions cannot be put into a block", left)
                return

    async def _waiting(self) -> int:
        return number((await self._node.call("txpool_status"))["pending"])

    async def _settle(self, block: Json) -> None:
        charges = await self._chain.charges(block)
        receipts: list[Any] = await self._node.call("eth_getBlockReceipts", block["number"])
        base_fee = number(block["baseFeePerGas"])
        for receipt, charge, transaction in zip(
            receipts, charges, block["transactions"], strict=True
        ):
            if number(receipt["gasUsed"]) + charge > number(transaction["gas"]):
                log.warning(
                    "%s: its gas limit does not cover its bytes: on the chain it would have failed",
                    transaction["hash"],
                )
        moved = moved_wei(receipts, charges, base_fee, pool=POOL, coinbase=block["miner"])
        balances = await self._node.calls([("eth_getBalance", [who, "latest"]) for who in moved])
        await self._node.calls(
            [
                ("anvil_setBalance", [who, hex(max(0, number(has) + wei))])
                for (who, wei), has in zip(moved.items(), balances, strict=True)
            ]
        )


def refuse_interval(seconds: Any) -> None:
    """Refuse blocks that come by themselves.

    Raises:
        RpcError: there would be some.
    """
    if number(seconds or 0):
        raise RpcError("no blocks by a clock on demand: start it with --block-every")
