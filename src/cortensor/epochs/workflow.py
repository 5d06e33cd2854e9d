# SPDX-License-Identifier: Apache-2.0
"""An epoch from its end to the last payment, as a durable workflow.

DBOS notes each step that is done; who is killed goes on with the next. A step under way is done
again, and finds on chain, or among what was signed, how far it had come. A step that cannot be
done yet waits inside itself: a workflow fails only for a fault in the program.

What a step saw can be re-organised away. So the state of the chain says what comes next, never the
step before; and the workflow ends only when the block that all is done in stays.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, TypeVar

from dbos import DBOS, DBOSConfig, DBOSConfiguredInstance, SetWorkflowID

from cortensor.chain.rewards import FINAL, NONE, OPEN
from cortensor.epochs.acting import (
    GONE,
    LATE,
    OVERTHROWN,
    PAID,
    POSTED_FIRST,
    STAYS,
    SWEPT,
    WAITS,
    Look,
    Mark,
)
from cortensor.epochs.syncing import Part
from cortensor.errors import Error

if TYPE_CHECKING:
    from collections.abc import Callable

    from cortensor.epochs.acting import Actor

T = TypeVar("T")

NAME = "cortensor-rewards"
VERSION = "5"
"""Of the steps, their order and what they write: workflows of another one are not gone on with."""
INSTANCE = "epochs"
RUNNING = ("PENDING", "ENQUEUED", "DELAYED")

log = logging.getLogger(__name__)


@DBOS.dbos_class()
class EpochFlow(DBOSConfiguredInstance):
    """Runs epochs for one proposer.

    Args:
        actor: what the steps do.
    """

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        super().__init__(INSTANCE)

    @DBOS.workflow(max_recovery_attempts=None)
    def run(self, epoch: int) -> str:
        """Bring an epoch from where it is to paid, in a block that stays; returns how it ended."""
        while True:
            ending = self._reach_final(epoch)
            if ending != LATE:
                for start in self.runs(epoch):
                    self.pay(epoch, start)
                for first, size in self.moves(epoch):
                    self.sync(epoch, first, size)
            if self._stays(epoch, ending):
                return ending

    @DBOS.workflow(max_recovery_attempts=None)
    def clear(self, epoch: int) -> str:
        """Bring an epoch whose time is over to where nothing of it is left, in a block that stays.

        One of which everybody was paid is not expired: that would be for nothing.
        """
        while True:
            starts = self.left(epoch)
            if starts:
                self.expire(epoch)
            for start in starts:
                self.sweep(epoch, start)
            if self._stays(epoch, SWEPT):
                return SWEPT

    def _stays(self, epoch: int, ending: str) -> bool:
        """Wait until the block that all is done in stays; False if it is gone, or all is not."""
        number, block_hash = self.mark(epoch, ending)
        found = WAITS if number >= 0 else GONE
        while found == WAITS:
            found = self.standing(epoch, number, block_hash)
            if found != STAYS:
                DBOS.sleep(self._actor.job.poll_s)
        return found == STAYS

    def _reach_final(self, epoch: int) -> str:
        """Open, compute, post, watch and finalise, as often as it takes; returns PAID or LATE.

        Somebody else's root is checked before anything is computed, which may wait for receipts
        longer than the root can be challenged, and once more when it can be compared.
        """
        is_funded, is_computed, checked = False, False, ""
        while True:
            look = Look(*self.look(epoch))
            state, is_foreign = look.state, look.is_of_another(self._actor.address)
            if state >= FINAL:
                return PAID
            if state == NONE or not is_funded:
                self.fund(epoch)
                is_funded = True
            if state == NONE:
                if self.open(epoch) == LATE:
                    return LATE
                # It may have drawn another budget than before.
                is_computed, checked = False, ""
            elif is_foreign and look.posting != checked:
                # A posting that fell may be posted again, or be back when the block is gone.
                is_fallen = self.check(epoch, is_computed) == OVERTHROWN
                checked = "" if is_fallen else look.posting
            elif not is_computed:
                is_computed = self.compute(epoch, checked) not in {GONE, POSTED_FIRST}
                checked = "" if is_computed else checked
            elif state == OPEN:
                self.post(epoch)
            elif look.left_s:
                DBOS.sleep(min(float(look.left_s), self._actor.job.poll_s))
            else:
                self.finalise(epoch)

    @DBOS.step()
    def fund(self, epoch: int) -> str:
        """See `Funder.fund`."""
        return self._do("fund", epoch, lambda: self._actor.funder.fund(epoch))

    @DBOS.step()
    def open(self, epoch: int) -> str:
        """See `Actor.open`."""
        return self._do("open", epoch, lambda: self._actor.open(epoch))

    @DBOS.step()
    def compute(self, epoch: int, checked: str) -> str:
        """See `Actor.compute`."""
        return self._do("compute", epoch, lambda: self._actor.compute(epoch, checked))

    @DBOS.step()
    def post(self, epoch: int) -> tuple[int, int, str, str]:
        """See `Actor.post`."""
        return _plain(self._do("post", epoch, lambda: self._actor.post(epoch)))

    @DBOS.step()
    def look(self, epoch: int) -> tuple[int, int, str, str]:
        """See `Actor.look`."""
        return _plain(self._patiently("look", epoch, lambda: self._actor.look(epoch)))

    @DBOS.step()
    def check(self, epoch: int, is_computed: bool) -> str:
        """See `Actor.check`."""
        return self._do("check", epoch, lambda: self._actor.check(epoch, is_computed=is_computed))

    @DBOS.step()
    def finalise(self, epoch: int) -> tuple[int, int, str, str]:
        """See `Actor.finalise`."""
        return _plain(self._do("finalise", epoch, lambda: self._actor.finalise(epoch)))

    @DBOS.step()
    def runs(self, epoch: int) -> list[int]:
        """See `Payer.runs`."""
        return self._do("runs", epoch, lambda: self._actor.payer.runs(epoch))

    @DBOS.step()
    def pay(self, epoch: int, start: int) -> str:
        """See `Payer.pay`."""
        return self._do("pay", epoch, lambda: self._actor.payer.pay(epoch, start))

    @DBOS.step()
    def moves(self, epoch: int) -> list[tuple[int, int]]:
        """See `Payer.moves`."""
        parts = self._do("moves", epoch, lambda: self._actor.payer.moves(epoch))
        return [(part.first, part.size) for part in parts]

    @DBOS.step()
    def sync(self, epoch: int, first: int, size: int) -> str:
        """See `Payer.sync`."""
        part = Part(first, size)
        return self._do("sync", epoch, lambda: self._actor.payer.sync(epoch, part))

    @DBOS.step()
    def left(self, epoch: int) -> list[int]:
        """See `Sweeper.left`."""
        return self._do("left", epoch, lambda: self._actor.sweeper.left(epoch))

    @DBOS.step()
    def expire(self, epoch: int) -> str:
        """See `Sweeper.expire`."""
        return self._do("expire", epoch, lambda: self._actor.sweeper.expire(epoch))

    @DBOS.step()
    def sweep(self, epoch: int, start: int) -> str:
        """See `Sweeper.sweep`."""
        return self._do("sweep", epoch, lambda: self._actor.sweeper.sweep(epoch, start))

    @DBOS.step()
    def mark(self, epoch: int, ending: str) -> tuple[int, str]:
        """See `Actor.mark`."""
        mark = self._patiently("mark", epoch, lambda: self._actor.mark(epoch, ending))
        return mark.number, mark.block_hash

    @DBOS.step()
    def standing(self, epoch: int, number: int, block_hash: str) -> str:
        """See `Actor.standing`."""
        mark = Mark(number, block_hash)
        found = self._patiently("standing", epoch, lambda: self._actor.standing(mark))
        if found == GONE:
            log.warning("epoch %d: block %d was reorganised away", epoch, number)
        elif found == STAYS:
            log.info("epoch %d: ended in block %d, which stays", epoch, number)
        return found

    def _do(self, step: str, epoch: int, act: Callable[[], T]) -> T:
        log.info("epoch %d: %s begins", epoch, step)
        done = self._patiently(step, epoch, act)
        log.info("epoch %d: %s: %s", epoch, step, done)
        return done

    def _patiently(self, step: str, epoch: int, act: Callable[[], T]) -> T:
        while True:
            try:
                return act()
            except Error as error:
                log.warning("epoch %d: %s waits: %s", epoch, step, error)
                time.sleep(self._actor.job.poll_s)


def launch(actor: Actor) -> EpochFlow:
    """Start DBOS for an actor, and go on with what was cut short."""
    config: DBOSConfig = {
        "name": NAME,
        "system_database_url": actor.job.workflows,
        "application_version": VERSION,
        "log_level": "WARNING",
    }
    DBOS(config=config)
    flow = EpochFlow(actor)
    DBOS.launch()
    return flow


def start(flow: EpochFlow, actor: Actor, epoch: int, *, is_sweep: bool = False) -> None:
    """Start an epoch's workflow, or its sweep; one that runs or ran is left alone."""
    with SetWorkflowID(_name(actor, epoch, is_sweep=is_sweep)):
        DBOS.start_workflow(flow.clear if is_sweep else flow.run, epoch)


def is_running(actor: Actor, epoch: int, *, is_sweep: bool) -> bool | None:
    """Return whether an epoch's workflow, or its sweep, runs; None if it was never started."""
    known = DBOS.get_workflow_status(_name(actor, epoch, is_sweep=is_sweep))
    return None if known is None else known.status in RUNNING


def _name(actor: Actor, epoch: int, *, is_sweep: bool) -> str:
    place = f"{actor.chain.chain_id}/{actor.chain.rewards.address}/{actor.address}"
    # What was only posted is still to be paid, by a service that pays.
    work = "sweep" if is_sweep else "pay" if actor.job.pays else "post"
    return f"{VERSION}/{place}/{work}/{epoch}"


def _plain(look: Look) -> tuple[int, int, str, str]:
    # What DBOS keeps should be readable by any later version.
    return look.state, look.left_s, look.proposer, look.posting
