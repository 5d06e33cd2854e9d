# SPDX-License-Identifier: Apache-2.0
"""How coroutines call a store that blocks."""

from __future__ import annotations

import asyncio
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

    async def write(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call and return when what it changed is committed."""
        ...


class InThreads:
    """Each call in a thread of its own: right for any store, and slow."""

    async def read(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call in a thread."""
        return await asyncio.to_thread(call, *args, **kwargs)

    write = read


IN_THREADS = InThreads()
