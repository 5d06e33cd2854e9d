# SPDX-License-Identifier: Apache-2.0
"""A scripted OpenAI-compatible server: what each compute session answers is set by the test."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Script:
    """One answer: text, or a failure, after a delay."""

    def __init__(
        self,
        text: str = "an answer",
        *,
        delay_s: float = 0.0,
        status: int = 200,
        usage: dict[str, int] | None = None,
        raw: bytes | None = None,
        hang_up: bool = False,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.text = text
        self.delay_s = delay_s
        self.status = status
        self.usage = usage if usage is not None else {"prompt_tokens": 20, "completion_tokens": 5}
        self.raw = raw
        self.hang_up = hang_up
        self.headers = headers or {}


class FakeModel:
    """Answers by the request's model name, which the tests set to the compute session's id."""

    def __init__(self) -> None:
        self.scripts: dict[str, Script] = {}
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.default = Script()
        self.gate: threading.Event | None = None
        self.arrived = threading.Semaphore(0)
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Headers and body go out apart: with Nagle's algorithm the second waits 40 ms for a
            # peer that delays its acknowledgement.
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                self._send(200, b'{"data":[]}')

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                request = json.loads(raw)
                fake.requests.append({**request, "authorization": self.headers["Authorization"]})
                fake.headers.append(dict(self.headers))
                fake.arrived.release()
                script = fake.scripts.get(request.get("model", ""), fake.default)
                if fake.gate is not None:
                    fake.gate.wait(30)
                time.sleep(script.delay_s)
                if script.hang_up:
                    self.close_connection = True
                    return
                body = script.raw or fake.reply(request, script)
                self._send(script.status, body, script.headers)

            def _send(
                self, status: int, body: bytes, headers: dict[str, str] | None = None
            ) -> None:
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    for name, value in (headers or {}).items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        # `shutdown` waits for the loop's next look at it, by default half a second.
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    @staticmethod
    def reply(request: dict[str, Any], script: Script) -> bytes:
        message = {"role": "assistant", "content": script.text}
        return json.dumps(
            {
                "id": "x",
                "object": "chat.completion",
                "model": request.get("model"),
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": script.usage,
            }
        ).encode()

    def close(self) -> None:
        if self.gate is not None:
            self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
