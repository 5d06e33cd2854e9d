# SPDX-License-Identifier: Apache-2.0
"""The front: what Arbitrum answers otherwise is answered here, the rest goes on byte for byte."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from cortensor.anvil.gate import Gate
from cortensor.anvil.reading import is_of_precompile
from cortensor.anvil.rpc import (
    INTERNAL,
    INVALID_PARAMS,
    NULL,
    Call,
    RpcError,
    answer,
    members,
    parse,
    refusal,
)
from cortensor.errors import Error

if TYPE_CHECKING:
    from cortensor.anvil.chain import Chain
    from cortensor.anvil.reading import Reading
    from cortensor.anvil.writing import Writing

log = logging.getLogger(__name__)


class Front:
    """Answers JSON-RPC.

    Args:
        chain: the chain behind.
        reading: answers what reads.
        writing: answers what changes it.
    """

    def __init__(self, chain: Chain, reading: Reading, writing: Writing) -> None:
        self._node = chain.node
        self._precompile = reading.precompile
        self._reads, self._writes = reading.methods, writing.methods
        self._gate = Gate()

    async def respond(self, body: bytes) -> bytes:
        """Return the answer to a call or a batch of calls."""
        batch = members(body)
        if batch is None:
            return await self._one(body, parse(body))
        calls = [parse(each) for each in batch]
        if not any(call is not None and self._is_ours(call) for call in calls):
            return await self._forward(body, None)
        answers = [await self._one(each, call) for each, call in zip(batch, calls, strict=True)]
        return b"[" + b",".join(filter(None, answers)) + b"]"

    async def tick(self, seconds: float) -> None:
        """Make a block every so many seconds, for ever."""
        while True:
            await asyncio.sleep(seconds)
            try:
                async with self._gate.writing():
                    await self._writes["evm_mine"]()
            except RpcError as error:
                log.warning("no block: %s", error)

    def _is_ours(self, call: Call) -> bool:
        name = call.method
        return name in self._reads or name in self._writes or is_of_precompile(name, call.arguments)

    async def _one(self, body: bytes, call: Call | None) -> bytes:
        if call is None or not self._is_ours(call):
            return await self._forward(body, call)
        try:
            return answer(call.id, await self._result(call))
        except RpcError as error:
            return refusal(call.id, error)
        except Error as error:
            return refusal(call.id, RpcError(str(error)))
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            log.info("%s: %r", call.method, error)
            told = f"{call.method}: cannot read its parameters: {error}"
            return refusal(call.id, RpcError(told, INVALID_PARAMS))

    async def _result(self, call: Call) -> Any:
        if call.method in self._writes:
            async with self._gate.writing():
                return await self._writes[call.method](*call.arguments)
        async with self._gate.reading():
            if call.method in self._reads:
                return await self._reads[call.method](*call.arguments)
            return await self._precompile(*call.arguments)

    async def _forward(self, body: bytes, call: Call | None) -> bytes:
        async with self._gate.reading():
            try:
                return await self._node.forward(body)
            except RpcError as error:
                identity = NULL if call is None else call.id
                return refusal(identity, RpcError(error.message, INTERNAL))
