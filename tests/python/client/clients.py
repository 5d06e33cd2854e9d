# SPDX-License-Identifier: Apache-2.0
"""Both clients behind one face, so that each test runs with each."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from cortensor.client import AsyncClient, Client, Payment, Trust, VoucherMemory, VoucherStore
from cortensor.receipts.sign import address_of
from tests.python.router.harness import CARD, DOMAIN, PAYER_KEY, SESSION_KEY, SIGNER_KEY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

KINDS = ("sync", "async")
TRUST = Trust(signer=address_of(SIGNER_KEY), cards={1: CARD})


class Blocking:
    """An AsyncClient whose coroutines are run to their end."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._runner = asyncio.Runner()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if inspect.isasyncgenfunction(found):
            return lambda *args, **options: self._each(found(*args, **options))
        if not inspect.iscoroutinefunction(found):
            return found
        return lambda *args, **options: self._runner.run(found(*args, **options))

    def _each(self, stream: AsyncGenerator[Any]) -> Iterator[Any]:
        # The sentinel, since a coroutine cannot raise StopAsyncIteration through a runner.
        try:
            while (found := self._runner.run(_next(stream))) is not None:
                yield found
        finally:
            self._runner.run(stream.aclose())

    def close(self) -> None:
        self._runner.run(self._client.close())
        self._runner.close()


async def _next(stream: AsyncGenerator[Any]) -> Any:
    return await anext(stream, None)


def make_client(
    kind: str, url: str, payment: Payment | None = None, *, trust: Trust | None = TRUST, **more: Any
) -> Any:
    if kind == "sync":
        return Client(url, payment, trust=trust, **more)
    return Blocking(AsyncClient(url, payment, trust=trust, **more))


def escrow(session: str, **more: Any) -> Payment:
    return Payment(session=session, domain=DOMAIN, payer=PAYER_KEY, **more)


def keyed(session: str, **more: Any) -> Payment:
    return escrow(session, session_key=SESSION_KEY, **more)


def voucher(session: str, store: VoucherStore | None = None, **more: Any) -> Payment:
    return keyed(session, vouchers=store or VoucherMemory(), **more)
