# SPDX-License-Identifier: Apache-2.0
"""The handlers of the OpenAI-compatible routes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from cortensor.errors import Error
from cortensor.router import logs
from cortensor.router.chat.errors import error_body, status_of
from cortensor.router.chat.options import with_headers
from cortensor.router.chat.request import JSON, chat
from cortensor.router.keys import Said
from cortensor.router.requests import parse_object, read_body
from cortensor.router.versions.serving import RefusedError, serve_upgraded
from cortensor.store.claims import IN_PROGRESS

if TYPE_CHECKING:
    from starlette.requests import Request

    from cortensor.receipts.api_key import Scope
    from cortensor.router.callers import Callers
    from cortensor.router.chat.models import Models
    from cortensor.router.config import Limits
    from cortensor.router.service import Service

PREFIX = "/v1/"
ENDPOINT: Scope = "delegate"
UNAUTHORIZED = 401
CONFLICT = 409
RETRY_STATUSES = (429, 503)
RETRY_AFTER_S = "1"

log = logging.getLogger(__name__)


class ChatRoutes:
    """Serves `/v1`.

    Args:
        service: the paid path.
        callers: lets them in.
        models: what can be asked for.
        limits: bounds on requests.
    """

    def __init__(self, service: Service, callers: Callers, models: Models, limits: Limits) -> None:
        self._service = service
        self._callers = callers
        self._models = models
        self._limits = limits

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route(f"{PREFIX}chat/completions", self.chat, methods=["POST"]),
            Route(f"{PREFIX}models", self.models, methods=["GET"]),
            Route(f"{PREFIX}models/{{model:path}}", self.model, methods=["GET"]),
        ]

    async def chat(self, request: Request) -> Response:
        """POST /v1/chat/completions; the grant, or a key of the router, is the API key."""
        caller = await self._callers.enter(request.headers.get("authorization"), [ENDPOINT])
        logs.note(payment_session=caller.session)
        data = parse_object(await read_body(request, self._limits))
        upgraded = chat(with_headers(data, request.headers), caller.session, self._models)
        try:
            return await serve_upgraded(
                self._service,
                ENDPOINT,
                upgraded,
                caller.account,
                key=request.headers.get("idempotency-key"),
                said=Said.of(request.headers),
                spender=caller.key_hash,
            )
        except RefusedError as refused:
            return error_response(refused.error, refused.field)

    async def models(self, _request: Request) -> Response:
        """GET /v1/models."""
        return _json(self._models.listing())

    async def model(self, request: Request) -> Response:
        """GET /v1/models/{model}."""
        return _json(self._models.one(request.path_params["model"]))


def error_response(error: Error, field: str | None = None) -> Response:
    """Return an error as clients of the OpenAI API read it."""
    if error.status == Error.default_status:
        log.error("internal error: %s", error, exc_info=error)
    headers: dict[str, str] = {}
    if error.status in RETRY_STATUSES or error.code == IN_PROGRESS:
        headers["Retry-After"] = str(getattr(error, "retry_after_s", RETRY_AFTER_S))
    if error.status == UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="cortensor"'
    if error.status == CONFLICT and error.code != IN_PROGRESS:  # asking again changes nothing
        headers["X-Should-Retry"] = "false"
    body = error_body(error.problem(), field)
    return _json(body, status_of(error.status), headers)


def _json(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(data), status, headers, JSON)
