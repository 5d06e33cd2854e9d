# SPDX-License-Identifier: Apache-2.0
"""An OpenAI-compatible server that fails in each way a backend can, chosen by the model's name."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HUGE_BYTES = 300_000
DRIP_S = 0.02
GOOD = '{"answer": "yes"}'
USAGE = {"prompt_tokens": 20, "completion_tokens": 5}
LIE = {"prompt_tokens": 10**9, "completion_tokens": 10**9}


def completion(text: str = GOOD, usage: dict[str, int] = USAGE) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}}
    return json.dumps({"choices": [{**choice, "finish_reason": "stop"}], "usage": usage}).encode()


class _Handler(BaseHTTPRequestHandler):
    model: FaultyModel
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.model.lock:
            self.model.asked.append((request["model"], request["messages"][-1]["content"]))
        fault = self.model.faults.get(request["model"])
        try:
            getattr(self, f"_{fault}" if fault else "_good")()
        except OSError:
            self.close_connection = True

    def _good(self) -> None:
        self._reply(200, completion())

    def _refuse(self) -> None:
        """Reset the connection, as a closed port does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _hang(self) -> None:
        self.connection.recv(1)  # until the caller gives up
        self.close_connection = True

    def _slow_drip(self) -> None:
        body = completion()
        self._head(200, len(body))
        for byte in body:
            self.wfile.write(bytes([byte]))
            time.sleep(DRIP_S)

    def _cut_stream(self) -> None:
        body = completion()
        self._head(200, len(body))
        self.wfile.write(body[: len(body) // 2])
        self.close_connection = True

    def _status_429(self) -> None:
        self._reply(429, b'{"error": {"message": "slow down"}}')

    def _status_500(self) -> None:
        self._reply(500, b'{"error": {"message": "broken"}}')

    def _bad_json(self) -> None:
        self._reply(200, b'{"choices": [')

    def _wrong_schema(self) -> None:
        self._reply(200, completion('{"answer": 7}'))

    def _huge_body(self) -> None:
        self._reply(200, completion("x" * HUGE_BYTES))

    def _lying_usage(self) -> None:
        self._reply(200, completion(usage=LIE))

    def _head(self, status: int, size: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(size))
        self.end_headers()

    def _reply(self, status: int, body: bytes) -> None:
        self._head(status, len(body))
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class FaultyModel:
    """Answers well, but for the models named in `faults`: name -> fault, as in the matrix."""

    def __init__(self) -> None:
        self.faults: dict[str, str] = {}
        self.asked: list[tuple[str, str]] = []
        self.lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"model": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def asked_by(self, word: str) -> list[str]:
        """The models that were asked something with a word in it."""
        return [name for name, text in self.asked if word in text]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
