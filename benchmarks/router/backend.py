# SPDX-License-Identifier: Apache-2.0
"""A fake OpenAI server, as fast as Python can be: one fixed answer, after a fixed delay or none.

Run as `python -m benchmarks.router.backend`; prints its URL as one JSON line.
"""

from __future__ import annotations

import asyncio
import json
import sys
from argparse import ArgumentParser
from typing import cast

import httptools
import uvloop

ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "bench",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "The invoice is due on 12 March."},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 60, "completion_tokens": 9, "total_tokens": 69},
    }
).encode()
MODELS = b'{"object":"list","data":[{"id":"bench","object":"model"}]}'


def _response(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


class FakeOpenAI(asyncio.Protocol):
    """One connection. Requests on it are answered in order; clients here never pipeline.

    Args:
        delay_s: seconds between a request and its answer.
    """

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Answer; called by the parser."""
        is_post = self._parser.get_method() == b"POST"
        answer = _response(ANSWER if is_post else MODELS)
        if is_post and self._delay_s:
            asyncio.get_running_loop().call_later(self._delay_s, self._send, answer)
        else:
            self._send(answer)

    def _send(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


async def _serve(delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: FakeOpenAI(delay_s), "127.0.0.1", 0, backlog=2048)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{port}"}) + "\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


def main() -> None:
    """Serve until killed."""
    parser = ArgumentParser(prog="python -m benchmarks.router.backend", description=__doc__)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    uvloop.run(_serve(parser.parse_args().delay_ms / 1000))


if __name__ == "__main__":
    main()
