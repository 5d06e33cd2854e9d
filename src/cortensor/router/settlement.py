# SPDX-License-Identifier: Apache-2.0
"""Settles by itself while the router runs: by count, by age, and before a session ends.

What can wait does while gas is dear, if the operator says what is dear.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from cortensor.errors import Conflict, Error
from cortensor.store.records import DAY_SECONDS

if TYPE_CHECKING:
    from cortensor.chain.finality import Followed
    from cortensor.chain.settler import SettledBatch
    from cortensor.router.config import Settlement
    from cortensor.router.ports import Clock
    from cortensor.store.records import Pending, SkipRecord

LONGEST_PAUSE_S = 600

log = logging.getLogger(__name__)


class PendingSource(Protocol):
    """Counts what waits; see `cortensor.store.outbox.Outbox`."""

    def pending(self) -> Pending:
        """Return what waits."""


class LostSource(Protocol):
    """Knows what is lost; see `cortensor.store.skips.Skips`."""

    def to_alarm(self) -> list[SkipRecord]:
        """Return skipped totals that can no longer be moved, each once."""


class SettlesAll(Protocol):
    """Settles; see `cortensor.chain.settler.Settler`."""

    def settle_all(self, until: int | None = None) -> list[SettledBatch]:
        """Settle everything that waits and whose turn has come."""

    def follow(self) -> list[Followed]:
        """Look again at what is mined and not final."""

    def base_fee(self) -> int:
        """Return what gas costs now, in wei."""


def is_due(pending: Pending, settings: Settlement, now: int) -> bool:
    """Return whether it is time to settle, if gas is not dear.

    Args:
        pending: what waits.
        settings: thresholds.
        now: unix seconds.
    """
    if is_urgent(pending, settings, now):
        return True
    if pending.receipts == 0 or pending.oldest is None:
        return False
    return pending.receipts >= settings.max_items or now - pending.oldest >= settings.max_age_s


def is_urgent(pending: Pending, settings: Settlement, now: int) -> bool:
    """Return whether something is to be settled now, whatever gas costs.

    Args:
        pending: what waits.
        settings: thresholds.
        now: unix seconds.
    """
    if pending.retry_at is not None and pending.retry_at <= now:
        return True
    if pending.receipts == 0 or pending.oldest is None:
        return False
    ends, stake = pending.first_expiry, pending.oldest_stake
    return (
        (stake is not None and stake // DAY_SECONDS < now // DAY_SECONDS)  # its quota is ending
        or (ends is not None and ends - settings.expiry_margin_s <= now)
        or now - pending.oldest >= max(settings.max_wait_s, settings.max_age_s)
    )


async def settle_for_ever(
    source: PendingSource,
    lost: LostSource,
    settler: SettlesAll,
    settings: Settlement,
    clock: Clock,
) -> None:
    """Poll, follow what was mined, and settle when due.

    Failures are logged and tried again, less and less often.
    """
    failures = looked_at = 0
    price = Price(settler, settings.max_base_fee_wei)
    while True:
        await asyncio.sleep(pause_s(settings.poll_s, failures))
        try:
            if clock.unix() - looked_at >= settings.follow_s:
                looked_at = clock.unix()
                await _follow(settler)
            pending = await asyncio.to_thread(source.pending)
            now = clock.unix()
            if is_urgent(pending, settings, now) or (
                is_due(pending, settings, now) and not await price.is_dear()
            ):
                await _settle(settler, now)
            for total in await asyncio.to_thread(lost.to_alarm):
                log.error("never settled, and no longer can be: %s", total)
            failures = 0
        except Conflict as error:
            if error.code != "already_running":  # `cortensor settle` may be at it
                failures += 1
                log.error("settlement: %s", error)  # noqa: TRY400 -- the reason is enough
        except Error as error:
            failures += 1
            log.warning("settlement: %s", error)


class Price:
    """Whether gas is dear, said once each time that changes.

    Args:
        settler: knows what it costs.
        most: wei a gas from which on it is dear; None for never.
    """

    def __init__(self, settler: SettlesAll, most: int | None) -> None:
        self._settler = settler
        self._most = most
        self._was_dear = False

    async def is_dear(self) -> bool:
        """Return whether what can wait should. Raises Unavailable."""
        if self._most is None:
            return False
        found = await asyncio.to_thread(self._settler.base_fee)
        is_dear = found > self._most
        if is_dear != self._was_dear:
            how = "above" if is_dear else "within"
            log.info("gas at %d wei is %s max_base_fee_wei (%d)", found, how, self._most)
        self._was_dear = is_dear
        return is_dear


def pause_s(poll_s: int, failures: int) -> int:
    """Return how long to wait after so many failures in a row: doubling, up to ten minutes.

    A pause of the contract or a dead node ends no sooner for being asked every few seconds.
    """
    return min(poll_s << min(failures, LONGEST_PAUSE_S.bit_length()), max(poll_s, LONGEST_PAUSE_S))


async def _follow(settler: SettlesAll) -> None:
    for batch in await asyncio.to_thread(settler.follow):
        log.info("batch %s: %s, was %s", batch.root, batch.now or "sent", batch.before or "mined")


async def _settle(settler: SettlesAll, now: int) -> None:
    for batch in await asyncio.to_thread(settler.settle_all, now):
        log.info(
            "settled %s %s receipts, %s wei, for %s wei of ETH, in %s",
            batch.receipts,
            batch.funding,
            batch.total_wei,
            batch.fee_wei,
            batch.tx_hash,
        )
        for skipped in batch.skipped:
            log.error("settlement skipped %s; it is tried again", skipped)
