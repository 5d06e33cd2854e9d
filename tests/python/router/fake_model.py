# SPDX-License-Identifier: Apache-2.0
"""A scripted OpenAI-compatible server: what each compute session answers is set by the test."""

from __future__ import annotations

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class Script:
    """One answer: text, or a failure, after a delay; `then` answers the requests after it.

    Asked for a stream it sends `pieces` (by default the words) with `drip_s` seconds after each.
    `cut_after` pieces the connection ends; `polite_cut` ends it with a [DONE] all the same, and
    `error_after` with an error event. A script with `streams` false knows no streams. What is not
    streamed has its body `body_after_s` behind its head, by default in one piece with it.
    """

    def __init__(
        self,
        text: str = "an answer",
        *,
        delay_s: float = 0.0,
        body_after_s: float = 0.0,
        status: int = 200,
        usage: dict[str, int] | None = None,
        raw: bytes | None = None,
        hang_up: bool = False,
        headers: dict[str, str] | None = None,
        pieces: list[str] | None = None,
        drip_s: float = 0.0,
        cut_after: int | None = None,
        polite_cut: bool = False,
        error_after: int | None = None,
        streams: bool = True,
        finish_reason: str = "stop",
        tool_calls: list[Any] | None = None,
        then: Script | None = None,
    ) -> None:
        self.text = text
        self.delay_s = delay_s
        self.body_after_s = body_after_s
        self.status = status
        self.usage = usage if usage is not None else {"prompt_tokens": 20, "completion_tokens": 5}
        self.raw = raw
        self.hang_up = hang_up
        self.headers = headers or {}
        self.pieces = pieces if pieces is not None else re.findall(r"\S+\s*|\s+", text)
        self.drip_s = drip_s
        self.cut_after = cut_after
        self.polite_cut = polite_cut
        self.error_after = error_after
        self.streams = streams
        self.finish_reason = finish_reason
        self.tool_calls = tool_calls
        self.then = then


class _Handler(BaseHTTPRequestHandler):
    fake: FakeModel
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body go out together
    # What does not, would wait 40 ms for a peer that delays its acknowledgement.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._send(200, b'{"data":[]}')

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        request = json.loads(raw)
        self.fake.requests.append({**request, "authorization": self.headers["Authorization"]})
        self.fake.headers.append(dict(self.headers))
        self.fake.arrived.release()
        script = self.fake.next(request.get("model", ""))
        if self.fake.gate is not None:
            self.fake.gate.wait(30)
        time.sleep(script.delay_s)
        if script.hang_up:
            self.close_connection = True
            return
        is_stream = request.get("stream") and script.streams and script.status == 200
        if is_stream and script.raw is None:
            self._stream(request, script)
        else:
            body = script.raw or self.fake.reply(request, script)
            self._send(script.status, body, script.headers, script.body_after_s)

    def _stream(self, request: dict[str, Any], script: Script) -> None:
        try:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream; charset=utf-8")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for event in self.fake.events(request, script):
                data = event.encode()
                self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                self.wfile.flush()
                time.sleep(script.drip_s)
            if script.cut_after is None or script.polite_cut:
                self.wfile.write(b"0\r\n\r\n")
            else:
                self.close_connection = True
        except OSError:
            self.fake.gone.release()
            self.close_connection = True

    def _send(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str] | None = None,
        body_after_s: float = 0.0,
    ) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            if body_after_s:
                self.wfile.flush()
                time.sleep(body_after_s)
            self.wfile.write(body)
            self.wfile.flush()
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


class FakeModel:
    """Answers by the request's model name, which the tests set to the compute session's id."""

    def __init__(self) -> None:
        self.scripts: dict[str, Script] = {}
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.default = Script()
        self.gate: threading.Event | None = None
        self.arrived = threading.Semaphore(0)
        self.gone = threading.Semaphore(0)
        handler = type("Handler", (_Handler,), {"fake": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        # `shutdown` waits for the loop's next look at it, by default half a second.
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def next(self, model: str) -> Script:
        """The script of this request; one with `then` gives way to it."""
        found = self.scripts.get(model)
        script = found or self.default
        if script.then is not None:
            if found is None:
                self.default = script.then
            else:
                self.scripts[model] = script.then
        return script

    @staticmethod
    def events(request: dict[str, Any], script: Script) -> Iterator[str]:
        def event(choices: list[dict[str, Any]], **more: Any) -> str:
            common = {"id": "x", "object": "chat.completion.chunk", "model": request.get("model")}
            return f"data: {json.dumps({**common, 'choices': choices, **more})}\n\n"

        def delta(content: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
            return {"index": 0, "delta": content, "finish_reason": reason}

        if script.cut_after != 0:
            yield ": a comment\n\n"
            yield event([delta({"role": "assistant", "content": ""})])
        for number, piece in enumerate(script.pieces):
            if script.cut_after == number:
                break
            if script.error_after == number:
                yield 'data: {"error": {"message": "the model broke"}}\n\n'
                return
            yield event([delta({"content": piece})])
        else:
            if script.tool_calls is not None:
                yield event([delta({"tool_calls": script.tool_calls})])
            yield event([delta({}, script.finish_reason)])
            if request.get("stream_options", {}).get("include_usage") and script.usage:
                yield event([], usage=script.usage)
        if script.cut_after is None or script.polite_cut:
            yield "data: [DONE]\n\n"

    @staticmethod
    def reply(request: dict[str, Any], script: Script) -> bytes:
        message: dict[str, Any] = {"role": "assistant", "content": script.text}
        if script.tool_calls is not None:
            message["tool_calls"] = script.tool_calls
        return json.dumps(
            {
                "id": "x",
                "object": "chat.completion",
                "model": request.get("model"),
                "choices": [
                    {"index": 0, "message": message, "finish_reason": script.finish_reason}
                ],
                "usage": script.usage,
            }
        ).encode()

    def close(self) -> None:
        if self.gate is not None:
            self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
