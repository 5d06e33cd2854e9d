# SPDX-License-Identifier: Apache-2.0
"""The backend's HTTP client, against a server that sends what it is told to, byte for byte."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest
import uvloop

from cortensor.errors import InvalidInput
from cortensor.router.adapters import http_client
from cortensor.router.adapters.http_client import HttpClient, HttpError, ReplyTooLargeError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

LIMIT = 1000
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
WHOLE = OK + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"


class Server:
    """Answers each request with the next of `answers`; an empty one ends the connection."""

    def __init__(self, *answers: bytes, ends: bool = False) -> None:
        self.answers = list(answers)
        self.ends = ends
        self.requests: list[bytes] = []
        self.connections = 0
        self.lost = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(size))
                if not self.answers:
                    await reader.read()  # hangs until the client leaves
                    break
                writer.write(self.answers.pop(0))
                if self.ends:
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()
            self.lost.set()


@asynccontextmanager
async def serving(server: Server, path: str = "") -> AsyncIterator[HttpClient]:
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        client = HttpClient(f"http://127.0.0.1:{port}{path}", {"Authorization": "Bearer k"})
        yield client
        client.close()


async def get(client: HttpClient, *, is_last: bool = False) -> tuple[int, bytes]:
    with await client.send("GET", "/x", {}, is_last=is_last) as reply:
        return reply.status, await reply.read(LIMIT)


def run(work: Coroutine[None, None, None]) -> None:
    uvloop.run(asyncio.wait_for(work, 10))


def test_a_request_is_sent_as_it_is() -> None:
    async def work() -> None:
        server = Server(WHOLE)
        async with serving(server, "/a b") as client:
            with await client.send("POST", "/v1", {"Accept": "text/plain"}, b"body") as reply:
                assert (reply.status, reply.headers["content-type"]) == (200, "text/plain")
                assert await reply.read(LIMIT) == b"hello"
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        assert (first, body) == (b"POST /a%20b/v1 HTTP/1.1", b"body")
        assert lines[0].startswith(b"Host: 127.0.0.1:")
        assert {b"Authorization: Bearer k", b"Accept: text/plain", b"Content-Length: 4"} < {*lines}

    run(work())


def test_a_connection_is_used_again() -> None:
    async def work() -> None:
        no_body = b"HTTP/1.1 204 No Content\r\n\r\n"
        late = b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE
        server = Server(WHOLE, CHUNKED, no_body, late, WHOLE)
        async with serving(server) as client:
            found = [await get(client) for _ in range(5)]
        hello = (200, b"hello")
        assert found == [hello, hello, (204, b""), hello, hello]
        assert server.connections == 1

    run(work())


def test_as_many_connections_as_requests_at_once() -> None:
    async def work() -> None:
        server = Server(*[WHOLE] * 20)
        async with serving(server) as client:
            await asyncio.gather(*(get(client) for _ in range(10)))
            await asyncio.gather(*(get(client) for _ in range(10)))
        assert (len(server.requests), server.connections) == (20, 10)

    run(work())


CLOSING = OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.parametrize("first", [CLOSING, WHOLE + WHOLE, WHOLE + b"junk"])
def test_a_connection_that_is_spoilt_is_not_used_again(first: bytes) -> None:
    async def work() -> None:
        server = Server(first, WHOLE)
        async with serving(server) as client:
            assert [await get(client) for _ in range(2)] == [(200, b"hello")] * 2
        assert server.connections == 2

    run(work())


def test_nor_one_that_the_server_speaks_on_unasked() -> None:
    async def work() -> None:
        server = Server()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            server.connections += 1
            await reader.readuntil(b"\r\n\r\n")
            writer.write(WHOLE)
            if server.connections == 1:
                await asyncio.sleep(0.05)
                writer.write(OK + b"Content-Length: 4\r\n\r\nevil")
            with suppress(ConnectionError):
                await reader.read()
            writer.close()

        server.serve = serve  # type: ignore[method-assign]
        async with serving(server) as client:
            assert await get(client) == (200, b"hello")
            await asyncio.sleep(0.2)
            assert await get(client) == (200, b"hello")
        assert server.connections == 2

    run(work())


def test_nor_one_that_was_to_be_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        server = Server(*[WHOLE] * 4)
        async with serving(server) as client:
            await get(client, is_last=True)
            await get(client)
            assert server.connections == 2
            monkeypatch.setattr(http_client, "IDLE_S", 0.0)  # nor one that was idle for too long
            await get(client)
        assert server.connections == 3
        assert b"Connection: close" in server.requests[0]

    run(work())


def test_a_body_may_end_with_the_connection() -> None:
    async def work() -> None:
        async with serving(Server(OK + b"\r\nhello", ends=True)) as client:
            assert await get(client) == (200, b"hello")

    run(work())


NO_ANSWERS = {
    "nothing": b"",
    "half a head": OK,
    "no HTTP": b"hello\r\n\r\n",
    "a cut body": OK + b"Content-Length: 9\r\n\r\nhello",
    "cut chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n",
    "no chunks": OK + b"Transfer-Encoding: chunked\r\n\r\nhello",
    "two lengths": OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "another protocol": b"HTTP/1.1 101 Go on\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
}


@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_what_is_no_whole_answer_is_an_error(answer: bytes) -> None:
    async def work() -> None:
        server = Server(answer, ends=True)
        async with serving(server) as client:
            with pytest.raises(HttpError):
                await get(client)
            await server.lost.wait()

    run(work())


ENDLESS = b"X: " + b"x" * http_client.MAX_HEAD_BYTES
TRAILERS = OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n0\r\n"


@pytest.mark.parametrize("answer", [(OK, ENDLESS), (TRAILERS, ENDLESS)], ids=["head", "trailers"])
def test_nor_are_headers_without_end(answer: tuple[bytes, bytes]) -> None:
    async def work() -> None:
        server, begun, endless = Server(), *answer

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(begun)
            await asyncio.sleep(0.05)  # the body has come and is read
            with suppress(ConnectionError):
                writer.write(endless)
                await reader.read()  # ends when the client leaves
            writer.close()
            server.lost.set()

        server.serve = serve  # type: ignore[method-assign]
        async with serving(server) as client:
            with pytest.raises(HttpError, match="too large"):
                await get(client)
            await server.lost.wait()

    run(work())


def test_nobody_there_is_an_error() -> None:
    async def work() -> None:
        with pytest.raises(OSError, match="refused"):
            await get(HttpClient("http://127.0.0.1:1", {}))

    run(work())


def test_a_body_is_read_up_to_its_limit() -> None:
    async def work() -> None:
        sent = LIMIT + 1
        server = Server(OK + b"Content-Length: 1000000\r\n\r\n" + b"x" * sent, WHOLE)
        async with serving(server) as client:
            with pytest.raises(ReplyTooLargeError):
                await get(client)
            await server.lost.wait()
            assert await get(client) == (200, b"hello")

    run(work())


def test_pieces_come_as_they_are_sent() -> None:
    async def work() -> None:
        server = Server()
        goes_on = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
            await goes_on.wait()
            writer.write(b"1\r\nb\r\n")
            writer.close()

        server.serve = serve  # type: ignore[method-assign]
        found: list[bytes] = []

        async def read(client: HttpClient) -> None:
            with await client.send("GET", "/x", {}, is_last=True) as reply:
                async for piece in reply.pieces():
                    found.append(piece)
                    goes_on.set()

        async with serving(server) as client:
            with pytest.raises(HttpError):  # its end is missing
                await read(client)
        assert found == [b"a", b"b"]

    run(work())


def test_who_leaves_closes_the_connection() -> None:
    async def work() -> None:
        server = Server()
        async with serving(server) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await get(client)
            await server.lost.wait()

    run(work())


def test_a_secret_cannot_break_out_of_its_header() -> None:
    with pytest.raises(InvalidInput) as refused:
        HttpClient("http://x", {"Authorization": "Bearer k\r\nX: y"})
    assert refused.value.field == "Authorization"


def test_https_is_spoken_and_checked() -> None:
    async def work() -> None:
        hello = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            hello.set_result(await reader.read(3))
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
            client = HttpClient(f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}", {})
            with pytest.raises(OSError):  # noqa: PT011 -- whatever TLS calls it
                await get(client)
        assert (await hello)[:2] == b"\x16\x03"  # a handshake
        context = client._ssl
        assert context is not None
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)

    run(work())
