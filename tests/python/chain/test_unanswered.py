# SPDX-License-Identifier: Apache-2.0
"""A node that does not answer is named with the reason; keys and passwords in its URL are not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from cortensor.chain import rpc
from cortensor.chain.rpc import chain_of, connect
from cortensor.errors import Unavailable
from cortensor.unanswered import nobody_answers, origin_of

SECRET = "SECRET"


class Page(BaseHTTPRequestHandler):
    """A web server that is no node."""

    status = 200
    body = b"<html>\nhello"

    def do_POST(self) -> None:  # the base class' name
        self.send_response(self.status)
        self.send_header("content-length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Refuser(Page):
    status = 401


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A port that is listened at, where nothing is ever said."""
    monkeypatch.setattr(rpc, "RPC_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def told(url: str) -> str:
    with pytest.raises(Unavailable) as caught:
        chain_of(connect(url))
    error = caught.value
    assert error.code == "chain_unavailable"
    assert SECRET not in error.reason
    return error.reason


def told_by(kind: type[Page]) -> tuple[str, int]:
    server = HTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    try:
        port = server.server_port
        return told(f"http://user:{SECRET}@127.0.0.1:{port}/{SECRET}"), port
    finally:
        thread.join()
        server.server_close()


def test_nobody_is_there() -> None:
    url = f"http://user:{SECRET}@127.0.0.1:9/v2/{SECRET}?key={SECRET}"
    assert told(url) == "chain id: nobody answers at http://127.0.0.1:9 (connection refused)"


def test_who_says_nothing_is_not_waited_for(silent: socket.socket) -> None:
    there = f"http://127.0.0.1:{silent.getsockname()[1]}"
    assert told(f"{there}/{SECRET}") == f"chain id: nobody answers at {there} (timed out)"


def test_a_connection_that_is_closed(silent: socket.socket) -> None:
    def close() -> None:
        taken, _ = silent.accept()
        taken.recv(4096)
        taken.close()

    thread = threading.Thread(target=close)
    thread.start()
    there = f"http://127.0.0.1:{silent.getsockname()[1]}"
    assert told(there) == f"chain id: nobody answers at {there} (connection closed)"
    thread.join()


def test_what_answers_is_no_node() -> None:
    reason, port = told_by(Refuser)
    assert reason == f"chain id: http://127.0.0.1:{port} answers HTTP 401"
    reason, _ = told_by(Page)
    assert reason == "chain id: what answers is no node: no JSON"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(-2, SECRET), "unknown host"),
        (ConnectionResetError(SECRET), "connection closed"),
        (OSError(SECRET), "the connection failed"),
    ],
)
def test_the_class_of_the_cause_is_the_reason(error: OSError, reason: str) -> None:
    raised = RuntimeError(SECRET)
    raised.__cause__ = error
    assert nobody_answers("http://node", raised) == f"nobody answers at http://node ({reason})"


def test_an_origin_holds_no_secret() -> None:
    assert origin_of(f"https://user:{SECRET}@[::1]:8545/{SECRET}#{SECRET}") == "https://[::1]:8545"
    assert origin_of("http://[") == "its address"
