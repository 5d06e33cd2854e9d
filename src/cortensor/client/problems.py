# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: N818 -- the names say what happened, as in cortensor.errors
"""What can go wrong with a call, as exceptions: the router's refusals, and the client's own.

Each refusal is the package's error of its status and a `Refusal`, so both `except PaymentRequired`
and `except Refusal` work. `code` is the router's stable code, `members` the whole problem.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from cortensor import errors
from cortensor.errors import Error
from cortensor.router.chat.schemas import OpenAIError  # noqa: TC001 -- msgspec reads it

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cortensor.client.flow import Reply

PROBLEM_TYPE = "application/problem+json"
JSON = "application/json"
HTTP_ERRORS = 400
CONSENSUS_FAILED = "consensus_failed"


class Refusal(Error):
    """The router refused a call. Nothing was charged, but for `ConsensusFailed`.

    Args:
        members: the members of the problem.
        status: the HTTP status.
    """

    def __init__(self, members: Mapping[str, Any], status: int) -> None:
        field = members.get("field")
        super().__init__(
            str(members.get("detail", f"the router answers {status}")),
            field=field if isinstance(field, str) else None,
            code=str(members.get("code", self.default_code)),
        )
        self.status = status
        self.members = dict(members)


class Rejected(Refusal, errors.InvalidInput):
    """The request is wrong: 400, 405, 408, 413, 415 or 422; `field` says where."""


class Unauthorized(Refusal, errors.Unauthorized):
    """401: the grant, the request's signature or the voucher does not fit."""


class PaymentRequired(Refusal, errors.PaymentRequired):
    """402: the session cannot cover the call, its key allows less, or a voucher is due."""

    @property
    def quote(self) -> dict[str, Any] | None:
        """The quote that is not covered; None where it is a voucher that is missing."""
        found = self.members.get("quote")
        return found if isinstance(found, dict) else None


class Forbidden(Refusal, errors.Forbidden):
    """403: the session may not have this."""


class NotFound(Refusal, errors.NotFound):
    """404: no such session, receipt, batch or route."""


class Conflict(Refusal, errors.Conflict):
    """409: contradicts what was done before; not charged."""


class ConsensusFailed(Refusal, errors.ConsensusFailed):
    """409 `consensus_failed`: the replicas disagree under fail_hard. **Charged**; see `paid`."""

    paid: Any = None


class TooManyRequests(Refusal, errors.TooManyRequests):
    """429: the router or the key is at its limit."""


class UpstreamFailed(Refusal, errors.UpstreamFailed):
    """502: no replica delivered."""

    @property
    def replica_results(self) -> list[dict[str, Any]]:
        """What each replica reported."""
        found = self.members.get("replica_results")
        return found if isinstance(found, list) else []


class Unavailable(Refusal, errors.Unavailable):
    """503: the router, or what it needs, cannot serve now."""


class RouterFailed(Refusal):
    """Any other refusal: a fault of the router, or of something between."""


class BillRefused(errors.VerificationFailed):
    """The receipt does not say what was asked, answered or charged; nothing is signed for it.

    Args:
        findings: what is wrong, one sentence each.
        receipt_id: the receipt.
    """

    default_code = "bill_refused"

    def __init__(self, findings: list[str], receipt_id: str) -> None:
        super().__init__("; ".join(findings), field=receipt_id)
        self.findings = findings
        self.receipt_id = receipt_id


class TotalRefused(errors.Conflict):
    """The router states another running total than this client's receipts give."""

    default_code = "total_refused"


class Unsettled(errors.DeadlineExceeded):
    """The deadline passed; what became of the call is unknown.

    The same call with `idempotency_key` fetches its answer, or makes it: it is charged once. The
    key is empty for a call that costs nothing.
    """

    default_code = "unsettled"

    def __init__(self, reason: str, idempotency_key: str) -> None:
        again = f"; ask again with idempotency key {idempotency_key}" if idempotency_key else ""
        super().__init__(reason + again)
        self.idempotency_key = idempotency_key


class StreamCut(Unsettled):
    """A streamed answer broke off on its way; `text` is what came of it.

    The router goes on with it. The same call with `idempotency_key`, streamed or not, fetches the
    whole answer and its receipt, or makes it where there is none: it is charged once.
    """

    default_code = "stream_cut"

    def __init__(self, reason: str, idempotency_key: str, text: str) -> None:
        super().__init__(f"the answer broke off on its way ({reason})", idempotency_key)
        self.text = text


_BY_STATUS: dict[int, type[Refusal]] = {
    **dict.fromkeys((400, 405, 408, 413, 415, 422), Rejected),
    401: Unauthorized,
    402: PaymentRequired,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: TooManyRequests,
    502: UpstreamFailed,
    503: Unavailable,
}


class _Members(Struct):
    code: str
    detail: str = ""


class _OpenAIBody(Struct):
    error: OpenAIError
    cortensor: dict[str, Any] = {}


def problem_of(reply: Reply) -> dict[str, Any] | None:
    """Return the members of a problem, or None for a reply that no router wrote.

    A refusal in the shape of the OpenAI API has the members of the problem that it is made of.
    """
    kind = reply.headers.get("content-type", "").partition(";")[0].strip()
    try:
        if kind == PROBLEM_TYPE:
            members = msgspec.json.decode(reply.body)
            msgspec.convert(members, _Members)
            return dict(members)
        if kind == JSON and reply.status >= HTTP_ERRORS:
            body = msgspec.json.decode(reply.body, type=_OpenAIBody)
            return openai_problem(body.error, body.cortensor, reply.status)
    except (msgspec.DecodeError, msgspec.ValidationError):
        pass
    return None


def openai_problem(error: OpenAIError, more: Mapping[str, Any], status: int) -> dict[str, Any]:
    """Return an error of the OpenAI API as the problem that it is made of."""
    named = {"status": status, "code": error.code, "detail": error.message, "field": error.param}
    return {**more, **named}


def refusal(reply: Reply) -> Refusal:
    """Return the exception for a reply that is no answer."""
    members = problem_of(reply)
    if members is None:
        shown = reply.body[:120].decode(errors="replace")
        members = {"detail": f"status {reply.status} without a problem: {shown!r}"}
    if members.get("code") == CONSENSUS_FAILED:
        return ConsensusFailed(members, reply.status)
    return _BY_STATUS.get(reply.status, RouterFailed)(members, reply.status)
