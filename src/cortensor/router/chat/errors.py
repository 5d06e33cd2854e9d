# SPDX-License-Identifier: Apache-2.0
"""Refusals in the shape that clients of the OpenAI API read, with the statuses they expect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cortensor.router.chat.schemas import OpenAIError, OpenAIErrorBody
from cortensor.router.problems import UNPROCESSABLE, InvalidField

if TYPE_CHECKING:
    from collections.abc import Mapping

BAD_REQUEST = 400
SERVER_ERROR = 500
_TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    409: "conflict_error",
    429: "rate_limit_error",
}
_PROBLEM = ("type", "title", "status", "detail", "code", "field")


class UnsupportedParameterError(InvalidField):
    """A field of the OpenAI API that is not served here."""

    default_code = "unsupported_parameter"
    default_title = "Unsupported parameter"


def status_of(status: int) -> int:
    """Return the status of a refusal here: what is wrong with a request is 400, as clients know."""
    return BAD_REQUEST if status == UNPROCESSABLE else status


def error_body(problem: Mapping[str, Any], field: str | None = None) -> OpenAIErrorBody:
    """Return a problem in this shape.

    Args:
        problem: of an error, or one that was charged.
        field: the caller's name of the field at fault, where it has another.
    """
    status = int(problem["status"])
    kind = "server_error" if status >= SERVER_ERROR else "invalid_request_error"
    error = OpenAIError(
        message=str(problem["detail"]),
        type=_TYPES.get(status, kind),
        code=str(problem["code"]),
        param=field if field is not None else problem.get("field"),
    )
    more = {name: value for name, value in problem.items() if name not in _PROBLEM}
    return OpenAIErrorBody(error=error, cortensor=more) if more else OpenAIErrorBody(error=error)
