# SPDX-License-Identifier: Apache-2.0
"""HTTP before the front, as Anvil's own: POST to any path, any origin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from cortensor.anvil.front import Front

ANY_ORIGIN = {"access-control-allow-origin": "*"}
PREFLIGHT = ANY_ORIGIN | {
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "content-type",
}
ONLY_POST = b"JSON-RPC is by POST; there are no websockets here\n"


def application(front: Front) -> ASGIApp:
    """Return the ASGI application."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        request = Request(scope, receive)
        if request.method == "OPTIONS":
            response = Response(headers=PREFLIGHT)
        elif request.method != "POST":
            response = Response(ONLY_POST, status_code=405, headers={"allow": "POST", **ANY_ORIGIN})
        else:
            body = await front.respond(await request.body())
            response = Response(body, media_type="application/json", headers=ANY_ORIGIN)
        await response(scope, receive, send)

    return app
