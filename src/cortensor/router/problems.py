# SPDX-License-Identifier: Apache-2.0
"""The router's refusals: the package's errors with the HTTP status and code each one has here.

Codes are part of the API and listed in docs/spec/router.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cortensor.errors import (
    Conflict,
    Error,
    InvalidInput,
    PaymentRequired,
    TooManyRequests,
    Unavailable,
    UpstreamFailed,
)
from cortensor.receipts.headers import VOUCHER_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cortensor.store.records import Account

UNPROCESSABLE = 422


class InvalidField(InvalidInput):
    """A field of a well-formed request is wrong."""

    default_code = "invalid_field"
    default_title = "Invalid field"
    default_status = UNPROCESSABLE


class Malformed(InvalidInput):
    """The request is not readable at all."""

    default_code = "malformed_json"
    default_title = "Malformed request"


class MethodNotAllowedError(Error):
    """The route exists, the method does not."""

    default_code = "method_not_allowed"
    default_title = "Method not allowed"
    default_status = 405


class BodyTimeoutError(Error):
    """The caller took too long to send the body."""

    default_code = "body_timeout"
    default_title = "Request timeout"
    default_status = 408


class OverBudget(PaymentRequired):
    """The session cannot cover the most the request may cost; carries the quote."""

    default_code = "over_budget"
    default_title = "Over budget"

    def __init__(self, reason: str, quote: Mapping[str, Any], field: str = "session_id") -> None:
        super().__init__(reason, field=field)
        self.quote = quote

    def problem(self) -> dict[str, object]:
        """Return the problem with the quote inside."""
        return {**super().problem(), "quote": dict(self.quote)}


class MaxChargeTooLow(OverBudget):
    """The session's key allows less than the request may cost; carries the quote."""

    default_code = "max_charge_too_low"
    default_title = "Maximum charge too low"


class VoucherNeeded(PaymentRequired):
    """No more work before the session's key signs what is charged; carries the total to sign."""

    default_code = "voucher_needed"
    default_title = "Voucher needed"

    def __init__(self, account: Account, credit: int) -> None:
        super().__init__(
            f"sign the total charged, {account.spent} wei"
            if account.spent > account.vouchered
            else "wait until the running request is charged, then sign the total",
            field=VOUCHER_HEADER,
        )
        self.account = account
        self.credit = credit

    def problem(self) -> dict[str, object]:
        """Return the problem with the totals inside, in wei."""
        return {
            **super().problem(),
            "total_wei": str(self.account.spent),
            "vouchered_wei": str(self.account.vouchered),
            "reserved_wei": str(self.account.reserved),
            "credit_wei": str(self.credit),
        }


class RateLimited(TooManyRequests):
    """The key's requests a minute are used up."""

    default_code = "rate_limited"
    default_title = "Rate limited"

    def __init__(self, per_minute: int, retry_after_s: int) -> None:
        super().__init__(
            f"the key allows {per_minute} requests a minute; the next in {retry_after_s} s",
            field="authorization",
        )
        self.retry_after_s = retry_after_s


class TooFewHealthy(Unavailable):
    """Too few compute sessions, or too few of them healthy, for the replicas asked for."""

    default_code = "too_few_healthy_sessions"
    default_title = "Too few healthy sessions"


class AllReplicasFailed(UpstreamFailed):
    """No replica delivered; nothing is charged. Carries what each one reported."""

    default_code = "all_replicas_failed"
    default_title = "All replicas failed"

    def __init__(self, replicas: list[dict[str, object]]) -> None:
        super().__init__("no replica delivered an answer; nothing was charged")
        self.replicas = replicas

    def problem(self) -> dict[str, object]:
        """Return the problem with the replicas' reasons inside."""
        return {**super().problem(), "replica_results": self.replicas}


class SessionClosed(Conflict):
    """The payment session takes no new work."""

    default_code = "session_closed"
    default_title = "Session closed"
