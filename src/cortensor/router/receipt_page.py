# SPDX-License-Identifier: Apache-2.0
"""The page of a receipt: `/receipt/{id}` for people, verified by JavaScript in their browser.

The page is the same for every receipt. It asks the API like any other client, so that it shows only
what the API would, and the verifier judges what came back: nothing here is the router's word.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from cortensor.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

    from starlette.requests import Request

ASSETS = "/assets/receipts"
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""What is served of the folder, by the end of its name."""

_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    # Text of models must not become HTML: no script here may even try.
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)

SECURITY_HEADERS = {
    "Content-Security-Policy": "; ".join(_POLICY),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def page_paths(problem: dict[str, Any]) -> dict[str, Any]:
    """Return the routes as OpenAPI has them.

    Args:
        problem: the responses of what is not there.
    """
    html = _served("The page", "text/html")
    return {
        "/receipt": {
            "get": {
                "summary": "A page that verifies the bundle one drops on it",
                "responses": {"200": html},
            }
        },
        "/receipt/{receipt_id}": {
            "get": {
                "summary": "A receipt for people; their browser verifies it",
                "parameters": [_path("receipt_id")],
                "responses": {"200": html},
            }
        },
        ASSETS + "/{path}": {
            "get": {
                "summary": "The scripts of that page, the verifier among them",
                "parameters": [_path("path")],
                "responses": {
                    "200": _served("A file", "text/javascript", "text/css", "image/svg+xml"),
                    **problem,
                },
            }
        },
    }


def _served(description: str, *kinds: str) -> dict[str, Any]:
    content = {kind: {"schema": {"type": "string"}} for kind in kinds}
    return {"description": description, "content": content}


def _path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


class ReceiptPage:
    """Serves the page and the verifier it uses, from memory."""

    def __init__(self) -> None:
        root = files("cortensor.receipts") / "js"
        self._page = (root / "page" / "receipt.html").read_bytes()
        self._assets = dict(_read(root))

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/receipt", self.empty, methods=["GET"]),
            Route("/receipt/{receipt_id}", self.page, methods=["GET"]),
            Route(ASSETS + "/{path:path}", self.asset, methods=["GET"]),
        ]

    async def empty(self, _request: Request) -> Response:
        """GET /receipt: the page without a receipt, to drop a bundle on."""
        return self._shown()

    async def page(self, _request: Request) -> Response:
        """GET /receipt/{receipt_id}: the page, which reads the id from its address."""
        return self._shown()

    async def asset(self, request: Request) -> Response:
        """GET /assets/receipts/{path}: a script or the style sheet."""
        path = request.path_params["path"]
        found = self._assets.get(path)
        if found is None:
            raise NotFound("no such file", field="path", code="unknown_file")
        kind = _TYPES[path[path.rindex(".") :]]
        return Response(found, headers=SECURITY_HEADERS, media_type=kind)

    def _shown(self) -> Response:
        return Response(self._page, headers=SECURITY_HEADERS, media_type="text/html")


def _read(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield path and content of every file below a folder that is served."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _read(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(tuple(_TYPES)):
            yield prefix + entry.name, entry.read_bytes()
