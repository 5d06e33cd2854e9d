# SPDX-License-Identifier: Apache-2.0
"""A paid call from its ask to an answer whose receipt was checked, and whose total was signed."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec
from msgspec import Struct, structs

from cortensor.client import reading
from cortensor.client.checking import Asked, check_receipt
from cortensor.client.core import OK, answered, decoded
from cortensor.client.flow import Sleep
from cortensor.client.problems import (
    ConsensusFailed,
    Refusal,
    Unsettled,
    problem_of,
    refusal,
)
from cortensor.client.retrying import is_uncharged
from cortensor.client.signing import signed_request
from cortensor.client.vouchers import OpenCall
from cortensor.receipts.request_text import request_text
from cortensor.router.headers import (
    IDEMPOTENCY_HEADER,
    REPLAYED_HEADER,
    SALT_HEADER,
    TOTAL_HEADER,
)

if TYPE_CHECKING:
    from cortensor.client.asks import Ask
    from cortensor.client.core import Core
    from cortensor.client.flow import Flow, Reply
    from cortensor.receipts.bundle import Bundle
    from cortensor.receipts.checks import Verification

T = TypeVar("T")

TURN_POLL_S = 0.02


class Charged(Struct, frozen=True):
    """What every paid answer has, whatever its version; a charged problem has it, too."""

    receipt_id: str
    charge_wei: str


class Paid(Struct, Generic[T], frozen=True, kw_only=True):
    """A paid answer.

    Attributes:
        answer: what the router answered.
        receipt_id: the URN of its receipt.
        charge_wei: what it cost.
        total_wei: what its session was charged so far; None if the router did not say.
        replayed: whether it was made for an earlier call with the same key.
        idempotency_key: the key.
        bundle: the receipt with its evidence, where it was checked.
        verification: what the check proved, and what it did not.
    """

    answer: T
    receipt_id: str
    charge_wei: int
    total_wei: int | None
    replayed: bool
    idempotency_key: str
    bundle: Bundle | None = None
    verification: Verification | None = None


def paid(core: Core, ask: Ask[T]) -> Flow[Paid[T]]:
    """Make a paid call.

    Raises:
        Refusal: the router refuses; nothing is charged, but for `ConsensusFailed`.
        BillRefused: the receipt does not hold.
        TotalRefused: the running total does not; nothing is signed.
        Unsettled: no answer before the deadline.
    """
    until = core.until(ask.deadline_s)
    yield from _finish_left(core, until)
    call = yield from _made(core, ask, until)
    yield from _turn(core, call, until)
    return (yield from _exchange(core, call, ask.answer, until))


def finish_open(core: Core) -> Flow[int]:
    """Ask again for every call that was left open; return how many there were."""
    return (yield from _finish_left(core, core.until(None)))


def _finish_left(core: Core, until: float) -> Flow[int]:
    done = 0
    while core.tally is not None and (call := core.tally.claim_left()) is not None:
        try:
            yield from _exchange(core, call, None, until)
        except Refusal:
            if core.tally.is_lost(call.key):  # its end is still unknown
                raise
        done += 1
    return done


def _made(core: Core, ask: Ask[Any], until: float) -> Flow[OpenCall]:
    payment = core.paying()
    body = {"session_id": payment.session, **ask.body}
    text = request_text(ask.endpoint, body)
    key = ask.idempotency_key or secrets.token_hex(16)
    headers, most = {IDEMPOTENCY_HEADER: key}, None
    if payment.session_key is not None:
        most = payment.max_charge_wei if ask.max_charge_wei is None else ask.max_charge_wei
        if most is None:
            most = int((yield from reading.quote(core, ask, until)).max_charge_wei)
        headers |= signed_request(payment.session_key, payment.number, text, most, payment.domain)
    sent = body if ask.sent is None else ask.sent
    return OpenCall(
        key=key,
        path=ask.path,
        endpoint=ask.endpoint,
        body=msgspec.json.encode(sent).decode(),
        text=text.decode(),
        headers=headers,
        max_charge=most,
    )


def _turn(core: Core, call: OpenCall, until: float) -> Flow[None]:
    """Wait until a voucher session may have one more open call."""
    while core.tally is not None and not core.tally.begin(call):
        if time.monotonic() >= until:
            raise Unsettled("other calls of the session took all the time", call.key)
        yield Sleep(TURN_POLL_S)


def _exchange(core: Core, call: OpenCall, answer: type[T] | None, until: float) -> Flow[Paid[T]]:
    try:
        reply = yield from _sent(core, call, until)
        problem = problem_of(reply) if reply.status != OK else None
        is_charged = reply.status == OK or (problem is not None and "receipt_id" in problem)
        if not is_charged:
            _strike(core, call, reply.status, problem)
            raise refusal(reply)
        found = yield from _checked(core, call, answer, reply, until)
        if problem is not None:
            failed = refusal(reply)
            if isinstance(failed, ConsensusFailed):
                failed.paid = found
            raise failed
        return found
    finally:
        if core.tally is not None:
            core.tally.leave(call.key)


def _sent(core: Core, call: OpenCall, until: float) -> Flow[Reply]:
    """Send a call; where other calls of the session hold its credit, again once they are done."""
    tally = core.tally
    while True:
        reply = yield from answered(
            core,
            "POST",
            call.path,
            until,
            headers=lambda: {**call.headers, **reading.voucher_header(core)},
            body=call.body.encode(),
            key=call.key,
            on_lost=None if tally is None else lambda: tally.note_lost(call.key),
        )
        problem = problem_of(reply)
        waits = problem is not None and problem["code"] == "voucher_needed"
        if tally is None or not waits or not tally.has_others(call.key):
            return reply
        if time.monotonic() >= until:
            return reply
        yield Sleep(TURN_POLL_S)


def _strike(core: Core, call: OpenCall, status: int, problem: dict[str, Any] | None) -> None:
    """Forget a refused call, if it is sure that it was never charged."""
    if core.tally is None or problem is None:
        return
    if not core.tally.is_lost(call.key) or is_uncharged(status, problem):
        core.tally.refused(call.key)


def _checked(
    core: Core, call: OpenCall, answer: type[T] | None, reply: Reply, until: float
) -> Flow[Paid[T]]:
    """Return a charged answer after its receipt was checked and its total was signed."""
    charged = decoded(structs.replace(reply, status=OK), Charged)
    whole: Any = None
    if answer is not None and reply.status == OK:
        whole = decoded(reply, answer)
    told = reply.headers.get(TOTAL_HEADER.lower(), "")
    total = int(told) if told.isascii() and told.isdigit() else None
    replayed = reply.headers.get(REPLAYED_HEADER.lower()) == "true"
    salt = call.headers.get(SALT_HEADER)
    bundle = verification = None
    if core.verify:
        bundle = yield from reading.bundle(core, charged.receipt_id, until, call.key)
        payment = core.paying()
        asked = Asked(
            session=payment.session,
            domain=payment.domain,
            text=call.text,
            salt=salt,
            replayed=replayed,
            max_charge=call.max_charge,
            receipt_id=charged.receipt_id,
            charge=int(charged.charge_wei),
            answer=whole,
        )
        verification = check_receipt(bundle, asked, core.trust)
    if core.tally is not None:
        shown = None if bundle is None or bundle.request is None else bundle.request.salt
        core.tally.accept(
            call.key,
            int(charged.charge_wei),
            total,
            replayed=replayed,
            is_own=shown == salt,
        )
    return Paid(
        answer=whole,
        receipt_id=charged.receipt_id,
        charge_wei=int(charged.charge_wei),
        total_wei=total,
        replayed=replayed,
        idempotency_key=call.key,
        bundle=bundle,
        verification=verification,
    )
