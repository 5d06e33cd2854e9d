# SPDX-License-Identifier: Apache-2.0
"""A node behind the front, over HTTP: calls of ours, and others' as they came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec

from cortensor.anvil.rpc import INTERNAL, RpcError, request
from cortensor.unanswered import nobody_answers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TIMEOUT_S = 120
HEADERS = {"content-type": "application/json"}

Wanted = tuple[str, list[Any]]


class Node:
    """A JSON-RPC node.

    Args:
        session: the connections.
        url: its address; no more than its origin is told: it may hold a key.
        name: what it is called in errors.
        why_gone: returns what is known of why it does not answer.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        name: str,
        why_gone: Callable[[], str] = lambda: "",
    ) -> None:
        self._session, self._url, self._name, self._why_gone = session, url, name, why_gone

    async def forward(self, body: bytes) -> bytes:
        """Return what the node answers to bytes.

        Raises:
            RpcError: it does not answer.
        """
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with self._session.post(
                self._url, data=body, headers=HEADERS, timeout=timeout
            ) as response:
                return await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            gone = self._why_gone()
            why = f" does not answer: {gone}" if gone else f": {nobody_answers(self._url, error)}"
            raise RpcError(self._name + why, INTERNAL) from error

    async def call(self, method: str, *params: Any) -> Any:
        """Return the result of one call.

        Raises:
            RpcError: the node's own, or it does not answer.
        """
        return self._result(await self._post(request(1, method, list(params))))

    async def calls(self, wanted: Sequence[Wanted]) -> list[Any]:
        """Return the results of several calls in one request, in order.

        Raises:
            RpcError: the first that failed, or the node does not answer.
        """
        if not wanted:
            return []
        body = [request(at, method, params) for at, (method, params) in enumerate(wanted)]
        answers = await self._post(body)
        if not isinstance(answers, list):
            raise RpcError(f"{self._name} takes no batches", INTERNAL)
        found = {each["id"]: each for each in answers}
        return [self._result(found[at]) for at in range(len(wanted))]

    async def _post(self, body: Any) -> Any:
        answered = await self.forward(msgspec.json.encode(body))
        try:
            return msgspec.json.decode(answered)
        except msgspec.DecodeError as error:
            raise RpcError(f"{self._name} answers no JSON", INTERNAL) from error

    def _result(self, answered: Any) -> Any:
        if not isinstance(answered, dict) or not {"result", "error"} & answered.keys():
            raise RpcError(f"{self._name} answers no JSON-RPC", INTERNAL)
        error = answered.get("error")
        if error is not None:
            raise RpcError(error["message"], error["code"], error.get("data"))
        return answered["result"]
