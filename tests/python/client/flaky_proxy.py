# SPDX-License-Identifier: Apache-2.0
"""An HTTP proxy that loses, delays, breaks and rewrites what passes, as the test says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

Rewrite = Callable[[requests.Response], tuple[int, dict[str, str], bytes]]
KEPT = ("content-type", "retry-after", "x-cortensor-total", "idempotent-replayed")


class Pass:
    """Let a request through; `rewrite` changes the reply."""

    def __init__(self, rewrite: Rewrite | None = None) -> None:
        self.rewrite = rewrite


class LoseRequest:
    """Close the connection before the router hears anything."""


class LoseReply:
    """Let the router do the work, and close the connection without a word."""


class CutReply:
    """Let the router do the work, and send half of its reply, or `share` of it."""

    def __init__(self, share: float = 0.5) -> None:
        self.share = share


class Answer:
    """Answer in the place of the router."""

    def __init__(self, status: int, body: bytes = b"<h1>Bad gateway</h1>", **headers: str) -> None:
        self.status = status
        self.body = body
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


Fault = Pass | LoseRequest | LoseReply | CutReply | Answer


class _Handler(BaseHTTPRequestHandler):
    proxy: FlakyProxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._pass(None, Pass())

    def do_DELETE(self) -> None:
        self._pass(None, self._fault(b""))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "/quote" in self.path or "/voucher" in self.path:
            self._pass(body, Pass())
            return
        self._pass(body, self._fault(body))

    def _fault(self, body: bytes) -> Fault:
        with self.proxy.lock:
            self.proxy.seen.append((self.path, dict(self.headers), body))
            return self.proxy.faults.pop(0) if self.proxy.faults else Pass()

    def _pass(self, body: bytes | None, fault: Fault) -> None:
        if isinstance(fault, LoseRequest):
            self.close_connection = True
            return
        if isinstance(fault, Answer):
            self._send(fault.status, fault.headers, fault.body)
            return
        headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
        reply = requests.request(
            self.command, self.proxy.target + self.path, data=body, headers=headers, timeout=30
        )
        hold = self.proxy.hold
        if hold is not None and self.path.endswith("/delegate"):
            self.proxy.arrived.release()
            hold.wait(30)
        if isinstance(fault, LoseReply):
            self.close_connection = True
            return
        status, kept, content = reply.status_code, _kept(reply), reply.content
        if isinstance(fault, Pass) and fault.rewrite is not None:
            status, kept, content = fault.rewrite(reply)
        for part, rewrite in self.proxy.always.items():
            if part in self.path:
                status, kept, content = rewrite(reply)
        share = fault.share if isinstance(fault, CutReply) else None
        if any("event-stream" in each for each in kept.values()):
            self._send_stream(status, kept, content, share)
        else:
            self._send(status, kept, content, share)

    def _send(
        self, status: int, headers: dict[str, str], body: bytes, share: float | None = None
    ) -> None:
        cut = share is not None
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if share is None else body[: int(len(body) * share)])
        except OSError:
            cut = True
        if cut:
            self.close_connection = True

    def _send_stream(
        self, status: int, headers: dict[str, str], body: bytes, share: float | None
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        sent = body if share is None else body[: int(len(body) * share)]
        self.wfile.write(f"{len(sent):x}\r\n".encode() + sent + b"\r\n" if sent else b"")
        if share is None:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


class FlakyProxy:
    """Applies `faults` to paid calls in order, then lets everything through.

    `always` is applied to replies whose path holds its text; `hold` keeps replies to delegations
    back until it is set.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.faults: list[Fault] = []
        self.always: dict[str, Rewrite] = {}
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.hold: threading.Event | None = None
        self.arrived = threading.Semaphore(0)
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self})
        )
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        if self.hold is not None:
            self.hold.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _kept(reply: requests.Response) -> dict[str, str]:
    return {name: value for name, value in reply.headers.items() if name.lower() in KEPT}


def rewritten(change: Callable[[str], str]) -> Rewrite:
    """A change of a reply's text."""
    return lambda reply: (reply.status_code, _kept(reply), change(reply.text).encode())


def retold(total: Callable[[int], int]) -> Rewrite:
    """A change of the running total."""

    def change(reply: requests.Response) -> tuple[int, dict[str, str], bytes]:
        kept = _kept(reply)
        for name in kept:
            if name.lower() == "x-cortensor-total":
                kept[name] = str(total(int(kept[name])))
        return reply.status_code, kept, reply.content

    return change
