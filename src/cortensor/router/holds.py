# SPDX-License-Identifier: Apache-2.0
"""Reservations of running requests: taken, and given back whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from cortensor.errors import Unavailable
from cortensor.store.calls import IN_THREADS

if TYPE_CHECKING:
    from cortensor.router.ports import Clock, LedgerPort
    from cortensor.store.calls import Calls
    from cortensor.store.claims import Claim

log = logging.getLogger(__name__)


class Holds:
    """Reserves and releases in the ledger, off the event loop.

    A release that fails is remembered and tried again before the next reservation, so that a
    ledger that was busy or full for a moment does not keep a payer's money until a restart.

    Args:
        ledger: holds the money.
        clock: unix time of reservations.
        calls: how the ledger is called.
    """

    def __init__(self, ledger: LedgerPort, clock: Clock, calls: Calls = IN_THREADS) -> None:
        self._ledger = ledger
        self._calls = calls
        self._clock = clock
        self._left: set[str] = set()

    async def take(
        self,
        session: str,
        reservation: str,
        amount: int,
        credit: int | None = None,
        key: str | None = None,
        claim: Claim | None = None,
    ) -> None:
        """Reserve; if this task is cancelled meanwhile, the reservation is dropped again.

        `credit` is what a voucher session may have unsigned, in wei; None for any amount. `key` is
        the hash of the API key that pays of its budgets, if one does. `claim` is what may not run
        elsewhere meanwhile.

        Raises:
            Conflict: what is claimed runs at another router, or was charged.
            PaymentRequired: the session cannot cover `amount` wei, or needs a voucher first.
            Unavailable: the ledger cannot be written.
        """
        for old in tuple(self._left):
            await self.drop(old)
        work = self._calls.write(
            self._ledger.reserve,
            session,
            reservation,
            amount,
            self._clock.unix(),
            credit,
            key,
            claim,
        )
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait([work])
            await self.drop(reservation)
            raise
        except Unavailable:
            # It may be there all the same: the server can commit and its answer get lost.
            await self.drop(reservation)
            raise

    async def drop(self, reservation: str) -> None:
        """Release; a second cancellation does not stop it half-way, a failure is kept."""
        await asyncio.shield(self._release(reservation))

    async def _release(self, reservation: str) -> None:
        try:
            await self._calls.write(self._ledger.release, reservation)
        except Exception as error:  # noqa: BLE001 -- whatever it was, it must be tried again
            self._left.add(reservation)
            log.warning("release of %s failed, will be tried again: %s", reservation, error)
        else:
            self._left.discard(reservation)
