# SPDX-License-Identifier: Apache-2.0
"""How the router's HTTP server is set up: bounds on what may come before the application is asked.

A request's head may have `MAX_HEAD_BYTES` and must be there in the time that a body may take;
the application bounds the rest (`requests.read_body`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

    from starlette.types import ASGIApp

    from cortensor.router.config import Config

MAX_HEAD_BYTES = 64 * 1024
PROBLEM = b'{"type":"urn:cortensor:problem:%s","title":"%s","status":%d,"detail":"%s","code":"%s"}'


def server_config(app: ASGIApp, config: Config) -> uvicorn.Config:
    """Return the settings of the server for an application."""
    return uvicorn.Config(
        app,
        http=bounded_protocol(config.limits.body_timeout_ms / 1000),
        log_config=None,
        access_log=False,
        proxy_headers=False,  # nothing here asks who the client is
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=config.limits.shutdown_grace_s,
    )


def bounded_protocol(head_timeout_s: float) -> type[HttpToolsProtocol]:
    """Return a protocol that gives a request's head so many seconds."""

    class Bounded(_Bounded):
        """With the time of this server."""

        seconds = head_timeout_s

    return Bounded


class _Bounded(HttpToolsProtocol):
    """Refuses heads that are too large or too slow."""

    seconds = 20.0
    _head_bytes = 0
    _in_head = True
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Wait for the first head."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, and count what belongs to a head."""
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(431, b"head_too_large", b"Request header fields too large")
            elif self._timer is None:
                self._wait_for_head()

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        """End a head."""
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def _wait_for_head(self) -> None:
        self._timer = self.loop.call_later(self.seconds, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        self._refuse(408, b"head_timeout", b"Request timeout")

    def _refuse(self, status: int, code: bytes, title: bytes) -> None:
        self._stop_waiting()
        body = PROBLEM % (code, title, status, title, code)
        self.transport.write(
            b"HTTP/1.1 %d %s\r\ncontent-type: application/problem+json\r\n"
            b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (status, title, len(body), body)
        )
        self.transport.close()
