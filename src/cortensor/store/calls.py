# SPDX-License-Identifier: Apache-2.0
"""How coroutines call a store that blocks."""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


class Calls(Protocol):
    """Runs calls that read, and calls that change something; see `store.group.Group`."""

    async def read(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that only reads what is committed."""
        ...

    def write(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Run a call; it is done when what it changed is committed.

        It runs also where nobody waits for it any more.
        """
        ...


THREADS = 16


class InThreads:
    """Each call in a thread: right for any store, and slow.

    Nothing but the store uses these threads: readings of a slow chain, which asyncio's own threads
    wait for, must not keep a charge waiting.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "store")

    async def read(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call in a thread."""
        return await self.write(call, *args, **kwargs)

    def write(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Run a call in a thread."""
        here = contextvars.copy_context()
        work = partial(here.run, call, *args, **kwargs)
        return asyncio.get_running_loop().run_in_executor(self._threads, work)


IN_THREADS = InThreads()
