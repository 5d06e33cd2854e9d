# SPDX-License-Identifier: Apache-2.0
"""Fetching from strangers is bounded in size, time and place."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from cortensor.errors import Unavailable
from cortensor.watch.fetch import FetchLimits, fetch, is_public

Respond = Callable[[http.server.BaseHTTPRequestHandler], None]


class Host:
    def __init__(self) -> None:
        self.respond: Respond = lambda _: None
        self.asked: list[tuple[str, str | None]] = []
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host.asked.append((self.path, self.headers.get("Host")))
                host.respond(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    made.close()


def limits(max_bytes: int = 1000, timeout_s: float = 5.0, is_private: bool = True) -> FetchLimits:
    return FetchLimits(max_bytes, timeout_s, is_private)


def body(data: bytes, length: int | None = None, **headers: str) -> Respond:
    def respond(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        if length is not None:
            handler.send_header("Content-Length", str(length))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return respond


def redirect(to: str, status: int = 302) -> Respond:
    def respond(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Location", to)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return respond


def test_a_body_is_fetched(host: Host) -> None:
    host.respond = body(b"x" * 1000, 1000)
    assert fetch(host.url + "a?b=c", limits()) == b"x" * 1000
    assert host.asked == [("/a?b=c", f"127.0.0.1:{host.port}")]
    host.respond = body(b"y")  # ends with the connection
    assert fetch(host.url, limits()) == b"y"


@pytest.mark.parametrize("length", [1001, None])
def test_too_much_is_refused(host: Host, length: int | None) -> None:
    host.respond = body(b"x" * 1001, length)
    with pytest.raises(Unavailable, match="more than 1000"):
        fetch(host.url, limits())


def test_half_a_body_is_refused(host: Host) -> None:
    host.respond = body(b"x" * 5, 10)
    with pytest.raises(Unavailable):
        fetch(host.url, limits())


def test_compression_is_refused(host: Host) -> None:
    host.respond = body(b"x", 1, Content_Encoding="gzip")
    with pytest.raises(Unavailable, match="compressed"):
        fetch(host.url, limits())


def test_private_places_are_not_reached(host: Host) -> None:
    for url in (host.url, f"http://localhost:{host.port}/", f"http://[::1]:{host.port}/"):
        with pytest.raises(Unavailable):
            fetch(url, limits(is_private=False))
    assert host.asked == []


def test_nor_through_a_redirect(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.respond = redirect("http://127.0.0.2:1/secret")
    # The first hop counts as public here, the second is judged as ever.
    monkeypatch.setattr("cortensor.watch.fetch.is_public", lambda text: text == "127.0.0.1")
    with pytest.raises(Unavailable, match="private"):
        fetch(host.url, limits(is_private=False))
    assert len(host.asked) == 1


def test_redirects_are_followed_a_few_times(host: Host) -> None:
    def respond(handler: http.server.BaseHTTPRequestHandler) -> None:
        if handler.path == "/end":
            body(b"here", 4)(handler)
        else:
            redirect("/end")(handler)

    host.respond = respond
    assert fetch(host.url, limits()) == b"here"
    host.respond = redirect("/again", 308)
    with pytest.raises(Unavailable, match="too often"):
        fetch(host.url, limits())
    for to in ("file:///etc/passwd", "ftp://example.org/", "gopher://127.0.0.1/"):
        host.respond = redirect(to)
        with pytest.raises(Unavailable, match="only http"):
            fetch(host.url, limits())


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_byte_at_a_time_ends_at_the_deadline(part: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(4096)
            if part == "body":
                peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while not stop.wait(0.05):
                try:
                    peer.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    began = time.monotonic()
    with pytest.raises(Unavailable):
        fetch(f"http://127.0.0.1:{listener.getsockname()[1]}/", limits(timeout_s=0.5))
    stop.set()
    thread.join(5)
    listener.close()
    assert time.monotonic() - began < 4


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "file:///etc/passwd",
        "http://",
        "http://a:99999/",
        "http://a b/",
        "http://a/\r\nX: y",
        "http://a:0/",
        "//a/",
        "http://\u00e4.example/",
    ],
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(Unavailable):
        fetch(url, limits())


def test_errors_and_nonsense_are_refused(host: Host) -> None:
    def missing(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_error(404)

    host.respond = missing
    with pytest.raises(Unavailable, match="404"):
        fetch(host.url, limits())
    host.respond = lambda handler: handler.wfile.write(b"nonsense\r\n\r\n") and None
    with pytest.raises(Unavailable):
        fetch(host.url, limits())
    with pytest.raises(Unavailable):
        fetch("http://127.0.0.1:1/", limits())


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
    ],
)
def test_which_addresses_are_public(address: str, expected: bool) -> None:
    assert is_public(address) is expected
