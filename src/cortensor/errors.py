# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: N818 -- the names say what happened; the module says they are errors.
"""One root for every error this package raises on purpose.

An error carries what a caller needs to react: a stable `code`, the `field` at fault, the HTTP
`status` it maps to, and a reason that says what to do. `problem()` renders it as RFC 9457
problem+json, so the router and the CLI say the same thing. Each subclass also inherits the
builtin that fits, so code that knows nothing of Cortensor can still catch `ValueError`.
"""

from __future__ import annotations

from typing import ClassVar

PROBLEM_URN = "urn:cortensor:problem:"


class Error(Exception):
    """Root of the package's errors.

    Args:
        reason: one sentence for a person; says what was expected.
        field: dotted path of the input at fault, or None.
        code: stable machine code, lower-case with underscores; the class gives a default.
    """

    default_code: ClassVar[str] = "internal"
    default_title: ClassVar[str] = "Internal error"
    default_status: ClassVar[int] = 500

    def __init__(self, reason: str, *, field: str | None = None, code: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field
        self.code = code if code is not None else self.default_code
        self.status = self.default_status

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}" if self.field else self.reason

    def problem(self) -> dict[str, object]:
        """Return the RFC 9457 object; `field` is left out when no field is at fault."""
        body: dict[str, object] = {
            "type": PROBLEM_URN + self.code,
            "title": self.default_title,
            "status": self.status,
            "detail": self.reason,
            "code": self.code,
        }
        if self.field is not None:
            body["field"] = self.field
        return body


class InvalidInput(Error, ValueError):
    """A value the caller gave is malformed or out of range."""

    default_code = "invalid_input"
    default_title = "Invalid input"
    default_status = 400


class Unauthorized(Error, PermissionError):
    """No valid grant for the session was presented."""

    default_code = "unauthorized"
    default_title = "Unauthorized"
    default_status = 401


class PaymentRequired(Error, ValueError):
    """The payment session cannot cover the request."""

    default_code = "payment_required"
    default_title = "Payment required"
    default_status = 402


class Forbidden(Error, PermissionError):
    """The caller is known but may not do this."""

    default_code = "forbidden"
    default_title = "Forbidden"
    default_status = 403


class NotFound(Error, LookupError):
    """The named thing does not exist here."""

    default_code = "not_found"
    default_title = "Not found"
    default_status = 404


class Conflict(Error, RuntimeError):
    """The request contradicts the present state, such as a reused idempotency key."""

    default_code = "conflict"
    default_title = "Conflict"
    default_status = 409


class TooLarge(Error, ValueError):
    """The request exceeds a size limit."""

    default_code = "too_large"
    default_title = "Content too large"
    default_status = 413


class UnsupportedMedia(Error, ValueError):
    """The content type is not one the endpoint reads."""

    default_code = "unsupported_media_type"
    default_title = "Unsupported media type"
    default_status = 415


class ConsensusFailed(Error, RuntimeError):
    """Replicas disagreed and the caller asked for a hard failure."""

    default_code = "consensus_failed"
    default_title = "Consensus failed"
    default_status = 422


class VerificationFailed(Error, ValueError):
    """A receipt, bundle or proof does not say what it claims, or cannot be read."""

    default_code = "verification_failed"
    default_title = "Verification failed"
    default_status = 422


class TooManyRequests(Error, RuntimeError):
    """A rate or concurrency limit was reached; try again later."""

    default_code = "too_many_requests"
    default_title = "Too many requests"
    default_status = 429


class UpstreamFailed(Error, RuntimeError):
    """Every replica or backend asked for the work failed."""

    default_code = "upstream_failed"
    default_title = "Upstream failed"
    default_status = 502


class Unavailable(Error, RuntimeError):
    """A dependency (backend, chain, store) cannot serve right now."""

    default_code = "unavailable"
    default_title = "Unavailable"
    default_status = 503


class DeadlineExceeded(Error, TimeoutError):
    """The deadline passed before the work was done."""

    default_code = "deadline_exceeded"
    default_title = "Deadline exceeded"
    default_status = 504
