# SPDX-License-Identifier: Apache-2.0
"""Methods that read, where Arbitrum answers other than Anvil."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cortensor.anvil.estimation import gas_for_estimate, message_of, padded_units
from cortensor.anvil.precompiles import NAMES, OF_FORKED_BLOCKS, View, asked
from cortensor.anvil.rpc import INVALID_PARAMS, RpcError
from cortensor.anvil.shaping import Json, block_with, history_with, number, receipt_with
from cortensor.gas.arbitrum import SIGNED_TYPES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from cortensor.anvil.chain import Chain
    from cortensor.anvil.node import Node
    from cortensor.anvil.precompiles import Asked

LAST_HASHES = 256
TX_LOOKUPS = {
    "debug_getRawTransaction": "eth_getTransactionByHash",
    "eth_getRawTransactionByHash": "eth_getTransactionByHash",
    "eth_getRawTransactionByBlockHashAndIndex": "eth_getTransactionByBlockHashAndIndex",
    "eth_getRawTransactionByBlockNumberAndIndex": "eth_getTransactionByBlockNumberAndIndex",
}


class Reading:
    """Answers what does not change the chain.

    Args:
        chain: the chain.
        fork: the node that is forked, which is asked for its own blocks' receipts.
    """

    def __init__(self, chain: Chain, fork: Node | None) -> None:
        self._chain, self._node, self._fork = chain, chain.node, fork

    @property
    def methods(self) -> Mapping[str, Callable[..., Awaitable[Any]]]:
        """Name -> what answers it."""
        raws = {name: self._raw_by(name, look_up) for name, look_up in TX_LOOKUPS.items()}
        return raws | {
            "eth_getTransactionReceipt": self.receipt,
            "eth_getBlockReceipts": self._block_receipts,
            "eth_getBlockByNumber": self._block_by("eth_getBlockByNumber"),
            "eth_getBlockByHash": self._block_by("eth_getBlockByHash"),
            "eth_maxPriorityFeePerGas": self._tip,
            "eth_gasPrice": self._gas_price,
            "eth_feeHistory": self._fee_history,
            "eth_estimateGas": self.estimate,
        }

    async def receipt(self, tx_hash: str) -> Any:
        """Return a transaction's receipt, or None."""
        transaction = await self._node.call("eth_getTransactionByHash", tx_hash)
        if transaction is None or transaction["blockNumber"] is None:
            return None
        if self._fork is not None and number(transaction["blockNumber"]) <= self._chain.fork_block:
            return await self._fork.call("eth_getTransactionReceipt", tx_hash)
        receipt = await self._node.call("eth_getTransactionReceipt", tx_hash)
        if receipt is None:
            return None
        block = await self._node.call("eth_getBlockByHash", receipt["blockHash"], True)
        charges = await self._chain.charges(block)
        return receipt_with(receipt, charges, number(block["baseFeePerGas"]))

    async def estimate(self, call: Json, *more: Any) -> str:
        """Return the gas that Nitro suggests: Anvil's, and Nitro's guess for the bytes."""
        if str(call.get("to") or "").lower() in NAMES:
            raise RpcError(f"{NAMES[call['to'].lower()]} cannot be sent transactions here")
        found = number(await self._node.call("eth_estimateGas", call, *more))
        prices = await self._chain.prices(*more[:1])
        units = padded_units(message_of(call), prices.brotli_level)
        return hex(
            found
            + gas_for_estimate(units, prices.price_per_unit, prices.base_fee, prices.min_base_fee)
        )

    async def precompile(self, call: Json, block: Any = "latest", *_more: Any) -> str:
        """Return what one of ArbOS' contracts answers to an `eth_call`."""
        message = message_of(call)
        question = asked(call["to"], message.data)
        if await self._is_of_fork(question) and self._fork is not None:
            return str(await self._fork.call("eth_call", call, "latest"))
        words = await self._chain.storage(block)
        header = await self._header(block)
        height = number(header["number"])
        hashes: dict[int, bytes] = {}
        if question.name == "arbBlockHash":
            hashes = await self._hash(question.arguments[0], height)
        if question.name == "blockL1Num" and question.arguments[0] > height:
            raise RpcError(f"NodeInterface.blockL1Num: there is no block {question.arguments[0]}")
        total = 0
        if question.name == "gasEstimateComponents":
            to, is_creation, data = question.arguments
            target = {} if is_creation else {"to": to}
            inner = {**call, "input": "0x" + data.hex(), **target}
            inner.pop("data", None)
            if is_creation:
                del inner["to"]
            total = number(await self.estimate(inner, block))
        view = View(
            chain_id=number(await self._node.call("eth_chainId")),
            block=height,
            base_fee=number(header["baseFeePerGas"]),
            load=words.__getitem__,
            sender=message._replace(data=b"", to=b""),
            total_gas=total,
            fork_block=self._chain.fork_block,
            hashes=hashes,
        )
        return "0x" + question.answer(view).hex()

    async def _is_of_fork(self, question: Asked) -> bool:
        """Return whether a question is of a block of the chain that is forked."""
        if question.name == "getL1Confirmations":
            header = await self._header(f"0x{question.arguments[0].hex()}")
            return not self._chain.is_own(header)
        is_of_block = question.name in OF_FORKED_BLOCKS
        return is_of_block and int(question.arguments[0]) <= self._chain.fork_block

    async def _header(self, block: Any) -> Json:
        if isinstance(block, dict):
            block = block.get("blockNumber") or block.get("blockHash")
        is_hash = isinstance(block, str) and len(block) == len("0x") + 64
        method = "eth_getBlockByHash" if is_hash else "eth_getBlockByNumber"
        header: Json | None = await self._node.call(method, block, False)
        if header is None:
            raise RpcError(f"there is no block {block}")
        return header

    async def _hash(self, wanted: int, height: int) -> dict[int, bytes]:
        if not height - LAST_HASHES <= wanted < height:
            return {}
        block = await self._header(hex(wanted))
        return {wanted: bytes.fromhex(block["hash"].removeprefix("0x"))}

    def _block_by(self, method: str) -> Callable[..., Awaitable[Any]]:
        async def block_by(which: str, is_whole: bool = False) -> Any:
            block = await self._node.call(method, which, is_whole)
            if block is None or not self._chain.is_own(block):
                return block
            charges = await self._chain.charges(block) if number(block["number"]) else []
            return block_with(block, charges)

        return block_by

    async def _block_receipts(self, which: Any) -> Any:
        block = await self._header(which)
        if self._fork is not None and not self._chain.is_own(block):
            return await self._fork.call("eth_getBlockReceipts", hex(number(block["number"])))
        receipts = await self._node.call("eth_getBlockReceipts", which)
        if not receipts:
            return receipts
        charges = await self._chain.charges(block)
        base_fee = number(block["baseFeePerGas"])
        return [receipt_with(each, charges, base_fee) for each in receipts]

    def _raw_by(self, method: str, look_up: str) -> Callable[..., Awaitable[Any]]:
        async def raw_by(*which: Any) -> Any:
            # Anvil ends, all of it, when it is to encode one of ArbOS' own transactions.
            transaction = await self._node.call(look_up, *which)
            if transaction is None:
                return None
            tx_type = number(transaction["type"])
            if tx_type not in SIGNED_TYPES:
                raise RpcError(
                    f"type 0x{tx_type:x} is ArbOS' own: nobody signed it, so it has no envelope",
                    INVALID_PARAMS,
                )
            return await self._node.call(method, *which)

        return raw_by

    async def _tip(self) -> str:
        return "0x0"

    async def _gas_price(self) -> str:
        return hex((await self._chain.prices()).base_fee)

    async def _fee_history(self, *which: Any) -> Json:
        history = await self._node.call("eth_feeHistory", *which)
        return history_with(history, (await self._chain.prices()).base_fee)


def is_of_precompile(method: str, arguments: list[Any]) -> bool:
    """Return whether a call is an `eth_call` of one of ArbOS' contracts."""
    if method != "eth_call" or not arguments or not isinstance(arguments[0], dict):
        return False
    return str(arguments[0].get("to") or "").lower() in NAMES
