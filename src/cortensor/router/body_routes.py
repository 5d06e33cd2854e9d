# SPDX-License-Identifier: Apache-2.0
"""The receipts behind a batch, for whoever computes rewards: `/api/v4/batch/{root}/receipts`.

Only where the operator publishes them (`settlement.publish_bodies`): a body holds a summary of the
answer. What the router anchors without publishing earns its nodes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from starlette.responses import Response
from starlette.routing import Route

from cortensor.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from starlette.requests import Request

    from cortensor.router.ports import LedgerPort, OutboxPort
    from cortensor.store.calls import Calls

PAGE = 1_000
"""Receipts of one answer: a few megabytes."""
_DIGITS = 9


class BodiesResponse(Struct, frozen=True):
    """Bodies of a batch's receipts from leaf `first` on; each as it was hashed.

    `next` is where the next answer begins; null after the last leaf.
    """

    root: str
    count: int
    first: int
    next: int | None
    bodies: list[msgspec.Raw]


class BodyDesk:
    """Serves bodies.

    Args:
        ledger: receipts.
        outbox: batches.
        calls: how the store is called.
        is_public: whether bodies are published; if not, the route says so.
    """

    def __init__(
        self, ledger: LedgerPort, outbox: OutboxPort, calls: Calls, *, is_public: bool
    ) -> None:
        self._is_public = is_public
        self._ledger = ledger
        self._outbox = outbox
        self._calls = calls

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [Route("/api/v4/batch/{root}/receipts", self.bodies, methods=["GET"])]

    async def bodies(self, request: Request) -> Response:
        """GET /api/v4/batch/{root}/receipts?first=N."""
        if not self._is_public:
            raise NotFound(
                "this router does not publish the bodies of receipts", code="bodies_not_published"
            )
        text = request.query_params.get("first", "0")
        if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
            raise InvalidInput("must be a leaf's number", field="first")
        page = await self._calls.read(self._page, request.path_params["root"].lower(), int(text))
        return Response(msgspec.json.encode(page), media_type="application/json")

    def _page(self, root: str, first: int) -> BodiesResponse:
        leaves = self._outbox.leaves(root)
        if not leaves:
            raise NotFound("no batch has this root", field="root", code="unknown_batch")
        bodies = []
        for leaf in leaves[first : first + PAGE]:
            record = self._ledger.receipt(leaf.receipt_id)
            if record is None:
                raise NotFound("the receipt is not stored", code="unknown_receipt")
            bodies.append(msgspec.Raw(record.body))
        after = first + len(bodies)
        return BodiesResponse(
            root, len(leaves), first, after if after < len(leaves) else None, bodies
        )


def body_paths(parameters: list[dict[str, Any]], responses: dict[str, Any]) -> dict[str, Any]:
    """Return the route as OpenAPI has it."""
    return {
        "/api/v4/batch/{root}/receipts": {
            "get": {
                "summary": "The bodies of a batch's receipts, where the operator publishes them",
                "parameters": parameters,
                "responses": responses,
            }
        }
    }
