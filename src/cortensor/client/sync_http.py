# SPDX-License-Identifier: Apache-2.0
"""Carries the steps of a call out over requests, for any number of threads."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import requests

from cortensor.client.flow import MAX_REPLY_BYTES, Lost, Opened, Part, Reply
from cortensor.router.versions.event_format import EVENT_STREAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cortensor.client.flow import Open, Send

CHUNK_BYTES = 65_536
_FAULTS = (requests.RequestException, OSError)


class SyncHttp:
    """Connections, kept open between calls."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._opened: list[requests.Session] = []

    def send(self, step: Send) -> Reply | Lost:
        """Send a request, and wait for the whole reply."""
        end = time.monotonic() + step.timeout_s
        try:
            with self._request(step) as reply:
                return _whole(reply, end)
        except _FAULTS as error:
            return Lost(type(error).__name__)

    def _request(self, step: Send) -> requests.Response:
        return self._http().request(
            step.method,
            step.url,
            data=step.body,
            headers=step.headers,
            timeout=step.timeout_s,
            allow_redirects=False,
            stream=True,
        )

    def _http(self) -> requests.Session:
        # A requests.Session is not for several threads at once.
        found: requests.Session | None = getattr(self._local, "session", None)
        if found is None:
            found = requests.Session()
            found.trust_env = False  # no .netrc in the place of the grant
            self._local.session = found
            self._opened.append(found)
        return found

    def close(self) -> None:
        """Close all connections."""
        for session in self._opened:
            session.close()
        self._opened.clear()
        self._local = threading.local()

    def line(self) -> SyncLine:
        """Return what one stream is read through."""
        return SyncLine(self._request)


class SyncLine:
    """One stream at a time.

    Args:
        request: sends a request.
    """

    def __init__(self, request: Callable[[Send], requests.Response]) -> None:
        self._request = request
        self._reply: requests.Response | None = None
        self._parts: Iterator[bytes] = iter(())

    def open(self, step: Open) -> Opened | Reply | Lost:
        """Send a request, and wait for its stream to begin, or for the whole reply."""
        self.close()
        end = time.monotonic() + step.timeout_s
        try:
            reply = self._request(step)
            if not reply.headers.get("content-type", "").startswith(EVENT_STREAM):
                with reply:
                    return _whole(reply, end)
        except _FAULTS as error:
            return Lost(type(error).__name__)
        self._reply, self._parts = reply, reply.iter_content(CHUNK_BYTES)
        return Opened(_headers(reply))

    def read(self) -> Part | Lost:
        """Wait for more of the stream."""
        try:
            return Part(next(self._parts, b""))
        except _FAULTS as error:
            return Lost(type(error).__name__)

    def close(self) -> None:
        """Leave the stream."""
        if self._reply is not None:
            self._reply.close()
            self._reply = None


def _whole(reply: requests.Response, end: float) -> Reply | Lost:
    body = bytearray()
    for chunk in reply.iter_content(CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_REPLY_BYTES:
            return Lost("the reply is too large")
        if time.monotonic() > end:  # a server that drips is no server
            return Lost("timeout")
    return Reply(reply.status_code, _headers(reply), bytes(body))


def _headers(reply: requests.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in reply.headers.items()}
