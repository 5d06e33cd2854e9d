# SPDX-License-Identifier: Apache-2.0
"""The validator service: what is asked of us on a chain is validated, anchored and answered.

Its state is the chain (asked, answered) and the router's idempotency: a request's validation has a
key made of its subject, so that whatever is killed when, it is charged once, and the contract
refuses a second answer.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from cortensor.agents.budget import HOUR_S, HourlyBudget
from cortensor.agents.payload import validation_ask
from cortensor.agents.posting import Poster
from cortensor.agents.replacing import Replacer
from cortensor.agents.requests import RequestLog, read_request
from cortensor.agents.work import Work, failure_of, is_node
from cortensor.agents.workers import Workers
from cortensor.client import BillRefused, Trust, Unsettled
from cortensor.errors import Conflict, Error, InvalidInput, Unavailable
from cortensor.receipts.canonical import URN_PREFIX

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from cortensor.agents.opening import Opened
    from cortensor.agents.settings import Settings
    from cortensor.agents.work import Event
    from cortensor.chain.erc8004_registries import ValidationRequest

BUSY_S = 0.1

log = logging.getLogger(__name__)


class Validated(Struct, frozen=True):
    """What the router made of a request: its receipt's id (0x), and where it is."""

    receipt_id: str
    url: str
    bound: str
    replayed: bool


