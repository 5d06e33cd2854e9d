# SPDX-License-Identifier: Apache-2.0
"""The proposer's service: looks for epochs that are over, and runs each to its last payment."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dbos import DBOS

from cortensor.epochs.acting import Actor
from cortensor.epochs.backlog import Backlog
from cortensor.epochs.workflow import launch, start
from cortensor.errors import Error
from cortensor.store.lock import FileLock

if TYPE_CHECKING:
    import threading

    from cortensor.epochs.job import Job

LOCK = ".lock"

log = logging.getLogger(__name__)


def serve(job: Job, stop: threading.Event) -> None:
    """Run every epoch from now on, until `stop` is set.

    Stopping is as being killed: whatever is under way is gone on with by the next `serve`.

    Raises:
        Conflict: another service has the folder (`already_running`), or the node is on another
            chain.
        Unavailable: the node does not answer at the start.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    with FileLock(job.folder / LOCK, "a rewards service"):
        actor = Actor(job)
        if not actor.chain.rewards.can_post(actor.address):
            log.warning("%s has no whole bond: it posts nothing until it has", actor.address)
        flow = launch(actor)
        started: set[int] = set()
        backlog = Backlog(flow, actor)
        while not stop.is_set():
            try:
                for epoch in actor.due():
                    if epoch not in started:
                        start(flow, actor, epoch)
                        started.add(epoch)
                if job.pays:
                    backlog.go_on()
            except Error as error:
                log.warning("looking for epochs that are due: %s", error)
            stop.wait(job.poll_s)
        DBOS.destroy()
