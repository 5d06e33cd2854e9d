# SPDX-License-Identifier: Apache-2.0
"""The running total of a voucher session, and the calls that may still add to it.

Rules. A call is written down before it is sent. An answer moves the total from `total - charge` to
`total`; the total is signed when every wei below it is accounted for by a checked answer, and
written down before the signature leaves. So a crash at any point loses neither the highest total
nor a call that may have been charged: what was open is asked for again, with the same key, before
the next call. Answers of concurrent calls may come in any order; one that leaves a gap waits until
the calls that can fill it are done, and a gap that no open call can fill is refused.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec import Struct, structs

from cortensor.client.problems import TotalRefused
from cortensor.client.signing import signed_total
from cortensor.errors import Conflict, InvalidInput, PaymentRequired
from cortensor.router.headers import TOTAL_HEADER

if TYPE_CHECKING:
    from cortensor.client.signing import Payment

FORMAT = "cortensor-vouchers/1"


class VoucherStore(Protocol):
    """Keeps the state of one voucher session; `save` must be durable when it returns."""

    def load(self) -> bytes | None:
        """Return what was saved last, or None."""

    def save(self, data: bytes) -> None:
        """Replace it, all or nothing."""


class OpenCall(Struct, frozen=True, kw_only=True):
    """A paid call that may be charged: all that sending it again needs, but the grant.

    `body` is what is sent, `text` what its receipt commits to. `max_charge` is wei, None where no
    session key signs it. `lost` says that an attempt may have arrived.
    """

    key: str
    path: str
    endpoint: str
    body: str
    text: str
    headers: dict[str, str]
    max_charge: int | None = None
    lost: bool = False


class _Span(Struct, frozen=True):
    """A checked answer above the signed total: from, to, in wei."""

    start: int
    end: int


class _State(Struct, frozen=True, kw_only=True):
    """What is written down. Amounts are wei."""

    format: str
    session: str
    total: int = 0
    signature: str | None = None
    ahead: list[_Span] = []
    open: list[OpenCall] = []


class Tally:
    """The state of one voucher session, safe for threads and tasks.

    Args:
        payment: whose; it has a session key and a store.

    Raises:
        InvalidInput: the store holds another session's state, or something else.
    """

    def __init__(self, payment: Payment) -> None:
        if payment.vouchers is None or payment.session_key is None:
            raise InvalidInput("a voucher session needs a session key and a store", field="payment")
        self._payment = payment
        self._key = payment.session_key
        self._store = payment.vouchers
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._state = _State(format=FORMAT, session=payment.session)
        saved = self._store.load()
        if saved is not None:
            self._state = _read(saved, payment.session)

    @property
    def total_wei(self) -> int:
        """The highest total that was signed."""
        return self._state.total

    def header(self) -> str | None:
        """Return the last voucher as its header has it, or None before the first."""
        state = self._state
        return None if state.signature is None else f"{state.total}:{state.signature}"

    def claim_left(self) -> OpenCall | None:
        """Return a call that an earlier run or a cancelled one left open; the caller finishes it.

        Raises:
            TotalRefused: none is open, but not all wei below the router's total are accounted for.
        """
        with self._lock:
            for call in self._state.open:
                if call.key not in self._running:
                    self._running.add(call.key)
                    return call
            if not self._state.open and self._state.ahead:
                raise self._gap(self._state.ahead[0])
        return None

    def begin(self, call: OpenCall) -> bool:
        """Write a call down; False if it must wait for others.

        Raises:
            PaymentRequired: alone it may cost more than may be unsigned (`exposure_cap`).
            Conflict: a call with its key is open.
        """
        most = self._payment.max_unsigned_wei
        wanted = call.max_charge or 0
        if most is not None and wanted > most:
            raise PaymentRequired(
                f"may cost {wanted} wei, at most {most} wei may be unsigned",
                field="max_unsigned_wei",
                code="exposure_cap",
            )
        with self._lock:
            if any(call.key == other.key for other in self._state.open):
                raise Conflict("a call with this key is open", field="idempotency_key")
            exposed = sum(other.max_charge or 0 for other in self._state.open)
            exposed += sum(span.end - span.start for span in self._state.ahead)
            is_full = len(self._state.open) >= self._payment.max_open
            if is_full or (most is not None and exposed + wanted > most):
                return False
            self._save(structs.replace(self._state, open=[*self._state.open, call]))
            self._running.add(call.key)
            return True

    def note_lost(self, key: str) -> None:
        """Write down that an attempt may have arrived: a refusal alone no longer ends the call."""
        with self._lock:
            calls = [structs.replace(c, lost=True) if c.key == key else c for c in self._state.open]
            if calls != self._state.open:
                self._save(structs.replace(self._state, open=calls))

    def is_lost(self, key: str) -> bool:
        """Return whether an attempt of a call may have arrived without an answer."""
        return any(call.key == key and call.lost for call in self._state.open)

    def has_others(self, key: str) -> bool:
        """Return whether another call runs here, which may take the credit or bring a voucher."""
        return bool(self._running - {key})

    def refused(self, key: str) -> None:
        """Strike out a call that was surely not charged."""
        with self._lock:
            self._save(structs.replace(self._state, open=self._without(key)))
            self._running.discard(key)

    def leave(self, key: str) -> None:
        """Let go of a call whose end is unknown; it stays written down."""
        with self._lock:
            self._running.discard(key)

    def accept(
        self, key: str, charge: int, total: int | None, *, replayed: bool, is_own: bool = True
    ) -> None:
        """Count a checked answer, and sign the highest total that is accounted for.

        Args:
            key: the call's.
            charge: what its checked receipt says, in wei.
            total: the session's running total, as the router says; None if it said none.
            replayed: whether the router gave this answer before.
            is_own: whether the receipt has the salt of this very call. One that has not is of an
                earlier call with the same key, and must have been counted.

        Raises:
            TotalRefused: the total is not what receipts give; nothing is signed.
        """
        with self._lock:
            state = self._state
            if total is None:
                raise TotalRefused("the router names no running total", field=TOTAL_HEADER)
            span, left = _Span(total - charge, total), self._without(key)
            if replayed and (total <= state.total or span in state.ahead):
                # Counted before, and asked for again by its key.
                self._save(structs.replace(state, open=left))
                self._running.discard(key)
                return
            if not is_own:
                raise TotalRefused("the receipt is another call's, and was never counted")
            if charge == 0:
                # It adds nothing, whenever its answer comes.
                self._save(structs.replace(state, open=left))
                self._running.discard(key)
                return
            if span.start < state.total or any(
                span.start < other.end and other.start < span.end for other in state.ahead
            ):
                raise TotalRefused(
                    f"the router says {total} wei are owed in all with these {charge} wei; "
                    f"{state.total} wei were owed before"
                )
            end, signature = state.total, state.signature
            ahead = sorted([*state.ahead, span], key=lambda each: each.start)
            while ahead and ahead[0].start == end:
                end = ahead.pop(0).end
            most = sum(call.max_charge or 0 for call in left)
            missing = sum(s.start - e for s, e in zip(ahead, [end, *_ends(ahead)], strict=False))
            if missing > most:
                raise self._gap(ahead[0])
            if end > state.total:
                signature = signed_total(self._key, self._payment.number, end, self._payment.domain)
            self._save(
                structs.replace(state, total=end, signature=signature, ahead=ahead, open=left)
            )
            self._running.discard(key)

    def _without(self, key: str) -> list[OpenCall]:
        return [call for call in self._state.open if call.key != key]

    def _gap(self, span: _Span) -> TotalRefused:
        return TotalRefused(
            f"the router says {span.end} wei are owed in all, of which this client has receipts "
            f"for {self._state.total} and {span.end - span.start} wei: nothing accounts for "
            f"{span.start - self._state.total} wei"
        )

    def _save(self, state: _State) -> None:
        self._store.save(msgspec.json.encode(state))
        self._state = state


def _ends(spans: list[_Span]) -> list[int]:
    return [span.end for span in spans]


def _read(data: bytes, session: str) -> _State:
    try:
        state = msgspec.json.decode(data, type=_State)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise InvalidInput(f"is no voucher state: {error}", field="vouchers") from error
    if state.format != FORMAT or state.session != session:
        raise InvalidInput(f"is not the state of session {session}", field="vouchers")
    # Whoever wrote it may have died between sending and hearing.
    return structs.replace(state, open=[structs.replace(c, lost=True) for c in state.open])
