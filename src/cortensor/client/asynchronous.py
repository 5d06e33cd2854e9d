# SPDX-License-Identifier: Apache-2.0
"""The asynchronous client, over aiohttp."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp

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


class AsyncClient:
    """`Client` for asyncio: the same calls, awaited. One event loop, any number of tasks.

    A cancelled call goes on at the router. In a voucher session it stays written down and is
    finished before the next one.

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
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def delegate(
        self, objective: str, **options: Unpack[DelegateOptions]
    ) -> Paid[PaidResponse]:
        """Have a task done."""
        return await self.run(asks.delegate(objective, **options))

    async def validate(self, claim: str, **options: Unpack[ValidateOptions]) -> Paid[PaidResponse]:
        """Have a claim checked, or with `mode` arbitration a dispute decided."""
        return await self.run(asks.validate(claim, **options))

    async def factcheck(
        self, claim: str, **options: Unpack[FactcheckOptions]
    ) -> Paid[PaidResponse]:
        """Have a fact checked: TRUE or FALSE."""
        return await self.run(asks.factcheck(claim, **options))

    async def completions(
        self, prompt: str, **options: Unpack[CompletionOptions]
    ) -> Paid[Completion]:
        """Have a prompt completed."""
        return await self.run(older_asks.completion(prompt, **options))

    async def run(self, ask: Ask[T]) -> Paid[T]:
        """Make any paid call; see `asks` and `older_asks`."""
        return await self._drive(paid(self._core, ask))

    async def quote(self, ask: Ask[Any]) -> QuoteResponse:
        """Return what this very call can cost at most."""
        return await self._drive(reading.quote(self._core, ask))

    async def quote_size(self, **options: Unpack[SizeOptions]) -> QuoteResponse:
        """Return what a call of a size can cost at most."""
        return await self._drive(reading.quote_size(self._core, options))

    async def receipt(self, receipt_id: str) -> ReceiptResponse:
        """Return a receipt by URN or 0x id."""
        return await self._drive(reading.receipt(self._core, receipt_id))

    async def bundle(self, receipt_id: str) -> Bundle:
        """Return the verifier's file of a receipt."""
        return await self._drive(reading.bundle(self._core, receipt_id))

    async def batch(self, root: str) -> BatchResponse:
        """Return a settlement batch with all its leaves."""
        return await self._drive(reading.batch(self._core, root))

    async def tasks(self) -> TasksResponse:
        """Return what runs now in the payment session."""
        return await self._drive(reading.tasks(self._core))

    async def sessions(self) -> SessionsResponse:
        """Return the router's compute sessions."""
        return await self._drive(reading.sessions(self._core))

    async def hand_in_voucher(self) -> VoucherResponse | None:
        """Give the router the last signed total; None where none was signed yet."""
        return await self._drive(reading.hand_in_voucher(self._core))

    async def finish_open(self) -> int:
        """Ask again for calls of a voucher session that were left open; return how many."""
        return await self._drive(finish_open(self._core))

    @property
    def total_wei(self) -> int | None:
        """The highest total that the session's key signed; None in other sessions."""
        return None if self._core.tally is None else self._core.tally.total_wei

    async def _drive(self, flow: Flow[T]) -> T:
        # The flow saves voucher state by itself, in this thread: an await between a check and its
        # save would be a place where a cancellation could fall between them.
        outcome: Reply | Lost | None = None
        try:
            while True:
                step = flow.send(outcome)
                if isinstance(step, Send):
                    outcome = await self._send(step)
                else:
                    await asyncio.sleep(step.seconds)
                    outcome = None
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            flow.close()

    async def _send(self, step: Send) -> Reply | Lost:
        if self._http is None:
            self._http = aiohttp.ClientSession()
        try:
            async with self._http.request(
                step.method,
                step.url,
                data=step.body,
                headers=step.headers,
                timeout=aiohttp.ClientTimeout(total=step.timeout_s),
                allow_redirects=False,
            ) as reply:
                body = bytearray()
                async for chunk in reply.content.iter_any():
                    body += chunk
                    if len(body) > MAX_REPLY_BYTES:
                        return Lost("the reply is too large")
                headers = {name.lower(): value for name, value in reply.headers.items()}
                return Reply(reply.status, headers, bytes(body))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Lost(type(error).__name__)
