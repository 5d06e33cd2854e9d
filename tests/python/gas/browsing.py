# SPDX-License-Identifier: Apache-2.0
"""Runs steps in a real browser, where nothing may be complained of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.python.router.browser import Browser


def browse(
    steps: Callable[[Browser], Awaitable[None]], *, dark: bool = False, width: int = 1100
) -> None:
    """Run steps in a browser of their own; an error in its console fails."""

    async def run() -> None:
        async with Browser(dark=dark, width=width) as browser:
            await steps(browser)
            assert browser.complaints == []

    asyncio.run(run())
