# SPDX-License-Identifier: Apache-2.0
"""What both clients are made of: settings, and how one request is sent until it is answered."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import msgspec

from cortensor.client.checking import Trust
from cortensor.client.flow import Lost, Open, Opened, Reply, Send, Sleep
from cortensor.client.problems import JSON, PROBLEM_TYPE, Unsettled, refusal
from cortensor.client.retrying import wait_before
from cortensor.client.signing import Grants
from cortensor.client.vouchers import Tally
from cortensor.errors import InvalidInput, UpstreamFailed
from cortensor.router.versions.event_format import EVENT_STREAM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cortensor.client.flow import Flow, Outcome
    from cortensor.client.signing import Payment

T = TypeVar("T")
Url = str | Callable[[], str]

DEFAULT_DEADLINE_S = 120.0
OK = 200


class Core:
    """The settings and the state of one client.

    Args:
        url: the router's address, or what returns it before each attempt: for a router that moves,
            or several that share a database.
        payment: what paid calls are charged to; None for a client that only reads.
        trust: what is known of the router by other means.
        verify: whether the receipt of every paid call is fetched and checked.
        deadline_s: bounds a call with all its attempts, where the call says nothing else.

    Raises:
        InvalidInput: a voucher session whose receipts are not to be checked.
    """

    def __init__(
        self,
        url: Url,
        payment: Payment | None = None,
        *,
        trust: Trust | None = None,
        verify: bool = True,
        deadline_s: float = DEFAULT_DEADLINE_S,
    ) -> None:
        if payment is not None and payment.vouchers is not None and not verify:
            raise InvalidInput(
                "a total is signed only after its receipt is checked", field="verify"
            )
        self._url = url
        self.payment = payment
        self.trust = trust or Trust()
        self.verify = verify
        self.deadline_s = deadline_s
        self.grants = None if payment is None else Grants(payment)
        is_voucher = payment is not None and payment.vouchers is not None
        self.tally = Tally(payment) if payment is not None and is_voucher else None

    def address(self) -> str:
        """Return where the next attempt goes."""
        url = self._url if isinstance(self._url, str) else self._url()
        return url.rstrip("/")

    def until(self, deadline_s: float | None) -> float:
        """Return the end of a call that begins now, in monotonic seconds."""
        return time.monotonic() + (self.deadline_s if deadline_s is None else deadline_s)

    def paying(self) -> Payment:
        """Return the payment. Raises InvalidInput without one."""
        if self.payment is None:
            raise InvalidInput("paid calls need a payment session", field="payment")
        return self.payment

    def authorization(self) -> dict[str, str]:
        """Return the header of the session's grant, if there is a session."""
        if self.grants is None:
            return {}
        return {"Authorization": f"Bearer {self.grants.token(int(time.time()))}"}


def answered(
    core: Core,
    method: str,
    path: str,
    until: float,
    *,
    headers: Callable[[], Mapping[str, str]] | None = None,
    body: bytes | None = None,
    key: str = "",
    on_lost: Callable[[], None] | None = None,
) -> Flow[Reply]:
    """Send a request until it is answered for good.

    Args:
        core: the client.
        method: GET, or another of something that is harmless twice.
        path: with its query.
        until: the deadline.
        headers: makes the headers of an attempt, beside the grant's.
        body: JSON.
        key: the call's idempotency key, for the exception.
        on_lost: told before an attempt is forgotten that may have arrived.

    Raises:
        Unsettled: the deadline or the attempts ran out without an answer.
    """
    found = yield from opened(
        core, method, path, until, headers=headers, body=body, key=key, on_lost=on_lost, step=Send
    )
    if isinstance(found, Opened):
        raise TypeError("a Send is answered whole")
    return found


def opened(
    core: Core,
    method: str,
    path: str,
    until: float,
    *,
    headers: Callable[[], Mapping[str, str]] | None = None,
    body: bytes | None = None,
    key: str = "",
    on_lost: Callable[[], None] | None = None,
    step: type[Send] = Open,
) -> Flow[Reply | Opened]:
    """Send a request until it is answered for good, or begins to be; see `answered`."""
    attempt = 0
    outcome: Outcome = None
    while True:
        attempt += 1
        left = until - time.monotonic()
        if left <= 0:  # a sleep may outlast the deadline by a little
            return _last_word(outcome, key)
        made = {**core.authorization(), **(headers() if headers else {})}
        if body is not None:
            made["Content-Type"] = JSON
        outcome = yield step(method, core.address() + path, made, body, left)
        if isinstance(outcome, Opened):
            return outcome
        if not isinstance(outcome, Reply | Lost):
            raise TypeError("a Send is answered by a reply, or by its loss")
        if on_lost is not None and _may_have_arrived(outcome):
            on_lost()
        wait = wait_before(outcome, attempt)
        if wait is None or time.monotonic() + wait >= until:
            return _last_word(outcome, key)
        yield Sleep(wait)


def _may_have_arrived(outcome: Reply | Lost) -> bool:
    # What stands between the two may answer for a router that goes on working.
    return isinstance(outcome, Lost) or not outcome.headers.get("content-type", "").startswith(
        (PROBLEM_TYPE, JSON, EVENT_STREAM)
    )


def _last_word(outcome: Outcome, key: str) -> Reply:
    if isinstance(outcome, Reply):
        return outcome
    reason = f" ({outcome.reason})" if isinstance(outcome, Lost) else ""
    raise Unsettled(f"no answer in time{reason}", key)


def decoded(reply: Reply, shape: type[T]) -> T:
    """Return a reply's body as a type of the API.

    Raises:
        Refusal: it is a problem.
        UpstreamFailed: it is not of that type (`bad_answer`).
    """
    if reply.status != OK:
        raise refusal(reply)
    try:
        return msgspec.json.decode(reply.body, type=shape)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise UpstreamFailed(f"the answer cannot be read: {error}", code="bad_answer") from error
