# SPDX-License-Identifier: Apache-2.0
"""The router's transparency log as static files: /tlog/checkpoint and /tlog/tile/…."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from cortensor.errors import NotFound
from cortensor.receipts.sign import sign
from cortensor.tlog.entry import read_entry
from cortensor.tlog.grant import grant_digest
from cortensor.tlog.note import Checkpoint, NoteKey
from cortensor.tlog.tree import WIDTH, bundle, leaf_hash, read_tile_path, tile, tree_hash

if TYPE_CHECKING:
    from starlette.requests import Request

    from cortensor.store.calls import Calls
    from cortensor.store.log_entries import LogEntries
    from cortensor.tlog.entry import LogName

PAGE = 4096
TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
FOR_EVER = "public, max-age=31536000, immutable"
FOR_NOW = "no-cache"


class LogDesk:
    """Serves one log.

    Args:
        entries: where it is kept.
        name: whose log.
        origin: the log's public address without its scheme.
        key: the anchorer's private key: it grants the key that signs checkpoints, which is made
            of it.
        calls: how the store is called.
    """

    def __init__(
        self, entries: LogEntries, name: LogName, origin: str, key: str, calls: Calls
    ) -> None:
        self._entries = entries
        self._name = name
        self._origin = origin
        self._signer = NoteKey(bytes.fromhex(key.removeprefix("0x")) + origin.encode(), origin)
        granted = sign(key, grant_digest(self._signer.verifier, name))
        self._grant = f"{self._signer.verifier}\n{name.line}\n0x{granted.hex()}\n"
        self._calls = calls
        self._leaves: list[bytes] = []
        self._reading = asyncio.Lock()

    def routes(self) -> list[Route]:
        """Return the routes of the log."""
        return [
            Route("/tlog/checkpoint", self.checkpoint, methods=["GET"]),
            Route("/tlog/key", self.key, methods=["GET"]),
            Route("/tlog/{path:path}", self.tile, methods=["GET"]),
        ]

    async def key(self, _request: Request) -> Response:
        """GET /tlog/key: the key that signs checkpoints, and the anchorer's word for it."""
        return _answer(self._grant.encode(), TEXT, FOR_NOW)

    async def checkpoint(self, _request: Request) -> Response:
        """GET /tlog/checkpoint."""
        leaves = await self._all()
        head = self._name.genesis()
        if leaves:
            (last,) = await self._calls.read(
                self._entries.after, self._name.line, len(leaves) - 1, 1
            )
            head = int(read_entry(last.entry).head, 16)
        found = Checkpoint(
            self._origin,
            len(leaves),
            await asyncio.to_thread(tree_hash, leaves),
            [self._name.line, f"head 0x{head:064x}"],
        )
        return _answer(self._signer.sign(found.text()).encode(), TEXT, FOR_NOW)

    async def tile(self, request: Request) -> Response:
        """GET /tlog/tile/{level}/{index} and /tlog/tile/entries/{index}."""
        found = read_tile_path(request.path_params["path"])
        if found is None:
            raise NotFound("no such route", code="unknown_route")
        level, index, width = found
        leaves = await self._all()
        data: bytes | None = None
        if isinstance(level, int):
            data = await asyncio.to_thread(tile, leaves, level, index, width)
        elif index * WIDTH + width <= len(leaves):
            page = await self._calls.read(
                self._entries.after, self._name.line, index * WIDTH, width
            )
            data = bundle([each.entry for each in page])
        if data is None:
            raise NotFound("the log is not as large", code="unknown_tile")
        return _answer(data, BYTES, FOR_EVER)

    async def _all(self) -> list[bytes]:
        """Return every hashed leaf, with those that were added since."""
        async with self._reading:
            while True:
                page = await self._calls.read(
                    self._entries.after, self._name.line, len(self._leaves), PAGE
                )
                if not page:
                    return list(self._leaves)
                self._leaves += [leaf_hash(each.entry) for each in page]


def log_paths(problem: dict[str, Any]) -> dict[str, Any]:
    """Return the routes as OpenAPI has them.

    Args:
        problem: the responses of what is not there.
    """
    text = {"description": "Done", "content": {"text/plain": {"schema": {"type": "string"}}}}
    tiles = {"description": "A tile", "content": {BYTES: {}}}
    path = {"name": "path", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "/tlog/checkpoint": {
            "get": {"summary": "The log's size and root, signed", "responses": {"200": text}}
        },
        "/tlog/key": {
            "get": {
                "summary": "The key that signs checkpoints, and the anchorer's word for it",
                "responses": {"200": text},
            }
        },
        "/tlog/{path}": {
            "get": {
                "summary": "A tile of hashes (tile/<level>/…) or of entries (tile/entries/…)",
                "parameters": [path],
                "responses": {"200": tiles, **problem},
            }
        },
    }


def _answer(data: bytes, media_type: str, cache: str) -> Response:
    return Response(data, headers={"Cache-Control": cache}, media_type=media_type)
