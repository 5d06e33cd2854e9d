# SPDX-License-Identifier: Apache-2.0
"""The HTTP face: routes, status codes, problems. No decision about money is made here."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cortensor.errors import Error, NotFound, Unauthorized
from cortensor.router import logs
from cortensor.router.chat.routes import PREFIX, ChatRoutes, error_response
from cortensor.router.consensus_schemas import PolicyRequest
from cortensor.router.front import Front
from cortensor.router.history import NoHistory
from cortensor.router.keys import Said
from cortensor.router.metrics import CONTENT_TYPE
from cortensor.router.problems import MethodNotAllowedError
from cortensor.router.prompts import template_bytes
from cortensor.router.published import PublishedRoutes
from cortensor.router.receipt_page import ReceiptPage
from cortensor.router.requests import (
    QuoteQuery,
    canonical_request,
    convert,
    decode_call,
    parse_object,
    quote_consensus,
    read_body,
    receipt_key,
)
from cortensor.router.schemas import (
    SessionsResponse,
    TasksResponse,
    VoucherRequest,
    VoucherResponse,
)
from cortensor.router.selection import with_accuracy
from cortensor.router.tracing import NoTracer
from cortensor.router.versions.faces import FACES
from cortensor.router.versions.serving import JSON, RefusedError, serve, with_path
from cortensor.router.versions.upgrade import PROBLEM_JSON
from cortensor.store.claims import IN_PROGRESS

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from starlette.requests import Request

    from cortensor.receipts.api_key import Scope
    from cortensor.router.body_routes import BodyDesk
    from cortensor.router.callers import Caller, Callers
    from cortensor.router.chat.models import Models
    from cortensor.router.config import Limits
    from cortensor.router.key_routes import KeyDesk
    from cortensor.router.log_routes import LogDesk
    from cortensor.router.ports import Backend, Chain, HistoryPort, LedgerPort
    from cortensor.router.proofs import Library
    from cortensor.router.service import Service
    from cortensor.router.tracing import Tracer
    from cortensor.router.versions.faces import Face
    from cortensor.store.calls import Calls

HTTP_UNAUTHORIZED = 401
HTTP_METHOD_NOT_ALLOWED = 405
HTTP_UNAVAILABLE = 503
RETRY_STATUSES = (429, HTTP_UNAVAILABLE)
RETRY_AFTER_S = "1"
READY_TIMEOUT_S = 5.0

log = logging.getLogger(__name__)


class Parts(Struct, frozen=True):
    """What the routes need."""

    service: Service
    library: Library
    ledger: LedgerPort
    calls: Calls
    chain: Chain
    backend: Backend
    limits: Limits
    callers: Callers
    key_desk: KeyDesk
    models: Models
    history: HistoryPort = NoHistory()
    tracer: Tracer = NoTracer()
    logs_requests: bool = True
    log: LogDesk | None = None
    bodies: BodyDesk | None = None
    metrics_access: Literal["key", "open", "off"] = "key"


def build_app(parts: Parts) -> Front:
    """Return the ASGI application of an assembled router."""
    routes = Routes(parts)
    listed = [
        *(Route(face.path, partial(routes.paid, face), methods=["POST"]) for face in FACES),
        *ChatRoutes(parts.service, parts.callers, parts.models, parts.limits).routes(),
        Route("/api/v4/quote", routes.quote, methods=["GET", "POST"]),
        Route("/api/v4/voucher", routes.voucher, methods=["POST"]),
        Route("/api/v4/receipt/{receipt_id}", routes.receipt, methods=["GET"]),
        Route("/api/v4/receipt/{receipt_id}/text/{keccak256}", routes.text, methods=["GET"]),
        Route("/api/v4/batch/{root}", routes.batch, methods=["GET"]),
        Route("/api/v4/tasks", routes.tasks, methods=["GET"]),
        Route("/api/v4/sessions", routes.sessions, methods=["GET"]),
        Route("/api/v4/keys", routes.keys, methods=["GET", "POST"]),
        Route("/api/v4/keys/{key_hash}", routes.revoke_key, methods=["DELETE"]),
        Route("/metrics", routes.metrics, methods=["GET"]),
        Route("/healthz", routes.healthz, methods=["GET"]),
        Route("/readyz", routes.readyz, methods=["GET"]),
        *PublishedRoutes().routes(),
        *ReceiptPage().routes(),
        *(() if parts.log is None else parts.log.routes()),
        *(() if parts.bodies is None else parts.bodies.routes()),
    ]
    return Front(
        listed,
        refusal=_on_error,
        metrics=parts.service.metrics,
        tracer=parts.tracer,
        logs_requests=parts.logs_requests,
    )


class Routes:
    """The handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def paid(self, face: Face, request: Request) -> Response:
        """POST a paid call of any version."""
        # The caller first: a stranger's body is not even read.
        scope: Scope = "validate" if face.endpoint == "validate" else "delegate"
        caller = await self._enter(request, scope)
        logs.note(payment_session=caller.session)
        data = parse_object(await read_body(request, self._parts.limits))
        try:
            return await serve(
                self._parts.service,
                face,
                with_path(data, request.path_params.get("session_id")),
                caller.account,
                key=request.headers.get("idempotency-key"),
                said=Said.of(request.headers),
                spender=caller.key_hash,
            )
        except RefusedError as refused:
            return _refusal(refused.error, refused.field)

    async def voucher(self, request: Request) -> Response:
        """POST /api/v4/voucher: a signed total without a request."""
        service = self._parts.service
        caller = await self._enter(request, "delegate", "validate")
        session, account = caller.session, caller.account
        data = parse_object(await read_body(request, self._parts.limits))
        given = convert(data, VoucherRequest)
        if given.session_id != session:
            raise Unauthorized("the grant is for another session", field="session_id")
        account = await service.take_voucher(f"{given.cumulative_wei}:{given.signature}", account)
        return _json(
            VoucherResponse(
                session_id=session,
                charged_wei=str(account.spent),
                vouchered_wei=str(account.vouchered),
                credit_wei=str(self._parts.limits.voucher_credit_wei),
            )
        )

    async def quote(self, request: Request) -> Response:
        """GET or POST /api/v4/quote."""
        service = self._parts.service
        if request.method == "POST":
            data = parse_object(await read_body(request, self._parts.limits))
            endpoint = "validate" if "claim" in data else "delegate"
            call = decode_call(endpoint, data)
            canonical_request(endpoint, data)  # refuse now what the call itself would refuse
            granted = await self._granted(request, call.session_id)
            return _json(await service.offers.quote(endpoint, call, granted=granted))
        query = convert(dict(request.query_params), QuoteQuery, strict=False)
        granted = await self._granted(request, query.session_id)
        return _json(
            await service.offers.quote_sizes(
                query.endpoint,
                query.session_id,
                consensus=quote_consensus(query),
                policy=PolicyRequest(tier=query.tier),
                max_tokens=query.max_tokens,
                prompt_bytes=query.input_bytes + template_bytes(query.endpoint),
                granted=granted,
            )
        )

    async def receipt(self, request: Request) -> Response:
        """GET /api/v4/receipt/{id}, with `?bundle=1` for the verifier's file.

        What was answered is the session's own: without its grant only what a dispute needs.
        """
        library = self._parts.library
        record = await library.record(receipt_key(request.path_params["receipt_id"]))
        granted = await self._granted(request, record.session, "receipts")
        if request.query_params.get("bundle") not in ("1", "true"):
            return _json(await library.receipt(record, granted=granted))
        if not granted:
            raise Unauthorized("a bundle needs the grant of the receipt's session")
        return _json(await library.bundle(record))

    async def text(self, request: Request) -> Response:
        """GET /api/v4/receipt/{id}/text/{keccak256}: an answer, or the request, that is long."""
        library = self._parts.library
        record = await library.record(receipt_key(request.path_params["receipt_id"]))
        if not await self._granted(request, record.session, "receipts"):
            raise Unauthorized("a text needs the grant of the receipt's session")
        text = await library.text(record, request.path_params["keccak256"])
        # A model wrote it: no browser is to take it for a page.
        return PlainTextResponse(text, headers={"X-Content-Type-Options": "nosniff"})

    async def _enter(self, request: Request, *any_of: Scope) -> Caller:
        return await self._parts.callers.enter(request.headers.get("authorization"), any_of)

    async def _granted(self, request: Request, session: str, *any_of: Scope) -> bool:
        """Return whether the request has a grant of the session; a wrong one is refused."""
        header = request.headers.get("authorization")
        return await self._parts.callers.enter_for(header, session, any_of) is not None

    async def keys(self, request: Request) -> Response:
        """GET or POST /api/v4/keys."""
        desk = self._parts.key_desk
        return _json(await (desk.take if request.method == "POST" else desk.show)(request))

    async def revoke_key(self, request: Request) -> Response:
        """DELETE /api/v4/keys/{key_hash}."""
        return _json(await self._parts.key_desk.revoke(request))

    async def metrics(self, request: Request) -> Response:
        """GET /metrics, for whom the configuration lets read it."""
        parts = self._parts
        if parts.metrics_access == "off":
            raise NotFound("no such route", code="unknown_route")
        if parts.metrics_access == "key":
            await parts.callers.enter_metrics(request.headers.get("authorization"))
        text = await asyncio.to_thread(parts.service.metrics.text)
        return Response(text, media_type=CONTENT_TYPE)

    async def batch(self, request: Request) -> Response:
        """GET /api/v4/batch/{root}."""
        return _json(await self._parts.library.batch(request.path_params["root"]))

    async def tasks(self, request: Request) -> Response:
        """GET /api/v4/tasks: what runs now in the payment session of the caller's grant."""
        caller = await self._enter(request, "receipts")
        tasks = self._parts.service.board.of(caller.session)
        return _json(TasksResponse(count=len(tasks), tasks=tasks))

    async def sessions(self, _request: Request) -> Response:
        """GET /api/v4/sessions."""
        states = with_accuracy(
            self._parts.service.pool.states(), self._parts.history.snapshot().measured
        )
        return _json(SessionsResponse(count=len(states), sessions=states))

    async def healthz(self, _request: Request) -> Response:
        """GET /healthz: the process answers."""
        return _json({"status": "ok"})

    async def readyz(self, _request: Request) -> Response:
        """GET /readyz: backend, chain and ledger answer."""
        parts = self._parts
        checks = {
            "backend": parts.backend.check(),
            "chain": parts.chain.ping(),
            "ledger": parts.calls.read(parts.ledger.ping),
        }
        results = await asyncio.gather(*(_reason(check) for check in checks.values()))
        found = dict(zip(checks, results, strict=True))
        ready = all(reason is None for reason in results)
        states = {name: reason or "ok" for name, reason in found.items()}
        body = {"status": "ready" if ready else "not_ready", "checks": states}
        return _json(body, 200 if ready else HTTP_UNAVAILABLE)


