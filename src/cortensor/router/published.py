# SPDX-License-Identifier: Apache-2.0
"""JSON Schemas of requests and answers, each a document of its own at `/schemas/<name>.json`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from cortensor.errors import NotFound
from cortensor.receipts.schema import DIALECT, receipt_schemas
from cortensor.router.openapi import SCHEMAS, document

if TYPE_CHECKING:
    from starlette.requests import Request

SCHEMA_TYPE = "application/schema+json"
JSON = "application/json"


def json_schemas() -> dict[str, dict[str, Any]]:
    """Return every published schema by name, complete in itself."""
    found = {}
    for shape in SCHEMAS:
        (ref,), parts = msgspec.json.schema_components([shape], ref_template="#/$defs/{name}")
        name = shape.__name__
        found[name] = {"$schema": DIALECT, "$id": f"/schemas/{name}.json", **ref, "$defs": parts}
    return found | receipt_schemas()


@cache
def _encoded() -> tuple[bytes, dict[str, bytes]]:
    """Return the OpenAPI document, and the schemas by name: the same for every router."""
    schemas = {name: msgspec.json.encode(each) for name, each in json_schemas().items()}
    return msgspec.json.encode(document()), schemas


class PublishedRoutes:
    """Serves the OpenAPI document and the schemas."""

    def __init__(self) -> None:
        self._openapi, self._schemas = _encoded()

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/openapi.json", self.openapi, methods=["GET"]),
            Route("/schemas", self.index, methods=["GET"]),
            Route("/schemas/{name}.json", self.schema, methods=["GET"]),
        ]

    async def openapi(self, _request: Request) -> Response:
        """GET /openapi.json."""
        return Response(self._openapi, media_type=JSON)

    async def index(self, _request: Request) -> Response:
        """GET /schemas."""
        paths = [f"/schemas/{name}.json" for name in self._schemas]
        return Response(msgspec.json.encode({"schemas": paths}), media_type=JSON)

    async def schema(self, request: Request) -> Response:
        """GET /schemas/{name}.json."""
        found = self._schemas.get(request.path_params["name"])
        if found is None:
            raise NotFound("no schema has this name", field="name", code="unknown_schema")
        return Response(found, media_type=SCHEMA_TYPE)
