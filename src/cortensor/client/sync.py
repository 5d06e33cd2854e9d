# SPDX-License-Identifier: Apache-2.0
"""The synchronous client, over requests. One client may be used by several threads."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

import requests

from cortensor.client import asks, older_asks, reading
from cortensor.client.core import Core
from cortensor.client.flow import MAX_REPLY_BYTES, Lost, Reply, Send
from cortensor.client.paying import Paid, finish_open, paid

if TYPE_CHECKING:
    from typing import Self, Unpack

    from cortensor.client.asks import Ask, DelegateOptions, FactcheckOptions, ValidateOptions
    from cortensor.client.checking import Trust
    from cortensor.client.core import Url
    from cortensor.client.flow import Flow
    from cortensor.client.older_asks import Completion, CompletionOptions
    from cortensor.client.reading import SizeOptions
    from cortensor.client.signing import Payment
    from cortensor.receipts.bundle import Bundle
    from cortensor.router.schemas import (
        BatchResponse,
        PaidResponse,
        QuoteResponse,
        ReceiptResponse,
        SessionsResponse,
        TasksResponse,
        VoucherResponse,
    )

T = TypeVar("T")

CHUNK_BYTES = 65_536


class Client:
    """Talks to a router. Every paid call has an idempotency key, and its receipt is checked.

    A server that sends its headers byte by byte can hold a call beyond its deadline; in
    `AsyncClient` it cannot.

    Args:
        url: the router's address, or what returns it before each attempt.
        payment: what paid calls are charged to; None for a client that only reads.
        trust: what is known of the router by other means.
        verify: whether the receipt of every paid call is fetched and checked.
        deadline_s: bounds a call with all its attempts.
    """

    def __init__(
        self,
        url: Url,
        payment: Payment | None = None,
        *,
        trust: Trust | None = None,
        verify: bool = True,
        deadline_s: float = 120.0,
    ) -> None:
        self._core = Core(url, payment, trust=trust, verify=verify, deadline_s=deadline_s)
        self._local = threading.local()
        self._opened: list[requests.Session] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        for session in self._opened:
            session.close()

    def delegate(self, objective: str, **options: Unpack[DelegateOptions]) -> Paid[PaidResponse]:
        """Have a task done."""
        return self.run(asks.delegate(objective, **options))

    def validate(self, claim: str, **options: Unpack[ValidateOptions]) -> Paid[PaidResponse]:
        """Have a claim checked, or with `mode` arbitration a dispute decided."""
        return self.run(asks.validate(claim, **options))

    def factcheck(self, claim: str, **options: Unpack[FactcheckOptions]) -> Paid[PaidResponse]:
        """Have a fact checked: TRUE or FALSE."""
        return self.run(asks.factcheck(claim, **options))

    def completions(self, prompt: str, **options: Unpack[CompletionOptions]) -> Paid[Completion]:
        """Have a prompt completed."""
        return self.run(older_asks.completion(prompt, **options))

    def run(self, ask: Ask[T]) -> Paid[T]:
        """Make any paid call; see `asks` and `older_asks`."""
        return self._drive(paid(self._core, ask))

    def quote(self, ask: Ask[Any]) -> QuoteResponse:
        """Return what this very call can cost at most."""
        return self._drive(reading.quote(self._core, ask))

    def quote_size(self, **options: Unpack[SizeOptions]) -> QuoteResponse:
        """Return what a call of a size can cost at most."""
        return self._drive(reading.quote_size(self._core, options))

    def receipt(self, receipt_id: str) -> ReceiptResponse:
        """Return a receipt by URN or 0x id."""
        return self._drive(reading.receipt(self._core, receipt_id))

    def bundle(self, receipt_id: str) -> Bundle:
        """Return the verifier's file of a receipt."""
        return self._drive(reading.bundle(self._core, receipt_id))

    def batch(self, root: str) -> BatchResponse:
        """Return a settlement batch with all its leaves."""
        return self._drive(reading.batch(self._core, root))

    def tasks(self) -> TasksResponse:
        """Return what runs now in the payment session."""
        return self._drive(reading.tasks(self._core))

    def sessions(self) -> SessionsResponse:
        """Return the router's compute sessions."""
        return self._drive(reading.sessions(self._core))

    def hand_in_voucher(self) -> VoucherResponse | None:
        """Give the router the last signed total; None where none was signed yet."""
        return self._drive(reading.hand_in_voucher(self._core))

    def finish_open(self) -> int:
        """Ask again for calls of a voucher session that were left open; return how many."""
        return self._drive(finish_open(self._core))

    @property
    def total_wei(self) -> int | None:
        """The highest total that the session's key signed; None in other sessions."""
        return None if self._core.tally is None else self._core.tally.total_wei

    def _drive(self, flow: Flow[T]) -> T:
        outcome: Reply | Lost | None = None
        try:
            while True:
                step = flow.send(outcome)
                if isinstance(step, Send):
                    outcome = self._send(step)
                else:
                    time.sleep(step.seconds)
                    outcome = None
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            flow.close()

    def _send(self, step: Send) -> Reply | Lost:
        end = time.monotonic() + step.timeout_s
        try:
            with self._http().request(
                step.method,
                step.url,
                data=step.body,
                headers=step.headers,
                timeout=step.timeout_s,
                allow_redirects=False,
                stream=True,
            ) as reply:
                body = bytearray()
                for chunk in reply.iter_content(CHUNK_BYTES):
                    body += chunk
                    if len(body) > MAX_REPLY_BYTES:
                        return Lost("the reply is too large")
                    if time.monotonic() > end:  # a server that drips is no server
                        return Lost("timeout")
                headers = {name.lower(): value for name, value in reply.headers.items()}
                return Reply(reply.status_code, headers, bytes(body))
        except (requests.RequestException, OSError) as error:
            return Lost(type(error).__name__)

    def _http(self) -> requests.Session:
        # A requests.Session is not for several threads at once.
        found: requests.Session | None = getattr(self._local, "session", None)
        if found is None:
            found = requests.Session()
            found.trust_env = False  # no .netrc in the place of the grant
            self._local.session = found
            self._opened.append(found)
        return found