async def _reason(check: Awaitable[object]) -> str | None:
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            await check
    except TimeoutError:
        return "timeout"
    except Error as error:
        return str(error)
    return None


def _json(data: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(data), status, media_type=JSON)


def problem_response(error: Error, field: str | None = None) -> Response:
    """Return an error as problem+json with the headers its status calls for.

    Args:
        error: what went wrong.
        field: the name of the field at fault, where the caller has another one for it.
    """
    headers: dict[str, str] = {}
    if error.status in RETRY_STATUSES or error.code == IN_PROGRESS:
        headers["Retry-After"] = str(getattr(error, "retry_after_s", RETRY_AFTER_S))
    if error.status == HTTP_UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="cortensor"'
    problem = error.problem() if field is None else {**error.problem(), "field": field}
    return Response(msgspec.json.encode(problem), error.status, headers, PROBLEM_JSON)


def _on_error(path: str, error: Exception) -> Response:
    """Return the answer to a request that a route refused or broke on."""
    if isinstance(error, Error):
        return _refused(path, error)
    if isinstance(error, HTTPException):
        return _on_http(path, error)
    log.error("unhandled error", exc_info=error)
    return _refused(path, Error("an internal error; the log has the details"))


def _refused(path: str, error: Error) -> Response:
    """Return an error in the shape that clients of the route read."""
    return error_response(error) if path.startswith(PREFIX) else _refusal(error)


def _refusal(error: Error, field: str | None = None) -> Response:
    if error.status == Error.default_status:
        log.error("internal error: %s", error, exc_info=error)
    return problem_response(error, field)


def _on_http(path: str, error: HTTPException) -> Response:
    """Return what is said instead of the router's own refusals."""
    if error.status_code != HTTP_METHOD_NOT_ALLOWED:
        return _refused(path, NotFound("no such route", code="unknown_route"))
    response = _refused(path, MethodNotAllowedError("this route does not take this method"))
    response.headers.update(error.headers or {})
    return response
