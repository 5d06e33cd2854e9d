# SPDX-License-Identifier: Apache-2.0
"""One paid call over HTTP, whatever its version: in by its face, through the service, out by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cortensor.errors import Error
from cortensor.router.problems import InvalidField
from cortensor.router.requests import canonical_request, decode_call
from cortensor.router.schemas import PaidResponse

if TYPE_CHECKING:
    from cortensor.router.answer import Answer
    from cortensor.router.keys import Said
    from cortensor.router.service import Service
    from cortensor.router.versions.faces import Face
    from cortensor.router.versions.upgrade import Upgraded
    from cortensor.store.records import Account

JSON = "application/json"
EVENT_STREAM = "text/event-stream"
PROBLEM_JSON = "application/problem+json"
HTTP_BAD_REQUEST = 400


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
) -> tuple[Answer, bytes, str]:
    """Serve a paid call; return the answer, the body to send and its media type.

    Args:
        service: the paid path.
        face: the route.
        data: the body as sent, with the session of the path.
        account: the payment session of the caller's grant.
        key: the caller's idempotency key.
        said: what the session's key says.
        spender: hash of the API key the call comes by, if it does.

    Raises:
        RefusedError: whatever the service refuses, with the caller's own name of the field.
        InvalidField: the body is not of the face's version.
    """
    upgraded = face.upgrade(data, account.facts.session)
    try:
        call = decode_call(face.endpoint, upgraded.body)
        canonical = canonical_request(face.endpoint, upgraded.body)
        answer = await service.paid(face.endpoint, call, canonical, key, account, said, spender)
    except Error as error:
        # A copy of the name, not of the error: callers with one idempotency key share the error.
        field = error.field
        raise RefusedError(error, upgraded.fields.get(field, field) if field else field) from error
    body, kind = shown(upgraded, answer)
    return answer, body, kind


def shown(upgraded: Upgraded, answer: Answer) -> tuple[bytes, str]:
    """Return an answer of the service in the caller's shape, and its media type."""
    if answer.status >= HTTP_BAD_REQUEST:
        if upgraded.problem is None:
            return answer.body, PROBLEM_JSON
        problem = upgraded.problem(msgspec.json.decode(answer.body))
        return msgspec.json.encode(problem), PROBLEM_JSON
    if upgraded.show is None:
        return answer.body, JSON
    body = msgspec.json.encode(upgraded.show(msgspec.json.decode(answer.body, type=PaidResponse)))
    if upgraded.streams:
        return b"data: " + body + b"\n\ndata: [DONE]\n\n", EVENT_STREAM
    return body, JSON


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
