# SPDX-License-Identifier: Apache-2.0
"""Settles by itself while the router runs: by count, by age, and before a session ends."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from cortensor.errors import Conflict, Error
from cortensor.store.records import DAY_SECONDS

if TYPE_CHECKING:
    from cortensor.chain.settler import SettledBatch
    from cortensor.router.config import Settlement
    from cortensor.router.ports import Clock
    from cortensor.store.records import Pending, SkipRecord

log = logging.getLogger(__name__)


class PendingSource(Protocol):
    """Counts what waits; see `cortensor.store.outbox.Outbox`."""

    def pending(self) -> Pending:
        """Return what waits."""

    def skips_to_alarm(self, now: int) -> list[SkipRecord]:
        """Return skipped totals that can no longer be moved, each once."""


class SettlesAll(Protocol):
    """Settles; see `cortensor.chain.settler.Settler`."""

    def settle_all(self) -> list[SettledBatch]:
        """Settle everything that waits."""


def is_due(pending: Pending, settings: Settlement, now: int) -> bool:
    """Return whether it is time to settle.

    Args:
        pending: what waits.
        settings: thresholds.
        now: unix seconds.
    """
    if pending.unconfirmed_batches:
        return True
    if pending.receipts == 0 or pending.oldest is None:
        return False
    ends, stake = pending.first_expiry, pending.oldest_stake
    return (
        (stake is not None and stake // DAY_SECONDS < now // DAY_SECONDS)  # its quota is ending
        or pending.receipts >= settings.max_items
        or now - pending.oldest >= settings.max_age_s
        or (ends is not None and ends - settings.expiry_margin_s <= now)
    )


async def settle_for_ever(
    source: PendingSource, settler: SettlesAll, settings: Settlement, clock: Clock
) -> None:
    """Poll, and settle when due. Failures are logged and tried again."""
    while True:
        await asyncio.sleep(settings.poll_s)
        try:
            for lost in await asyncio.to_thread(source.skips_to_alarm, clock.unix()):
                log.error("never settled, and no longer can be: %s", lost)
            pending = await asyncio.to_thread(source.pending)
            if not is_due(pending, settings, clock.unix()):
                continue
            for batch in await asyncio.to_thread(settler.settle_all):
                log.info(
                    "settled %s %s receipts, %s wei, for %s wei of ETH, in %s",
                    batch.receipts,
                    batch.funding,
                    batch.total_wei,
                    batch.fee_wei,
                    batch.tx_hash,
                )
                for skipped in batch.skipped:
                    log.error("settlement skipped %s", skipped)
        except Conflict as error:
            if error.code != "already_running":  # `cortensor settle` may be at it
                log.error("settlement: %s", error)  # noqa: TRY400 -- the reason is enough
        except Error as error:
            log.warning("settlement: %s", error)
