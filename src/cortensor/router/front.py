# SPDX-License-Identifier: Apache-2.0
"""Around every HTTP request: its id, its trace, its count, its line in the log.

Plain ASGI, outside of everything else, so that what the routes refuse or break on is seen as well.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from cortensor.router import logs
from cortensor.router.metrics import OTHER_ROUTE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from cortensor.router.metrics import Metrics
    from cortensor.router.tracing import Tracer

ID_HEADER = b"x-request-id"
HTTP_ERROR = 500

_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
log = logging.getLogger("cortensor.router.requests")


class Front:
    """Wraps the application.

    Args:
        app: what answers.
        routes: the path of each endpoint, by the endpoint itself.
        metrics: counts requests.
        tracer: traces them.
        logs_requests: whether each gets a line in the log.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: Mapping[object, str],
        metrics: Metrics,
        tracer: Tracer,
        logs_requests: bool,
    ) -> None:
        self._app = app
        self._routes = routes
        self._metrics = metrics
        self._tracer = tracer
        self._logs_requests = logs_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _request_id(headers.get("x-request-id"))
        logs.begin(request_id=request_id)
        method, began, status = scope["method"], time.perf_counter(), HTTP_ERROR

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (ID_HEADER, request_id.encode())]
            await send(message)

        self._metrics.in_flight.inc()
        try:
            with self._tracer.arrival(method, headers) as span:
                try:
                    await self._app(scope, receive, answer)
                finally:
                    route = self._route(scope)
                    span.rename(f"{method} {route}")
                    span.note(
                        http__request__method=method,
                        http__route=route,
                        http__response__status_code=status,
                        request_id=request_id,
                    )
        finally:
            self._metrics.in_flight.dec()
            seconds = time.perf_counter() - began
            route = self._route(scope)
            self._metrics.answered(route, method, status, seconds)
            if self._logs_requests:
                fields = {
                    "method": method,
                    "route": route,
                    "status": status,
                    "ms": round(seconds * 1000, 1),
                }
                log.info("answered", extra={"fields": fields})

    def _route(self, scope: Scope) -> str:
        return self._routes.get(scope.get("endpoint"), OTHER_ROUTE)


def _request_id(given: str | None) -> str:
    """Return the caller's id where it is a plain one, else a new one."""
    return given if given is not None and _ID.fullmatch(given) else secrets.token_hex(8)
