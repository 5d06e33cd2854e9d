# SPDX-License-Identifier: Apache-2.0
"""A pass from end to end, and passes for ever."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.chain.courier import Courier
from cortensor.chain.observer import Observer
from cortensor.chain.token import Token
from cortensor.errors import Error
from cortensor.receipts.typed import Domain
from cortensor.store.lock import FileLock
from cortensor.watch.acting import Actor
from cortensor.watch.answering import Answerer
from cortensor.watch.checks import SPOT_CHECK
from cortensor.watch.held import read_held
from cortensor.watch.own_ledger import OwnLedger
from cortensor.watch.report import PassReport, report_finding
from cortensor.watch.state import State
from cortensor.watch.watcher import Watcher

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from cortensor.store.address import DatabaseAddress
    from cortensor.watch.report import ActionReport
    from cortensor.watch.settings import Settings

log = logging.getLogger(__name__)


class Job(Struct, frozen=True):
    """What a watcher works with.

    Attributes:
        rpc_url: an http(s) JSON-RPC endpoint, or several of one chain.
        session_payment: the escrow to watch.
        chain_id: the chain it must be on; None for any.
        state: the watcher's own SQLite file.
        settings: how to watch.
        key: private key that challenges, demands and answers; None only reports.
        receipts: folder of receipts to compare with what is anchored; None for none.
        ledger: the database of one's own router, to answer for it; None for none.
        timeout_s: how long to wait for a transaction.
    """

    rpc_url: str | Sequence[str]
    session_payment: str
    chain_id: int | None
    state: Path
    settings: Settings
    key: str | None = None
    receipts: Path | None = None
    ledger: DatabaseAddress | None = None
    timeout_s: float = 120.0


def run_once(job: Job, is_stopping: Callable[[], bool] = lambda: False) -> PassReport:
    """Look once, act on what is found, and return what happened.

    Raises:
        Conflict: another watcher has the state (`already_running`), or it is about another
            contract (`wrong_state`), or the node is on another chain (`wrong_chain`).
        Unavailable: the node or the state; what was stored is gone on with.
    """
    job.state.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(job.state.with_name(job.state.name + ".lock"), "a watcher"):
        # Anew each time: the dispute contract may be named between two passes.
        observer = Observer(job.rpc_url, job.session_payment, job.chain_id)
        domain = Domain(observer.watched.chain_id, observer.watched.session_payment)
        with State(job.state, domain) as state:
            return _pass(job, observer, state, domain, is_stopping)


def _pass(
    job: Job, observer: Observer, state: State, domain: Domain, is_stopping: Callable[[], bool]
) -> PassReport:
    known = {row.key for row in state.cases.findings()}
    secret = state.secret(secrets.token_bytes)
    watcher = Watcher(observer, state, job.settings, domain, secret, is_stopping)
    head = watcher.look(read_held(job.receipts) if job.receipts is not None else ())
    actions: list[ActionReport] = []
    alarms: list[str] = []
    if observer.dispute is not None and not is_stopping():
        courier = None
        if job.key is not None:
            courier = Courier(observer.web3, job.key, state.cases, job.timeout_s)
        token = Token(observer.web3, observer.payment.token())
        actor = Actor(observer, observer.dispute, token, state, job.settings, courier)
        if job.ledger is not None:
            # First: a late answer costs more than a late challenge.
            with OwnLedger(job.ledger) as ledger:
                answerer = Answerer(observer, observer.dispute, state, ledger, courier, actor)
                actions += answerer.answer(head.time, is_dry=job.settings.is_dry)
                alarms = answerer.alarms
        actions += actor.act(head.time)
    shown = [
        row
        for row in state.cases.findings()
        # A leaf that is asked for at random is no fault; what comes of it shows as an action.
        if row.kind != SPOT_CHECK and (row.state == "open" or row.key not in known)
    ]
    return PassReport(
        block=head.number,
        time=head.time,
        leaves=state.count_leaves(),
        waiting_batches=state.count_waiting(),
        findings=[report_finding(row) for row in shown],
        actions=actions,
        alarms=alarms,
    )


def run_for_ever(
    job: Job, poll_s: float, stop: threading.Event, show: Callable[[PassReport], None]
) -> None:
    """Look again and again until `stop` is set; the pass under way ends at its next safe point.

    Failures are logged and tried again. Only a state that belongs to somebody else ends it.

    Raises:
        Conflict: as `run_once`.
    """
    while not stop.is_set():
        try:
            show(run_once(job, stop.is_set))
        except Error as error:
            if error.code in ("already_running", "wrong_state", "wrong_chain"):
                raise
            log.warning("pass failed, will be tried again: %s", error)
        stop.wait(poll_s)
