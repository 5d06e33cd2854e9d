# SPDX-License-Identifier: Apache-2.0
"""Carries the steps of a call out over aiohttp, for any number of tasks of one event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp

from cortensor.client.flow import MAX_REPLY_BYTES, Lost, Opened, Part, Reply
from cortensor.router.versions.event_format import EVENT_STREAM

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cortensor.client.flow import Open, Send

_FAULTS = (aiohttp.ClientError, TimeoutError, OSError)
_UNBOUNDED = aiohttp.ClientTimeout(total=None, sock_connect=None)


class AsyncHttp:
    """Connections, kept open between calls."""

    def __init__(self) -> None:
        self._http: aiohttp.ClientSession | None = None

    async def send(self, step: Send) -> Reply | Lost:
        """Send a request, and wait for the whole reply."""
        try:
            async with asyncio.timeout(step.timeout_s), await self._request(step) as reply:
                return await _whole(reply)
        except _FAULTS as error:
            return Lost(type(error).__name__)

    async def _request(self, step: Send) -> aiohttp.ClientResponse:
        if self._http is None:
            self._http = aiohttp.ClientSession()
        return await self._http.request(
            step.method,
            step.url,
            data=step.body,
            headers=step.headers,
            timeout=_UNBOUNDED,
            allow_redirects=False,
        )

    async def close(self) -> None:
        """Close all connections."""
        if self._http is not None:
            await self._http.close()
            self._http = None

    def line(self) -> AsyncLine:
        """Return what one stream is read through."""
        return AsyncLine(self._request)


class AsyncLine:
    """One stream at a time.

    Args:
        request: sends a request.
    """

    def __init__(self, request: Callable[[Send], Awaitable[aiohttp.ClientResponse]]) -> None:
        self._request = request
        self._reply: aiohttp.ClientResponse | None = None
        self._silence_s = 0.0

    async def open(self, step: Open) -> Opened | Reply | Lost:
        """Send a request, and wait for its stream to begin, or for the whole reply."""
        self.close()
        try:
            async with asyncio.timeout(step.timeout_s):
                reply = await self._request(step)
                if not reply.headers.get("content-type", "").startswith(EVENT_STREAM):
                    async with reply:
                        return await _whole(reply)
        except _FAULTS as error:
            return Lost(type(error).__name__)
        self._reply, self._silence_s = reply, step.timeout_s
        return Opened(_headers(reply))

    async def read(self) -> Part | Lost:
        """Wait for more of the stream."""
        if self._reply is None:
            return Part(b"")
        try:
            async with asyncio.timeout(self._silence_s):
                return Part(await self._reply.content.readany())
        except _FAULTS as error:
            return Lost(type(error).__name__)

    def close(self) -> None:
        """Leave the stream."""
        if self._reply is not None:
            self._reply.close()
            self._reply = None


async def _whole(reply: aiohttp.ClientResponse) -> Reply | Lost:
    body = bytearray()
    async for chunk in reply.content.iter_any():
        body += chunk
        if len(body) > MAX_REPLY_BYTES:
            return Lost("the reply is too large")
    return Reply(reply.status, _headers(reply), bytes(body))


def _headers(reply: aiohttp.ClientResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in reply.headers.items()}
