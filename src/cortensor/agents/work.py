# SPDX-License-Identifier: Apache-2.0
"""One request on its way to an answer, what its failures mean, and what is told of it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from cortensor.client.problems import (
    BillRefused,
    PaymentRequired,
    Refusal,
    Rejected,
    Unsettled,
)
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from cortensor.agents.settings import Retries
    from cortensor.chain.erc8004_registries import ValidationRequest
    from cortensor.errors import Error

State = Literal["answered", "waiting", "skipped", "given_up", "replaced", "retracted"]


def shown(text: str) -> str:
    """Return what strangers wrote so that a terminal only shows it."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


class Event(Struct, frozen=True, omit_defaults=True):
    """What happened to a request, for people and programs.

    Attributes:
        state: `skipped` is for good; `waiting` will be tried again.
        reason: a stable code of why not, empty for an answer.
        detail: the same in words.
        bound: by what the payload is bound to the request, where it was read.
    """

    state: State
    agent_id: int
    request: str
    reason: str = ""
    detail: str = ""
    receipt_id: str = ""
    score: int | None = None
    tx_hash: str = ""
    bound: str = ""

    def line(self) -> str:
        """Return it as one line."""
        parts = [f"agent {self.agent_id}, request {self.request}: {self.state}"]
        if self.score is not None:
            parts.append(f"{self.score} of 100")
        if self.reason:
            parts.append(f"{self.reason}: {shown(self.detail)}" if self.detail else self.reason)
        if self.receipt_id:
            parts.append(f"receipt {self.receipt_id}")
        if self.tx_hash:
            parts.append(f"transaction {self.tx_hash}")
        return ", ".join(parts)


class Work:
    """A request that is not answered yet.

    Args:
        request: it.
    """

    def __init__(self, request: ValidationRequest) -> None:
        self.request = request
        self.due = 0.0
        self.receipt_id: str | None = None
        self.response_uri = ""
        self.bound = ""
        self.answered_in: int | None = None
        self.is_running = False
        self._tries = 0
        self._told: set[str] = set()

    def is_due(self, now: float) -> bool:
        """Return whether something is to be done now."""
        return not self.is_running and now >= self.due

    def wait(self, now: float, seconds: float) -> None:
        """Do nothing for a while; it is no failure."""
        self.due = now + seconds

    def fail(self, now: float, retries: Retries) -> bool:
        """Count a failure; return whether it was the last that is allowed."""
        self._tries += 1
        pause = min(retries.longest_s, retries.first_s * 2.0 ** min(self._tries - 1, 30))
        self.due = now + pause
        return self._tries >= retries.give_up_after

    def first_time(self, reason: str) -> bool:
        """Return whether a reason is new, so that each is told once."""
        is_new = reason not in self._told
        self._told.add(reason)
        return is_new

    def event(self, state: State, reason: str = "", detail: str = "") -> Event:
        """Return what is to be told of it."""
        return Event(
            state=state,
            agent_id=self.request.agent_id,
            request=self.request.key,
            reason=reason,
            detail=detail[:300],
            receipt_id=self.receipt_id or "",
            bound=self.bound,
        )


CHAIN_UNAVAILABLE = "chain_unavailable"
UNACCEPTABLE = (400, 413, 422)
"""Statuses by which a router says that it will not take this body, now or later."""
OTHER_REQUEST = "idempotency_conflict"
"""The key was used with other settings; nothing else about the request will change that."""


class Failure(Struct, frozen=True):
    """Why a request is not answered: `is_final` says that trying again cannot help."""

    reason: str
    detail: str
    is_final: bool


def failure_of(error: Error) -> Failure:
    """Return what an error means for a request."""
    detail = str(error)
    if isinstance(error, Unsettled):
        return Failure("no_answer_in_time", detail, is_final=False)
    if isinstance(error, BillRefused):
        return Failure("receipt_refused", detail, is_final=True)
    if isinstance(error, PaymentRequired):
        return Failure(error.code, detail, is_final=False)
    if isinstance(error, Refusal):
        is_body = isinstance(error, Rejected) and error.status in UNACCEPTABLE
        is_final = is_body or error.code == OTHER_REQUEST
        return Failure(f"router_{error.code}", detail, is_final=is_final)
    is_final = isinstance(error, InvalidInput)
    return Failure(error.code, detail, is_final=is_final)


def is_node(error: Error) -> bool:
    """Return whether an error says that our node does not answer; a router may say that of its."""
    return error.code == CHAIN_UNAVAILABLE and not isinstance(error, Refusal)
