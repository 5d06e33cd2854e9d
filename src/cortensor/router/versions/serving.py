# SPDX-License-Identifier: Apache-2.0
"""One paid call over HTTP, whatever its version: in by its face, through the service, out by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response

from cortensor.errors import Error
from cortensor.router import logs
from cortensor.router.headers import REPLAYED_HEADER, TOTAL_HEADER
from cortensor.router.problems import InvalidField
from cortensor.router.requests import canonical_request, decode_call
from cortensor.router.schemas import PaidResponse
from cortensor.router.versions.streams import HTTP_BAD_REQUEST, Running, at_once, streamed
from cortensor.router.versions.upgrade import PROBLEM_JSON

if TYPE_CHECKING:
    from cortensor.router.answer import Answer
    from cortensor.router.keys import Said
    from cortensor.router.service import Service
    from cortensor.router.versions.faces import Face
    from cortensor.router.versions.upgrade import Upgraded
    from cortensor.store.records import Account

JSON = "application/json"


class RefusedError(Exception):
    """A refusal, with the field's name as the caller sent it.

    Args:
        error: what the service says, by v4's names.
        field: the name to show.
    """

    def __init__(self, error: Error, field: str | None) -> None:
        super().__init__(str(error))
        self.error = error
        self.field = field


async def serve(
    service: Service,
    face: Face,
    data: dict[str, Any],
    account: Account,
    *,
    key: str | None,
    said: Said,
    spender: str | None = None,
) -> Response:
    """Serve a paid call of a face; see `serve_upgraded`.

    Raises:
        InvalidField: the body is not of the face's version.
    """
    upgraded = face.upgrade(data, account.facts.session)
    return await serve_upgraded(
        service, face.endpoint, upgraded, account, key=key, said=said, spender=spender
    )


async def serve_upgraded(
    service: Service,
    endpoint: str,
    upgraded: Upgraded,
    account: Account,
    *,
    key: str | None,
    said: Said,
    spender: str | None = None,
) -> Response:
    """Serve a paid call that is v4's by now; return the response in the caller's shape.

    Args:
        service: the paid path.
        endpoint: delegate or validate.
        upgraded: the call, and how its answer goes back.
        account: the payment session of the caller's grant.
        key: the caller's idempotency key.
        said: what the session's key says.
        spender: hash of the API key the call comes by, if it does.

    Raises:
        RefusedError: whatever the service refuses, with the caller's own name of the field.
    """
    try:
        call = decode_call(endpoint, upgraded.body)
        canonical = canonical_request(endpoint, upgraded.body)
        if upgraded.stream is None:
            answer = await service.paid(endpoint, call, canonical, key, account, said, spender)
        else:
            running = Running(
                lambda tell: service.paid(
                    endpoint, call, canonical, key, account, said, spender, tell
                )
            )
            first = await running.piece()
            if first is not None:
                return streamed(running, first, upgraded.stream, {})
            answer = await running.answer()
    except Error as error:
        # A copy of the name, not of the error: callers with one idempotency key share the error.
        raise RefusedError(error, own_name(upgraded.fields, error.field)) from error
    return shown(upgraded, answer)


def own_name(fields: dict[str, str], field: str | None) -> str | None:
    """Return the caller's name of v4's `field`, which may be inside one that has another name."""
    if field is None or field in fields:
        return field if field is None else fields[field]
    inside = [name for name in fields if field.startswith(f"{name}.")]
    longest = max(inside, key=len, default=None)
    return field if longest is None else fields[longest] + field.removeprefix(longest)


def shown(upgraded: Upgraded, answer: Answer) -> Response:
    """Return an answer of the service in the caller's shape."""
    logs.note(receipt_id=answer.receipt_id)
    headers = {REPLAYED_HEADER: "true"} if answer.replayed else {}
    if answer.total is not None:
        headers[TOTAL_HEADER] = str(answer.total)
    if answer.status >= HTTP_BAD_REQUEST:
        body, kind = answer.body, PROBLEM_JSON
        if upgraded.problem is not None:
            body = msgspec.json.encode(upgraded.problem(msgspec.json.decode(answer.body)))
            kind = upgraded.problem_type
        # It is charged: a client that tries again by itself would pay twice.
        headers["X-Should-Retry"] = "false"
        return Response(body, answer.status, headers, kind)
    if upgraded.stream is not None:
        return at_once(answer, upgraded.stream, headers)
    if upgraded.show is None:
        return Response(answer.body, answer.status, headers, JSON)
    whole = msgspec.json.decode(answer.body, type=PaidResponse)
    return Response(msgspec.json.encode(upgraded.show(whole)), answer.status, headers, JSON)


def with_path(data: dict[str, Any], session: str | None) -> dict[str, Any]:
    """Return a body with the compute session of its path.

    Raises:
        InvalidField: the body names another one.
    """
    if session is None:
        return data
    named = data.get("session_id")
    if named is not None and str(named) != session:
        raise InvalidField("differs from the session in the path", field="session_id")
    return {**data, "session_id": session}