class Validator:
    """Answers requests; one `step` after the other, from one thread.

    Args:
        opened: chain, router and keys.
        settings: how to.
    """

    def __init__(self, opened: Opened, settings: Settings) -> None:
        self._opened = opened
        self._settings = settings
        self._registry = opened.place.validation()
        self._validator = opened.place.validator()
        self._work: dict[str, Work] = {}
        self._workers: Workers[Validated] = Workers(settings.workers)
        self._budget = HourlyBudget(settings.budget.max_per_hour)
        first = settings.from_block
        first = opened.place.validation_block() if first is None else first
        self._log = RequestLog(opened.place, first, settings.confirmations)
        self._poster = Poster(opened, settings)
        self._replacer = Replacer(opened, settings, self._poster, first)
        self._looked: float | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a validation is under way."""
        return self._workers.is_busy

    def step(self) -> Iterator[Event]:
        """Do what can be done now, and yield what came of it.

        Raises:
            Unavailable: the node; the next step goes on.
        """
        now = time.monotonic()
        if self._looked is None or now - self._looked >= self._settings.poll_s:
            for request in self._log.new():
                self._work.setdefault(request.key, Work(request))
            yield from self._replacer.step()
            self._looked = now
        yield from self._collect()
        for work in list(self._work.values()):
            if work.is_due(time.monotonic()):
                yield from self._advance(work)

    def _collect(self) -> Iterator[Event]:
        for key, found in self._workers.finished():
            work = self._work[key]
            work.is_running = False
            if isinstance(found, Error):
                if not isinstance(found, Unsettled | BillRefused):  # which may be charged
                    self._budget.give_back()
                yield from self._failed(work, found)
                continue
            if found.replayed:
                self._budget.give_back()
            work.receipt_id, work.response_uri = found.receipt_id, found.url
            work.bound = found.bound

    def _advance(self, work: Work) -> Iterator[Event]:
        try:
            status = self._registry.status(work.request.key)
            if status.is_answered:
                if not self._is_deep(work):
                    work.wait(time.monotonic(), self._settings.poll_s)
                    return
                self._leave(work)
                self._replacer.watch(work.request, status.response_hash)
                if work.answered_in is None and time.time() - status.updated_at < HOUR_S:
                    self._budget.note(status.updated_at)  # by an earlier run
            elif work.receipt_id is not None:
                yield from self._respond(work)
            else:
                yield from self._begin(work)
        except Error as error:
            if is_node(error):
                raise  # everything waits for the node
            yield from self._failed(work, error)

    def _is_deep(self, work: Work) -> bool:
        """Return whether no re-organisation is expected to undo our answer any more."""
        if work.answered_in is None:
            return True
        return self._opened.place.head() - work.answered_in >= self._settings.confirmations

    def _begin(self, work: Work) -> Iterator[Event]:
        """Start to validate, if somebody pays for it.

        Raises:
            InvalidInput: the agent is none that is answered.
            Conflict: it did not allow our anchorer (`agent_not_allowed`).
        """
        agent_id, agents = work.request.agent_id, self._settings.budget.agents
        if agents and agent_id not in agents:
            raise InvalidInput("is not on the list", field="agent", code="agent_not_listed")
        anchorer = self._opened.anchorer()
        if not self._validator.is_allowed(agent_id, anchorer):
            raise Conflict(
                f"its owner has not allowed the anchorer {anchorer}", code="agent_not_allowed"
            )
        now = time.monotonic()
        wait = self._budget.wait_s(time.time())
        if wait > 0:
            work.wait(now, wait)
            if work.first_time("hour_used_up"):
                most = self._settings.budget.max_per_hour
                yield work.event("waiting", "hour_used_up", f"{most} validations an hour are paid")
            return
        if not self._workers.is_free:
            work.wait(now, BUSY_S)
            return
        self._budget.note(time.time())
        work.is_running = True
        subject = self._validator.agent(agent_id).subject(work.request.request_hash)
        self._workers.start(
            work.request.key, lambda: self._validate(work.request, subject, anchorer)
        )

    def _validate(self, request: ValidationRequest, subject: bytes, anchorer: str) -> Validated:
        """Fetch what is asked and have it validated; in a thread of its own."""
        settings = self._settings
        asked = read_request(request, settings.reach)
        if asked.bound == "none" and settings.needs_bound:
            raise InvalidInput(
                "the key is not the keccak256 of the payload", code="payload_not_bound"
            )
        ask = validation_ask(
            asked.payload,
            settings.tier,
            subject,
            most_wei=int(settings.budget.max_price_wei),
            deadline_s=settings.deadline_s,
        )
        with self._opened.client(Trust(signer=anchorer)) as client:
            done = client.run(ask)
        summary = done.answer.receipt
        return Validated(
            receipt_id=done.receipt_id.removeprefix(URN_PREFIX),
            url=summary.url if summary is not None else done.receipt_id,
            bound=asked.bound,
            replayed=done.replayed,
        )

    def _respond(self, work: Work) -> Iterator[Event]:
        """Answer, if the receipt is anchored; else look again later."""
        request = work.request
        posted = self._poster.respond(request, work.receipt_id or "", work.response_uri)
        if posted is None:
            work.wait(time.monotonic(), self._settings.poll_s)
            if work.first_time("not_anchored"):
                yield work.event("waiting", "not_anchored", "the router will anchor the receipt")
            return
        work.answered_in = posted.mined.block
        yield structs.replace(work.event("answered"), score=posted.score, tx_hash=posted.tx_hash)

    def _failed(self, work: Work, error: Error) -> Iterator[Event]:
        failure = failure_of(error)
        if failure.is_final:
            self._leave(work)
            yield work.event("skipped", failure.reason, failure.detail)
        elif work.fail(time.monotonic(), self._settings.retries):
            self._leave(work)
            yield work.event("given_up", failure.reason, failure.detail)
        elif work.first_time(failure.reason):
            yield work.event("waiting", failure.reason, failure.detail)

    def _leave(self, work: Work) -> None:
        self._work.pop(work.request.key, None)


def serve(
    validator: Validator, settings: Settings, stop: threading.Event, show: Callable[[Event], None]
) -> None:
    """Answer requests until `stop` is set; what fails because of the node is tried again."""
    while not stop.is_set():
        try:
            for event in validator.step():
                show(event)
                if stop.is_set():
                    return
        except Unavailable as error:
            log.warning("will be tried again: %s", error)
            stop.wait(settings.poll_s)
        stop.wait(BUSY_S if validator.is_busy else min(settings.poll_s, 1.0))
