# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 to one server, on connections that are used again: what a backend needs, and no more.

The parser is the one that the router's own server uses. Nothing is followed, decompressed or tried
again: a request is sent once, and an answer that is not whole is an error.

No library does this for as little: aiohttp takes seven times the CPU time a call, and pyreqwest
keeps a connection whose caller has left. docs/performance.md has what was measured.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from types import TracebackType
    from typing import Self

CONNECT_TIMEOUT_S = 10.0
IDLE_S = 15.0
"""Servers close connections that nobody uses; one that may be about to be closed is not taken."""
MAX_HEAD_BYTES = 64 * 1024
"""Of a head, and of whatever else comes without a piece of the body, as trailers do."""
FIRST_FINAL_STATUS = 200
CLOSE = {"Connection": "close"}


class HttpError(OSError):
    """No answer, or one that is cut or no HTTP."""


class ReplyTooLargeError(Exception):
    """A body is longer than its reader wants."""


class HttpClient:
    """Sends requests to one server, as many at once as it is asked to.

    Args:
        root: http(s) URL that every path is appended to, without user, query and trailing slash.
        headers: sent with every request.

    Raises:
        InvalidInput: a header is not printable.
    """

    def __init__(self, root: str, headers: Mapping[str, str]) -> None:
        url = urlsplit(root)
        is_secure = url.scheme == "https"
        self._host = url.hostname or ""
        self._port = url.port or (443 if is_secure else 80)
        self._ssl = ssl.create_default_context() if is_secure else None
        self._path = quote(url.path, safe="/%:@!$&'()*+,;=~-._")
        self._common = _lines(
            {
                "Host": url.netloc,
                "User-Agent": "cortensor",
                "Accept-Encoding": "identity",
                **headers,
            }
        )
        self._idle: deque[_Connection] = deque()

    async def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        is_last: bool = False,
    ) -> Reply:
        """Send a request, and return its answer once the head is there; leave it by `with`.

        Args:
            method: GET or POST.
            path: what comes after the root.
            headers: beside those of every request.
            body: may be empty.
            is_last: whether the connection is to be closed after it.

        Raises:
            OSError: no connection, or no answer.
        """
        connection = self._take() or await self._connect()
        reply = Reply(connection, None if is_last else self._idle)
        more = {**headers, **CLOSE} if is_last else headers
        head = (
            f"{method} {self._path}{path} HTTP/1.1\r\n{self._common}{_lines(more)}"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        connection.send(head.encode() + body, reply)
        try:
            while not reply.status:
                await reply.more()
        except BaseException:
            connection.close()
            raise
        return reply

    def close(self) -> None:
        """Close the connections that nobody uses; the others close when they are left."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> _Connection | None:
        """Return the connection that was used last, if it is still good."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_fresh():
                return connection
            connection.close()
        return None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _, connection = await loop.create_connection(
                lambda: _Connection(loop), self._host, self._port, ssl=self._ssl
            )
        return connection


class Reply:
    """An answer whose head is there, and whose body comes. Made by `HttpClient.send`.

    Attributes:
        status: its HTTP status.
        headers: by name in lower case.
    """

    def __init__(self, connection: _Connection, idle: deque[_Connection] | None) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._connection = connection
        self._idle = idle
        self._body = bytearray()
        self._is_whole = False
        self._failure: HttpError | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def read(self, limit: int) -> bytes:
        """Return the whole body.

        Raises:
            ReplyTooLargeError: it has more than `limit` bytes.
            HttpError: it is cut.
        """
        while True:
            if len(self._body) > limit:
                raise ReplyTooLargeError
            if self._is_whole:
                return bytes(self._body)
            await self.more()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes. Raises HttpError if it is cut."""
        while True:
            if self._body:
                piece = bytes(self._body)
                self._body.clear()
                yield piece
            elif self._is_whole:
                return
            else:
                await self.more()

    async def more(self) -> None:
        """Wait until something has come. Raises HttpError if nothing will."""
        if self._failure is not None:
            raise self._failure
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def begin(self, status: int, headers: dict[str, str]) -> None:
        """Take the head."""
        self.status, self.headers = status, headers
        self._wake()

    def add(self, data: bytes) -> None:
        """Take a piece of the body."""
        self._body += data
        self._wake()

    def end(self, failure: HttpError | None = None) -> None:
        """Take it that nothing comes any more, and why if the body is not whole."""
        if not self._is_whole:
            self._is_whole, self._failure = failure is None, failure
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_whole and self._idle is not None and self._connection.rest():
            self._idle.append(self._connection)
            while not self._idle[0].is_fresh():
                self._idle.popleft().close()
        else:
            self._connection.close()


class _Connection(asyncio.Protocol):
    """One connection, with at most one answer on its way."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._reply: Reply | None = None
        self._headers: dict[str, str] = {}
        self._head_bytes = 0
        self._in_head = True
        self._is_kept = False
        self._used_at = 0.0

    def send(self, data: bytes, reply: Reply) -> None:
        """Send a request whose answer goes to `reply`."""
        self._reply = reply
        self._in_head, self._head_bytes = True, 0
        if self._transport is None or self._transport.is_closing():
            reply.end(HttpError("the connection is closed"))
        else:
            self._transport.write(data)

    def rest(self) -> bool:
        """Let go of the answer; return whether the connection may be used again."""
        self._reply, self._used_at = None, self._loop.time()
        return self._is_kept and self.is_fresh()

    def is_fresh(self) -> bool:
        """Return whether it is open and was used a moment ago."""
        return (
            self._transport is not None
            and not self._transport.is_closing()
            and self._loop.time() - self._used_at < IDLE_S
        )

    def close(self) -> None:
        """Close it, whatever is on its way."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]  # of a stream, as asked for

    def connection_lost(self, exc: Exception | None) -> None:
        """End an answer that has no other end, or cut it."""
        self._transport = None
        if self._reply is None:
            return
        has_own_end = "content-length" in self._headers or "transfer-encoding" in self._headers
        if exc is None and not self._in_head and not has_own_end:
            self._reply.end()
        else:
            self._reply.end(HttpError("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._reply is None:
            self.close()  # an answer to nothing
            return
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._refuse(f"no HTTP: {error}")
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse("its headers are too large")

    def _refuse(self, reason: str) -> None:
        if self._reply is not None:
            self._reply.end(HttpError(reason))
        self.close()

    def on_message_begin(self) -> None:
        """Begin a head; called by the parser, as those below."""
        if not self._in_head:
            raise HttpParserError("two answers to one request")
        self._headers = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Begin a body, but not that of a "100 Continue"."""
        status = self._parser.get_status_code()
        if status >= FIRST_FINAL_STATUS and self._reply is not None:
            self._in_head = False
            self._is_kept = self._parser.should_keep_alive()
            self._reply.begin(status, self._headers)

    def on_body(self, body: bytes) -> None:
        """Take a piece of it."""
        self._head_bytes = 0
        if self._reply is not None:
            self._reply.add(body)

    def on_message_complete(self) -> None:
        """End it."""
        if not self._in_head and self._reply is not None:
            self._reply.end()


def _lines(headers: Mapping[str, str]) -> str:
    """Return headers as they are sent. Raises InvalidInput for what would break out of its line."""
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise InvalidInput("must be printable ASCII", field=name)
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
