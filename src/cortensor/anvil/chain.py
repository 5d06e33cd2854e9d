# SPDX-License-Identifier: Apache-2.0
"""The chain behind the front: ArbOS' storage after a block, and what the bytes of a block took."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from cortensor.anvil.precompiles import ARB_GAS_INFO, ARB_SYS, NAMES, NODE_INTERFACE, slots_read
from cortensor.anvil.rpc import RpcError
from cortensor.anvil.shaping import Json, charge_of, number
from cortensor.gas.arbitrum import SEQUENCER
from cortensor.gas.arbos_state import (
    ACCOUNT,
    BASE_FEE,
    BROTLI_LEVEL,
    CONSTRAINT_COUNT,
    MAX_CONSTRAINTS,
    MIN_BASE_FEE,
    PRICE_PER_UNIT,
    VERSION,
    constraint_slots,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cortensor.anvil.node import Node

KNOWN_BLOCKS = 4096
NOTHING = "0x"
INVALID = "0xfe"


class Prices(NamedTuple):
    """What matters to a fee after a block. Wei, but for the level."""

    brotli_level: int
    price_per_unit: int
    base_fee: int
    min_base_fee: int


class Chain:
    """An Anvil, with ArbOS' storage in it.

    Args:
        node: it.
        genesis: slot -> value, for a chain that has no ArbOS.
        overrides: slot -> value, for any chain.

    Attributes:
        fork_block: the last block of the chain that is forked; -1 where none is.
    """

    def __init__(
        self, node: Node, genesis: Mapping[int, int], overrides: Mapping[int, int]
    ) -> None:
        self.node = node
        self.fork_block = -1
        self._genesis, self._overrides = genesis, overrides
        self._charges: OrderedDict[str, list[int]] = OrderedDict()

    async def prepare(self) -> None:
        """Put ArbOS onto a chain that was just started, and the sequencer to make its blocks."""
        info, version = await self.node.calls(
            [("anvil_nodeInfo", []), ("eth_getStorageAt", [ACCOUNT, _word(VERSION), "latest"])]
        )
        forked = info["forkConfig"]["forkBlockNumber"]
        self.fork_block = -1 if forked is None else number(forked)
        words = dict(self._overrides)
        if number(version) == 0:
            words = {**self._genesis, **words}
        await self.store(words)
        await self.node.calls(
            [("anvil_setNonce", [ACCOUNT, "0x1"]), ("anvil_setCoinbase", [SEQUENCER])]
        )
        coded = [address for address in NAMES if address != NODE_INTERFACE]
        codes = await self.node.calls([("eth_getCode", [each, "latest"]) for each in coded])
        await self.node.calls(
            [
                ("anvil_setCode", [each, INVALID])
                for each, code in zip(coded, codes, strict=True)
                if code == NOTHING or each in (ARB_SYS, ARB_GAS_INFO)
            ]
        )

    async def store(self, words: Mapping[int, int]) -> None:
        """Write slots of ArbOS' account."""
        await self.node.calls(
            [
                ("anvil_setStorageAt", [ACCOUNT, _word(slot), _word(value)])
                for slot, value in words.items()
            ]
        )

    async def load(self, slots: Iterable[int], block: Any = "latest") -> dict[int, int]:
        """Return slots of ArbOS' account after a block."""
        wanted = list(slots)
        found = await self.node.calls(
            [("eth_getStorageAt", [ACCOUNT, _word(slot), block]) for slot in wanted]
        )
        return dict(zip(wanted, map(number, found), strict=True))

    async def prices(self, block: Any = "latest") -> Prices:
        """Return what matters to fees after a block."""
        found = await self.load((BROTLI_LEVEL, PRICE_PER_UNIT, BASE_FEE, MIN_BASE_FEE), block)
        return Prices(*found.values())

    async def storage(self, block: Any) -> dict[int, int]:
        """Return all of it that ArbOS' contracts show."""
        found = await self.load(slots_read(), block)
        count = min(found[CONSTRAINT_COUNT], MAX_CONSTRAINTS)
        return found | (await self.load(constraint_slots(count), block))

    def is_own(self, block: Json) -> bool:
        """Return whether a block was made here, and not on a chain that is forked."""
        return number(block["number"]) > self.fork_block

    async def charges(self, block: Json) -> list[int]:
        """Return the poster gas of each transaction of a block that was made here.

        Args:
            block: as a node shows it, its transactions whole or by hash.
        """
        known = self._charges.get(block["hash"] or "")
        if known is not None:
            return known
        if not block["transactions"]:
            return []
        transactions = block["transactions"]
        if isinstance(transactions[0], str):
            transactions = await self.node.calls(
                [("eth_getTransactionByHash", [each]) for each in transactions]
            )
        raws = await self.node.calls(
            [("debug_getRawTransaction", [each["hash"]]) for each in transactions]
        )
        if None in raws or None in transactions:
            raise RpcError(f"Anvil no longer has the transactions of block {block['number']}")
        before = await self.prices(hex(number(block["number"]) - 1))
        found = [
            charge_of(
                bytes.fromhex(raw.removeprefix("0x")),
                transaction,
                block,
                brotli_level=before.brotli_level,
                price_per_unit=before.price_per_unit,
            )
            for raw, transaction in zip(raws, transactions, strict=True)
        ]
        if block["hash"]:
            self._charges[block["hash"]] = found
            if len(self._charges) > KNOWN_BLOCKS:
                self._charges.popitem(last=False)
        return found


def _word(value: int) -> str:
    return f"0x{value % 2**256:064x}"
