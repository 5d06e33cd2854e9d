# SPDX-License-Identifier: Apache-2.0
"""A way to a node that can be shut at a chosen call."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen


class Port:
    """A way to a node that can be shut, and may show an old block as the latest.

    Attributes:
        asked: methods that came through.
        dies_after: methods after which it is shut by itself, before it answers.
        behind_s: how old the latest block is made to look.
    """

    def __init__(self, node: str) -> None:
        self.asked: list[str] = []
        self.dies_after: str | None = None
        self.behind_s = 0
        self.is_open = True
        port = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                call = json.loads(body)
                if not port.is_open:
                    self.close_connection = True
                    return
                port.asked.append(call["method"])
                with urlopen(Request(node, body, {"content-type": "application/json"})) as answer:
                    data = json.load(answer)
                if call["method"] == port.dies_after:
                    port.is_open = False  # the node has it, and whoever asked does not know
                    self.close_connection = True
                    return
                if call["method"] == "eth_getBlockByNumber" and call["params"][0] == "latest":
                    block = data["result"]
                    block["timestamp"] = hex(int(block["timestamp"], 16) - port.behind_s)
                raw = json.dumps(data).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_arguments: object):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
