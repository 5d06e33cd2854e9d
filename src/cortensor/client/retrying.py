# SPDX-License-Identifier: Apache-2.0
"""Whether a call is sent again, and when.

Every paid call has an idempotency key, so that sending it again never charges twice; still only
what may pass by itself is tried again.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from cortensor.client.flow import Lost, Reply
from cortensor.client.problems import problem_of
from cortensor.router.headers import (
    MAX_CHARGE_HEADER,
    SALT_HEADER,
    SIGNATURE_HEADER,
    VOUCHER_HEADER,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

PASSING = frozenset(
    (
        "overloaded",
        "too_many_requests",
        "rate_limited",
        "too_few_healthy_sessions",
        "unavailable",
        "chain_unavailable",
        "backend_unavailable",
        "ledger_unavailable",
        "body_timeout",
        "request_running",
        "request_in_progress",
        "internal",
    )
)
"""Codes that a later attempt may not meet. Not in it: whatever is charged, wrong, or unpaid, and
`all_replicas_failed`: whether models that failed shall try again is the caller's to say."""

PROVES_UNCHARGED = frozenset(
    (
        "over_budget",
        "voucher_needed",
        "max_charge_too_low",
        "session_closed",
        "session_expired",
        "stake_not_enrolled",
        "beyond_stake_profile",
        "all_replicas_failed",
        "too_few_healthy_sessions",
    )
)
"""Codes given only after the router has looked for an answer to the same key, and found none."""

UNACCEPTABLE = frozenset((400, 403, 404, 413, 415, 422))
"""Statuses that say a body is not taken, now or before."""

_SIGNED_HEADERS = frozenset(
    name.lower() for name in (SALT_HEADER, MAX_CHARGE_HEADER, SIGNATURE_HEADER, VOUCHER_HEADER)
)

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 5.0
MAX_ATTEMPTS = 8
SERVER_FAULTS = 500


def wait_before(outcome: Reply | Lost, attempt: int) -> float | None:
    """Return the seconds to wait before the next attempt, or None for no more.

    Args:
        outcome: what came of the attempt.
        attempt: its number, from 1.
    """
    if attempt >= MAX_ATTEMPTS or not is_passing(outcome):
        return None
    wait = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (attempt - 1))
    spread: float = wait * (0.5 + random.random() / 2)  # noqa: S311 -- spreads callers, no secret
    asked = outcome.headers.get("retry-after", "") if isinstance(outcome, Reply) else ""
    return max(spread, float(asked)) if asked.isascii() and asked.isdigit() else spread


def is_uncharged(status: int, problem: Mapping[str, Any]) -> bool:
    """Return whether a problem shows that a call whose earlier attempts got lost is uncharged.

    Should it be wrong, the next total does not add up and is refused; nothing wrong is signed.
    """
    is_of_header = str(problem.get("field", "")).lower() in _SIGNED_HEADERS
    return problem["code"] in PROVES_UNCHARGED or (status in UNACCEPTABLE and not is_of_header)


def is_passing(outcome: Reply | Lost) -> bool:
    """Return whether a later attempt may fare better."""
    if isinstance(outcome, Lost):
        return True
    problem = problem_of(outcome)
    if problem is None:  # not the router's: something between the two
        return outcome.status >= SERVER_FAULTS
    return problem["code"] in PASSING
