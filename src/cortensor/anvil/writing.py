# SPDX-License-Identifier: Apache-2.0
"""Methods that change the chain. Each has it alone until it is settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cortensor.anvil.mining import refuse_interval
from cortensor.anvil.rpc import INVALID_PARAMS, RpcError
from cortensor.anvil.sendable import check_limit, check_sendable, refuse_precompile
from cortensor.anvil.shaping import Json, number
from cortensor.gas.arbitrum import poster_gas, poster_units
from cortensor.gas.arbos_state import BASE_FEE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from cortensor.anvil.chain import Chain
    from cortensor.anvil.mining import Mining
    from cortensor.anvil.reading import Reading

    Method = Callable[..., Awaitable[Any]]

FEE_FIELDS = frozenset({"gasPrice", "maxFeePerGas", "maxPriorityFeePerGas"})


class Writing:
    """Answers what makes blocks, or changes what the next one is.

    Args:
        chain: the chain.
        mining: makes its blocks.
        reading: reads it.
        max_tx_bytes: the most that the sequencer takes.
    """

    def __init__(
        self, chain: Chain, mining: Mining, reading: Reading, *, max_tx_bytes: int
    ) -> None:
        self._chain, self._node, self._mining = chain, chain.node, mining
        self._reading, self._max_tx_bytes = reading, max_tx_bytes

    @property
    def methods(self) -> Mapping[str, Method]:
        """Name -> what answers it."""
        found: dict[str, Method] = {
            "eth_sendRawTransaction": self._send_raw,
            "eth_sendRawTransactionSync": self._send_raw_sync,
            "eth_sendTransaction": self._send,
            "eth_sendUnsignedTransaction": self._send_unsigned,
            "evm_mine": self._evm_mine,
            "anvil_mine": self._mine,
            "hardhat_mine": self._mine,
            "anvil_reorg": self._reorg,
            "anvil_getAutomine": self._automine,
            "evm_setAutomine": self._set_automine,
            "anvil_setAutomine": self._set_automine,
            "evm_setIntervalMining": self._interval,
            "anvil_setIntervalMining": self._interval,
        }
        return found | dict(self._settings())

    def _settings(self) -> list[tuple[str, Method]]:
        forwarded = {
            "evm_revert": self._mining.begin,
            "anvil_revert": self._mining.begin,
            "anvil_rollback": self._mining.begin,
            "anvil_loadState": self._mining.begin,
            "hardhat_loadState": self._mining.begin,
            "anvil_reset": self._begin_anew,
            "hardhat_reset": self._begin_anew,
            "evm_mine_detailed": self._mining.settle,
            "anvil_mine_detailed": self._mining.settle,
        }
        found = [(name, self._then(name, after)) for name, after in forwarded.items()]
        named = ("anvil_setNextBlockBaseFeePerGas", "hardhat_setNextBlockBaseFeePerGas")
        return [*found, *((name, self._set_base_fee) for name in named)]

    def _then(self, method: str, after: Callable[[], Awaitable[None]]) -> Method:
        async def forwarded(*arguments: Any) -> Any:
            result = await self._node.call(method, *arguments)
            await after()
            return result

        return forwarded

    async def _begin_anew(self) -> None:
        await self._chain.prepare()
        await self._mining.begin()

    async def _send_raw(self, raw: str, *more: Any) -> str:
        try:
            envelope = bytes.fromhex(raw.removeprefix("0x"))
        except (AttributeError, ValueError) as error:
            raise RpcError("a signed transaction is hex", INVALID_PARAMS) from error
        check_sendable(envelope, self._max_tx_bytes)
        prices = await self._chain.prices()
        units = poster_units(envelope, prices.brotli_level)
        check_limit(envelope, poster_gas(units, prices.price_per_unit, prices.base_fee))
        return await self._sent("eth_sendRawTransaction", raw, *more)

    async def _send_raw_sync(self, raw: str, *_more: Any) -> Any:
        tx_hash = await self._send_raw(raw)
        receipt = await self._reading.receipt(tx_hash)
        if receipt is None:
            raise RpcError(f"{tx_hash} was sent and is in no block yet")
        return receipt

    async def _send(self, transaction: Json, *more: Any) -> str:
        return await self._sent("eth_sendTransaction", await self._filled(transaction), *more)

    async def _send_unsigned(self, transaction: Json, *more: Any) -> str:
        filled = await self._filled(transaction)
        return await self._sent("eth_sendUnsignedTransaction", filled, *more)

    async def _filled(self, transaction: Json) -> Json:
        """Return a transaction that the node is to sign, with what it leaves to the node."""
        refuse_precompile(str(transaction.get("to") or ""))
        if transaction.get("blobVersionedHashes"):
            raise RpcError("transaction type not supported: 0x3")
        filled = dict(transaction)
        if not FEE_FIELDS & filled.keys():
            base_fee = (await self._chain.prices()).base_fee
            filled |= {"maxFeePerGas": hex(2 * base_fee), "maxPriorityFeePerGas": "0x0"}
        if filled.get("gas") is None:
            filled["gas"] = await self._reading.estimate(filled, "pending")
        return filled

    async def _sent(self, method: str, *arguments: Any) -> str:
        tx_hash: str = await self._node.call(method, *arguments)
        await self._mining.mine_pool()
        return tx_hash

    async def _mine(self, blocks: Any = "0x1", interval: Any = None) -> None:
        """Mine blocks one by one: Anvil would give the base fee to the first of them only."""
        more = [] if interval is None else [interval]
        for _ in range(number(blocks)):
            await self._node.call("anvil_mine", "0x1", *more)
            await self._mining.settle()

    async def _evm_mine(self, *options: Any) -> Any:
        given = options[0] if options else None
        blocks = number(given.get("blocks") or 1) if isinstance(given, dict) else 1
        if isinstance(given, dict):
            given = given.get("timestamp")
        result = await self._node.call("evm_mine", *([] if given is None else [given]))
        await self._mining.settle()
        await self._mine(blocks - 1)
        return result

    async def _reorg(self, *arguments: Any) -> Any:
        result = await self._node.call("anvil_reorg", *arguments)
        depth = arguments[0]["depth"] if isinstance(arguments[0], dict) else arguments[0]
        self._mining.rewind(number(depth))
        await self._mining.settle()
        return result

    async def _automine(self) -> bool:
        return self._mining.is_automatic

    async def _set_automine(self, is_automatic: bool) -> bool:
        self._mining.is_automatic = bool(is_automatic)
        return True

    async def _interval(self, seconds: Any = 0) -> Any:
        refuse_interval(seconds)
        self._mining.is_automatic = False
        return True

    async def _set_base_fee(self, fee: Any) -> None:
        """Set the base fee from the next block on: ArbOS' own, so that it stays."""
        await self._chain.store({BASE_FEE: number(fee)})
        await self._mining.pin()
