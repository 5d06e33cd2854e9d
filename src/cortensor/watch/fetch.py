# SPDX-License-Identifier: Apache-2.0
"""Fetches what strangers publish: http(s) only, bounded in size and time, public addresses only.

The name is resolved once and the connection goes to an address that was checked, so that a name
that changes its mind in between reaches nothing private. No proxy, no cookies, no compression.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from cortensor.errors import Unavailable

if TYPE_CHECKING:
    from urllib.parse import SplitResult

MAX_BYTES = 96 * 1024 * 1024
"""Room for a batch of `leaves.MAX_LEAVES`: a leaf takes about 1.3 KB as JSON."""
MAX_REDIRECTS = 3
READ_BYTES = 65_536
OK = 200
REDIRECTS = (301, 302, 303, 307, 308)
PORTS = {"http": 80, "https": 443}


class FetchLimits(Struct, frozen=True):
    """Bounds of one fetch, redirects included.

    `is_private_allowed` lets it reach this machine and private networks: for a router of one's own.
    `is_host_kept` refuses redirects to another host.
    """

    max_bytes: int = MAX_BYTES
    timeout_s: float = 30.0
    is_private_allowed: bool = False
    is_host_kept: bool = False


def fetch(url: str, limits: FetchLimits, bearer: str | None = None) -> bytes:
    """Return the body behind a URL.

    Args:
        url: http or https.
        limits: bounds.
        bearer: a token for the URL's own host; a redirect does not get it.

    Raises:
        Unavailable: it cannot be had within the limits; the reason says why.
    """
    deadline = time.monotonic() + limits.timeout_s
    for _ in range(MAX_REDIRECTS + 1):
        parts = _split(url)
        try:
            status, location, body = _get(parts, limits, deadline, bearer)
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = "took too long" if time.monotonic() >= deadline else _short(error)
            raise _failed(url, reason) from error
        if status == OK:
            return body
        if status not in REDIRECTS or not location:
            raise _failed(url, f"status {status}")
        url, bearer = urljoin(url, location), None
        if limits.is_host_kept and _split(url).hostname != parts.hostname:
            raise _failed(url, "redirects to another host")
    raise _failed(url, "redirects too often")


def probe(url: str, limits: FetchLimits) -> int:
    """Return the HTTP status with which a URL answers; redirects are not followed.

    Raises:
        Unavailable: nothing answers within the limits; the reason says why.
    """
    try:
        status, _, _ = _get(_split(url), limits, time.monotonic() + limits.timeout_s)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _failed(url, _short(error)) from error
    return status


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _failed(url, "no URL") from error
    if parts.scheme not in PORTS or not parts.hostname or port == 0:
        raise _failed(url, "only http and https URLs are fetched")
    if any(character <= " " or character > "~" for character in url):
        raise _failed(url, "no URL")
    return parts


def _get(
    parts: SplitResult, limits: FetchLimits, deadline: float, bearer: str | None = None
) -> tuple[int, str, bytes]:
    host = parts.hostname or ""
    address = _address(host, parts.port or PORTS[parts.scheme], limits)
    opened: list[socket.socket] = [socket.create_connection(address, timeout=_left(deadline))]
    # Closes even a peer that keeps sending a byte at a time, headers included.
    watchdog = threading.Timer(_left(deadline), _shut, (opened,))
    watchdog.daemon = True
    watchdog.start()
    try:
        if parts.scheme == "https":
            context = ssl.create_default_context()
            plain = opened[0]
            opened.append(
                context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
            )
            opened[-1].do_handshake()  # type: ignore[attr-defined]  # it is an SSLSocket
        connection = http.client.HTTPConnection(host, address[1])
        connection.sock = opened[-1]
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        name = f"[{host}]" if ":" in host else host
        connection.request(
            "GET",
            target,
            headers={
                "Host": name if parts.port is None else f"{name}:{parts.port}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "Connection": "close",
                **({} if bearer is None else {"Authorization": f"Bearer {bearer}"}),
            },
        )
        response = connection.getresponse()
        if response.status != OK:
            return response.status, response.getheader("Location") or "", b""
        if response.getheader("Content-Encoding", "identity").lower() != "identity":
            raise ValueError("is compressed, which was not asked for")
        return OK, "", _read(response, limits, deadline)
    finally:
        watchdog.cancel()
        for each in opened:
            each.close()


def _read(response: http.client.HTTPResponse, limits: FetchLimits, deadline: float) -> bytes:
    length = response.length
    if length is not None and length > limits.max_bytes:
        raise ValueError(f"has {length} bytes, more than {limits.max_bytes}")
    body = bytearray()
    while piece := response.read1(READ_BYTES):
        body += piece
        if len(body) > limits.max_bytes:
            raise ValueError(f"has more than {limits.max_bytes} bytes")
        _left(deadline)
    # An end that came from our own watchdog is no end of the body.
    _left(deadline)
    if length is not None and len(body) != length:
        raise ValueError("ends early")
    return bytes(body)


def _address(host: str, port: int, limits: FetchLimits) -> tuple[str, int]:
    """Return the first address of a host that may be connected to."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for *_, address in found:
        text = str(address[0]).partition("%")[0]
        if limits.is_private_allowed or is_public(text):
            return text, port
    raise ValueError("is a private address, which is not allowed")


def is_public(text: str) -> bool:
    """Return whether an IP address is one of the open internet."""
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        # An IPv4 address in another form leads to the same machine.
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            address = inner
        elif address in NAT64:
            address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.is_global and not address.is_multicast


NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("took too long")
    return left


def _shut(opened: list[socket.socket]) -> None:
    with contextlib.suppress(OSError):  # it is closed already
        # Not `unwrap`: a TLS farewell would wait for the peer.
        socket.socket.shutdown(opened[-1], socket.SHUT_RDWR)


def _short(error: Exception) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__


def _failed(url: str, reason: str) -> Unavailable:
    shown = "".join(character if " " < character <= "~" else "?" for character in url[:160])
    return Unavailable(f"{shown}: {reason}", code="batch_unavailable")
