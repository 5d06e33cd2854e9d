# SPDX-License-Identifier: Apache-2.0
"""Around every HTTP request: its id, its trace, its count, its line in the log, its refusal.

Plain ASGI, right around the routes: whatever they refuse or break on becomes an answer here.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.routing import Router

from cortensor.router import logs
from cortensor.router.metrics import OTHER_ROUTE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.responses import Response
    from starlette.routing import Route
    from starlette.types import Message, Receive, Scope, Send

    from cortensor.router.metrics import Metrics
    from cortensor.router.tracing import Tracer

ID_HEADER = b"x-request-id"
HTTP_ERROR = 500

_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
log = logging.getLogger("cortensor.router.requests")


class Front:
    """The application: its routes, and what is around them.

    Args:
        routes: what answers.
        refusal: from a request's path and an exception to the answer that says so.
        metrics: counts requests.
        tracer: traces them.
        logs_requests: whether each gets a line in the log.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        *,
        refusal: Callable[[str, Exception], Response],
        metrics: Metrics,
        tracer: Tracer,
        logs_requests: bool,
    ) -> None:
        self.routes = routes
        self._router = Router(routes)
        self._paths: dict[object, str] = {route.endpoint: route.path for route in routes}
        self._refusal = refusal
        self._metrics = metrics
        self._tracer = tracer
        self._logs_requests = logs_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        scope["app"] = self  # so that the router raises what it refuses
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _request_id(headers.get("x-request-id"))
        logs.begin(request_id=request_id)
        method, began, status = scope["method"], time.perf_counter(), HTTP_ERROR
        has_begun = False

        async def answer(message: Message) -> None:
            nonlocal status, has_begun
            if message["type"] == "http.response.start":
                status, has_begun = message["status"], True
                message["headers"] = [*message.get("headers", ()), (ID_HEADER, request_id.encode())]
            await send(message)

        self._metrics.in_flight.inc()
        try:
            with self._tracer.arrival(method, headers) as span:
                try:
                    await self._router(scope, receive, answer)
                except Exception as error:
                    if has_begun:  # the server cuts it: nothing else can be said any more
                        raise
                    await self._refusal(scope["path"], error)(scope, receive, answer)
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
        return self._paths.get(scope.get("endpoint"), OTHER_ROUTE)


def _request_id(given: str | None) -> str:
    """Return the caller's id where it is a plain one, else a new one."""
    return given if given is not None and _ID.fullmatch(given) else secrets.token_hex(8)
