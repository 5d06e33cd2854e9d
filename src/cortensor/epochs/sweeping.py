# SPDX-License-Identifier: Apache-2.0
"""Long after an epoch: what nobody was paid in its time goes to the treasury.

Epochs are final in rising order, so they expire in it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from cortensor.chain.call_many import MOST_CALLS
from cortensor.chain.rewards import FINAL, NONE
from cortensor.errors import Unavailable

if TYPE_CHECKING:
    from cortensor.epochs.observing import RewardChain
    from cortensor.epochs.runs import Runs
    from cortensor.epochs.sending import Sending

log = logging.getLogger(__name__)


class Oldest(NamedTuple):
    """A final epoch, and whether its time is over; None of one from which on to look again."""

    epoch: int
    is_over: bool | None


class Sweeper:
    """Expires and sweeps for one service.

    Args:
        chain: what is read.
        runs: of final epochs.
        sending: sends.
    """

    def __init__(self, chain: RewardChain, runs: Runs, sending: Sending) -> None:
        self._chain = chain
        self._runs = runs
        self._sending = sending

    def first(self) -> int:
        """Return an epoch before which there is none."""
        return self._chain.first_epoch()

    def oldest(self, first: int) -> Oldest:
        """Return the first final epoch from one on; a hundred are looked at."""
        rewards = self._chain.rewards
        # Below the last final epoch none can be opened any more, so what is not final never is.
        end = min(first + MOST_CALLS, rewards.last_final() + 1)
        head = self._chain.observer.head().number
        for epoch, found in zip(
            range(first, end), rewards.epochs(range(first, end), head), strict=True
        ):
            if found.state != NONE:
                return Oldest(epoch, self.is_over(found.finalised_at))
        return Oldest(max(first, end), is_over=None)

    def is_over(self, finalised_at: int) -> bool:
        """Return whether an epoch that was made final then can expire, or did."""
        expiry_s = self._chain.rewards.seconds("EXPIRY_SECONDS")
        return self._chain.times.now() > finalised_at + expiry_s

    def has_tree(self, epoch: int) -> bool:
        """Return whether an epoch's tree can be had; without it nobody can pay or sweep."""
        try:
            self._runs.tree(epoch)
        except Unavailable as error:
            if error.code != "tree_unavailable":
                raise
            log.warning("epoch %d is left alone until the service starts again: %s", epoch, error)
            return False
        return True

    def left(self, epoch: int) -> list[int]:
        """Return the first leaves of runs in which money is left."""
        return self._runs.unpaid(epoch, self._chain.observer.head().number)

    def expire(self, epoch: int) -> str:
        """End an epoch's time for payment; returns what became of it."""
        rewards = self._chain.rewards
        if rewards.epoch(epoch).state == FINAL:
            self._sending.send(f"expire/{epoch}", rewards.address, rewards.data("expire", epoch))
            if rewards.epoch(epoch).state == FINAL:
                raise Unavailable(f"epoch {epoch} is not expired", code="not_done")
        return "expired"

    def sweep(self, epoch: int, start: int) -> str:
        """Send what a run has left to the treasury; returns a line of what was done."""
        if not self._left_in(epoch, start):
            return f"nothing is left from leaf {start} on"
        run = self._runs.run(epoch, start)
        rewards = self._chain.rewards
        data = rewards.data("sweep", *run.arguments)
        self._sending.send(f"sweep/{epoch}/{start}", rewards.address, data)
        if self._left_in(epoch, start):
            raise Unavailable(f"the run from leaf {start} is not swept", code="not_done")
        return f"leaves {start} to {run.last}"

    def is_done(self, epoch: int, block: int) -> bool:
        """Return whether a block left nothing of an epoch neither paid nor swept."""
        return not self._runs.unpaid(epoch, block)

    def _left_in(self, epoch: int, start: int) -> bool:
        return bool(self._runs.unpaid(epoch, self._chain.observer.head().number, start))
