# SPDX-License-Identifier: Apache-2.0
"""The synchronous client, over requests. One client may be used by several threads."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from cortensor.client import api_keys, asks, chat_asks, completion_asks, reading
from cortensor.client.core import Core
from cortensor.client.flow import Chunk, Open, Read, Send, Sleep
from cortensor.client.paying import Paid, finish_open, paid
from cortensor.client.streaming import streamed
from cortensor.client.sync_http import SyncHttp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Self, Unpack

    from cortensor.client.api_keys import KeyOptions, NewKey
    from cortensor.client.asks import Ask, DelegateOptions, FactcheckOptions, ValidateOptions
    from cortensor.client.chat_asks import ChatOptions
    from cortensor.client.checking import Trust
    from cortensor.client.completion_asks import CompletionOptions
    from cortensor.client.core import Url
    from cortensor.client.flow import Flow, Outcome, Stream
    from cortensor.client.reading import SizeOptions
    from cortensor.client.signing import Payment
    from cortensor.receipts.bundle import Bundle
    from cortensor.router.chat.schemas import ChatCompletion, ChatMessage
    from cortensor.router.key_schemas import KeysResponse, KeyState
    from cortensor.router.schemas import (
        BatchResponse,
        PaidResponse,
        QuoteResponse,
        ReceiptResponse,
        SessionsResponse,
        TasksResponse,
        VoucherResponse,
    )
    from cortensor.router.versions.completion_schemas import CompletionV3

T = TypeVar("T")


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
        self._http = SyncHttp()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def delegate(
        self, objective: str | None = None, **options: Unpack[DelegateOptions]
    ) -> Paid[PaidResponse]:
        """Have a task done, or with `messages` a conversation continued."""
        return self.run(asks.delegate(objective, **options))

    def validate(self, claim: str, **options: Unpack[ValidateOptions]) -> Paid[PaidResponse]:
        """Have a claim checked, or with `mode` arbitration a dispute decided."""
        return self.run(asks.validate(claim, **options))

    def factcheck(self, claim: str, **options: Unpack[FactcheckOptions]) -> Paid[PaidResponse]:
        """Have a fact checked: TRUE or FALSE."""
        return self.run(asks.factcheck(claim, **options))

    def completions(self, prompt: str, **options: Unpack[CompletionOptions]) -> Paid[CompletionV3]:
        """Have a prompt completed."""
        return self.run(completion_asks.completion(prompt, **options))

    def chat(
        self,
        messages: Sequence[ChatMessage | Mapping[str, Any]],
        **options: Unpack[ChatOptions],
    ) -> Paid[ChatCompletion]:
        """Have a conversation continued, by the OpenAI-compatible route."""
        return self.run(chat_asks.chat(messages, **options))

    def run(self, ask: Ask[T]) -> Paid[T]:
        """Make any paid call; see `cortensor.client` for what there is."""
        return self._drive(paid(self._core, ask))

    def stream(self, ask: Ask[T]) -> Iterator[Chunk[Paid[T]]]:
        """Make a completion or a chat, and yield its answer in pieces, then what was paid.

        The receipt is checked before the last chunk. Until the first piece the call is sent again
        like any other; `deadline_s` bounds that, and then each silence. One that is not read to
        its end goes on at the router, and is charged.

        Raises:
            StreamCut: it broke off on its way; it says how to fetch the whole.
            UpstreamFailed: it broke off at the router; nothing was charged.
        """
        outcome: Outcome = None
        line = self._http.line()
        flow: Stream[Paid[T]] = streamed(self._core, ask)
        try:
            while True:
                try:
                    step = flow.send(outcome)
                except StopIteration:
                    return
                outcome = None
                if isinstance(step, Chunk):
                    yield step
                elif isinstance(step, Read):
                    outcome = line.read()
                elif isinstance(step, Open):
                    outcome = line.open(step)
                else:
                    outcome = self._carry_out(step)
        finally:
            flow.close()
            line.close()

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

    def create_key(self, **options: Unpack[KeyOptions]) -> NewKey:
        """Make an API key of the payment session, signed by the payer. Only here is it shown."""
        return self._drive(api_keys.create(self._core, options))

    def keys(self) -> KeysResponse:
        """Return the API keys of the payment session."""
        return self._drive(api_keys.listed(self._core))

    def revoke_key(self, key_hash: str) -> KeyState:
        """Revoke an API key for good."""
        return self._drive(api_keys.revoke(self._core, key_hash))

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
        outcome: Outcome = None
        try:
            while True:
                outcome = self._carry_out(flow.send(outcome))
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            flow.close()

    def _carry_out(self, step: Send | Sleep) -> Outcome:
        if isinstance(step, Send):
            return self._http.send(step)
        time.sleep(step.seconds)
        return None
