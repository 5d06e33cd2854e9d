# SPDX-License-Identifier: Apache-2.0
"""Reads may overlap; while a block is made and settled, nobody reads."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Gate:
    """A lock for many readers or one writer. Writers wait in line; readers wait for a writer."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._readers = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Enter beside others that read."""
        async with self._turn:
            self._readers += 1
            self._idle.clear()
        try:
            yield
        finally:
            self._readers -= 1
            if self._readers == 0:
                self._idle.set()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Enter alone."""
        async with self._turn:
            await self._idle.wait()
            yield
