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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cortensor.client.flow import Reply

PROBLEM_TYPE = "application/problem+json"
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


def problem_of(reply: Reply) -> dict[str, Any] | None:
    """Return the members of a problem, or None for a reply that no router wrote."""
    if reply.headers.get("content-type", "").partition(";")[0].strip() != PROBLEM_TYPE:
        return None
    try:
        members = msgspec.json.decode(reply.body)
        msgspec.convert(members, _Members)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    return dict(members)


def refusal(reply: Reply) -> Refusal:
    """Return the exception for a reply that is no answer."""
    members = problem_of(reply)
    if members is None:
        shown = reply.body[:120].decode(errors="replace")
        members = {"detail": f"status {reply.status} without a problem: {shown!r}"}
    if members.get("code") == CONSENSUS_FAILED:
        return ConsensusFailed(members, reply.status)
    return _BY_STATUS.get(reply.status, RouterFailed)(members, reply.status)
