# SPDX-License-Identifier: Apache-2.0
"""A paid call from its ask to an answer whose receipt was checked, and whose total was signed."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import Struct, structs

from cortensor.client import reading
from cortensor.client.checking import Asked, check_receipt
from cortensor.client.core import OK, decoded, opened
from cortensor.client.events import Events
from cortensor.client.flow import Opened, Send, Sleep
from cortensor.client.preparing import CHAT_PATH, prepared
from cortensor.client.problems import (
    ConsensusFailed,
    Refusal,
    StreamCut,
    Unsettled,
    problem_of,
    refusal,
)
from cortensor.client.retrying import is_uncharged
from cortensor.client.signing import signed_request
from cortensor.client.vouchers import OpenCall
from cortensor.errors import InvalidInput
from cortensor.router.headers import (
    IDEMPOTENCY_HEADER,
    REPLAYED_HEADER,
    SALT_HEADER,
    TOTAL_HEADER,
)
from cortensor.router.versions.event_format import EVENT_STREAM

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


class _ChargedChat(Struct, frozen=True):
    """Where the OpenAI-compatible route has it."""

    cortensor: Charged


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
    if ask.body.get("stream"):
        raise InvalidInput("is for Client.stream", field="stream")
    until = core.until(ask.deadline_s)
    call = yield from begun(core, ask, until)
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


def begun(core: Core, ask: Ask[Any], until: float) -> Flow[OpenCall]:
    """Return a call that may be sent now; in a voucher session it is written down.

    Whoever gets it lets go of it (`let_go`), whatever becomes of it.
    """
    yield from _finish_left(core, until)
    call = yield from _made(core, ask, until)
    while core.tally is not None and not core.tally.begin(call):
        if time.monotonic() >= until:
            raise Unsettled("other calls of the session took all the time", call.key)
        yield Sleep(TURN_POLL_S)
    return call


def let_go(core: Core, call: OpenCall) -> None:
    """Leave a call to whoever finishes it, if it is not finished."""
    if core.tally is not None:
        core.tally.leave(call.key)


def _made(core: Core, ask: Ask[Any], until: float) -> Flow[OpenCall]:
    payment = core.paying()
    ready = yield from prepared(core, ask, until)
    text = ready.text
    key = ask.idempotency_key or secrets.token_hex(16)
    headers, most = {IDEMPOTENCY_HEADER: key}, None
    if payment.session_key is not None:
        most = payment.max_charge_wei if ask.max_charge_wei is None else ask.max_charge_wei
        if most is None:
            quote = yield from reading.quote_prepared(core, ready, until)
            most = int(quote.max_charge_wei)
        headers |= signed_request(payment.session_key, payment.number, text, most, payment.domain)
    return OpenCall(
        key=key,
        path=ask.path,
        endpoint=ready.endpoint,
        body=ready.sent.decode(),
        text=text.decode(),
        headers=headers,
        max_charge=most,
    )


def _exchange(core: Core, call: OpenCall, answer: type[T] | None, until: float) -> Flow[Paid[T]]:
    try:
        reply = yield from sent(core, call, until, step=Send)
        if isinstance(reply, Opened):
            raise TypeError("a Send is answered whole")
        if reply.headers.get("content-type", "").startswith(EVENT_STREAM):
            reply = _in_one_piece(core, call, reply)
        return (yield from settled(core, call, answer, reply, until))
    finally:
        let_go(core, call)


def _in_one_piece(core: Core, call: OpenCall, reply: Reply) -> Reply:
    """Return a streamed answer that nobody reads as a stream, such as one that was left."""
    events = Events(call.path)
    text = "".join(events.feed(reply.body))
    whole = events.reply(reply.headers)
    if whole is None:
        note_lost(core, call)
        raise StreamCut("it has no end", call.key, text)
    return whole


def note_lost(core: Core, call: OpenCall) -> None:
    """Write down that an attempt may have arrived without an answer."""
    if core.tally is not None:
        core.tally.note_lost(call.key)


def settled(
    core: Core, call: OpenCall, answer: type[T] | None, reply: Reply, until: float
) -> Flow[Paid[T]]:
    """Return what a reply says after its receipt was checked and its total was signed.

    Raises:
        Refusal: it is a refusal. Only `ConsensusFailed` was charged, and has what was paid.
        BillRefused, TotalRefused: the receipt or the running total does not hold.
    """
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


def sent(core: Core, call: OpenCall, until: float, *, step: type[Send]) -> Flow[Reply | Opened]:
    """Send a call; where other calls of the session hold its credit, again once they are done."""
    tally = core.tally
    while True:
        reply = yield from opened(
            core,
            "POST",
            call.path,
            until,
            headers=lambda: {**call.headers, **reading.voucher_header(core)},
            body=call.body.encode(),
            key=call.key,
            on_lost=lambda: note_lost(core, call),
            step=step,
        )
        if isinstance(reply, Opened):
            return reply
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
    shown = structs.replace(reply, status=OK)
    is_chat = call.path == CHAT_PATH
    charged = decoded(shown, _ChargedChat).cortensor if is_chat else decoded(shown, Charged)
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
        its = None if bundle is None or bundle.request is None else bundle.request.salt
        core.tally.accept(
            call.key,
            int(charged.charge_wei),
            total,
            replayed=replayed,
            is_own=its == salt,
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
