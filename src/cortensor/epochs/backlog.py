# SPDX-License-Identifier: Apache-2.0
"""Final epochs that are not done with, from the oldest on: whoever was there, somebody pays them.

Those whose time is not over are paid, the others swept; of each kind one at a time. Which are done
with the workflows know, so a service that starts again goes through them once and sends nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.epochs import workflow

if TYPE_CHECKING:
    from cortensor.epochs.acting import Actor
    from cortensor.epochs.workflow import EpochFlow


class Backlog:
    """Works through it for one service that pays.

    Args:
        flow: where epochs run.
        actor: looks for them.
    """

    def __init__(self, flow: EpochFlow, actor: Actor) -> None:
        self._flow = flow
        self._actor = actor
        self._to_pay = self._to_sweep = -1

    def go_on(self) -> None:
        """Look whether the last ones are done, and for the next. Raises Unavailable."""
        if self._to_pay < 0:
            self._to_pay = self._to_sweep = self._actor.sweeper.first()
        self._to_pay = self._next(self._to_pay, is_sweep=False)
        self._to_sweep = self._next(self._to_sweep, is_sweep=True)

    def _next(self, first: int, *, is_sweep: bool) -> int:
        """Start what is to be done of the first epoch from one on; return where to go on."""
        epoch, is_over = self._actor.sweeper.oldest(first)
        if is_over is None or (is_sweep and not is_over):
            return epoch
        if is_over and not is_sweep:
            return epoch + 1
        is_running = workflow.is_running(self._actor, epoch, is_sweep=is_sweep)
        if is_running is None and self._actor.sweeper.has_tree(epoch):
            workflow.start(self._flow, self._actor, epoch, is_sweep=is_sweep)
            return epoch
        return epoch if is_running else epoch + 1
