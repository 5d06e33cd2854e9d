# SPDX-License-Identifier: Apache-2.0
"""How a router on a shared database shows that it lives, and finds those that do not."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from cortensor.errors import Error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cortensor.store.claims import Owners

RENEWALS = 4  # in one lease: three may fail

log = logging.getLogger(__name__)


class Lease:
    """A lease that is held; `routers` is how many live, itself included, as it was renewed."""

    def __init__(self) -> None:
        self.routers = 1


@asynccontextmanager
async def alive(owners: Owners, lease_ms: int) -> AsyncIterator[Lease]:
    """Hold a lease until the end, renewed in time; what dead routers left is released meanwhile.

    Raises:
        Unavailable: the database cannot be written.
    """
    loop = asyncio.get_running_loop()
    # A thread of its own: a lease must not wait behind requests that wait for their turns.
    with ThreadPoolExecutor(1, "lease") as thread:
        await loop.run_in_executor(thread, owners.renew, lease_ms)
        lease = Lease()
        lease.routers = await loop.run_in_executor(thread, owners.living)
        task = asyncio.create_task(_renew_for_ever(owners, lease, lease_ms, thread))
        try:
            yield lease
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            with contextlib.suppress(Error):  # without a database the lease ends by itself
                await loop.run_in_executor(thread, owners.leave)


async def _renew_for_ever(
    owners: Owners, lease: Lease, lease_ms: int, thread: ThreadPoolExecutor
) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(lease_ms / 1000 / RENEWALS)
        try:
            await loop.run_in_executor(thread, owners.renew, lease_ms)
            lease.routers = await loop.run_in_executor(thread, owners.living)
            released = await loop.run_in_executor(thread, owners.recover)
        except Error as error:
            log.warning("lease: %s", error)
            continue
        if released:
            log.warning("released %d reservations of routers that were killed", len(released))
