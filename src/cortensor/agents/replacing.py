# SPDX-License-Identifier: Apache-2.0
"""Answers whose receipts no longer stand: replaced by the successor's, or retracted."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cortensor.agents.posting import check_bundle
from cortensor.agents.work import Event, is_node
from cortensor.chain.agent_validator import leaf_of
from cortensor.errors import Error
from cortensor.receipts.keccak import to_hex
from cortensor.receipts.validation_score import REVOKED_TAG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cortensor.agents.opening import Opened
    from cortensor.agents.posting import Poster
    from cortensor.agents.settings import Settings
    from cortensor.chain.erc8004_registries import ValidationRequest
    from cortensor.receipts.bundle import Bundle

MAX_SUCCESSORS = 16

log = logging.getLogger(__name__)


class Replacer:
    """Watches the receipts of answers.

    Args:
        opened: chain, router and keys.
        settings: how deep a block must be.
        poster: posts.
        first: the block from which an end of a receipt is looked for.
    """

    def __init__(self, opened: Opened, settings: Settings, poster: Poster, first: int) -> None:
        self._opened = opened
        self._confirmations = settings.confirmations
        self._poster = poster
        self._anchor = opened.place.anchor()
        self._validator = opened.place.validator()
        self._registry = opened.place.validation()
        self._next = first
        self._answers: dict[str, ValidationRequest] = {}
        self._ended: set[str] = set()
        self._told: set[tuple[str, str]] = set()

    def watch(self, request: ValidationRequest, receipt_id: str) -> None:
        """Take notice of the receipt that answers a request."""
        self._answers[receipt_id] = request

    def step(self) -> Iterator[Event]:
        """Replace or retract what can be, and yield what was done.

        Raises:
            Unavailable: the node or the router; the next step goes on.
        """
        last = self._opened.place.head() - self._confirmations
        if last >= self._next:
            self._ended |= set(self._anchor.ended(self._opened.anchorer(), self._next, last))
            self._next = last + 1
        for receipt_id in sorted(self._ended & self._answers.keys()):
            try:
                yield from self._end(self._answers[receipt_id], receipt_id)
            except Error as error:
                if is_node(error):
                    raise
                yield from self._wait(self._answers[receipt_id], receipt_id, error.code, str(error))

    def _end(self, request: ValidationRequest, receipt_id: str) -> Iterator[Event]:
        status = self._registry.status(request.key)
        if status.response_hash != receipt_id:
            self._leave(receipt_id)
            self.watch(request, status.response_hash)
            return
        successor = self._standing(receipt_id)
        if successor is None and status.tag == REVOKED_TAG:
            self._leave(receipt_id)
            return
        old = self._poster.bundle(receipt_id)
        if old is None or old.anchor is None:
            yield from self._wait(request, receipt_id, "no_old_receipt", "its leaf is needed")
        elif old.receipt.subject != self._subject(request):
            self._leave(receipt_id)  # an agent's word of itself, which is its own to replace
        elif successor is None:
            data = self._validator.retract_data(request.request_hash, leaf_of(old))
            mined = self._opened.caller.call(self._validator.address, data)
            self._leave(receipt_id)
            yield Event(
                state="retracted",
                agent_id=request.agent_id,
                request=request.key,
                reason="revoked",
                receipt_id=receipt_id,
                score=50,
                tx_hash=mined.tx_hash,
            )
        else:
            yield from self._replace(request, old, successor)

    def _replace(self, request: ValidationRequest, old: Bundle, successor: str) -> Iterator[Event]:
        new = self._poster.bundle(successor)
        if new is None or new.anchor is None:
            detail = f"{successor} is not anchored, or nobody gave it"
            yield from self._wait(request, old.receipt_id, "no_successor", detail)
            return
        opened = self._opened
        check_bundle(new, opened.place.rpc_url, opened.session_payment, old.receipt.subject)
        uri = self._poster.publish(new, _beside(successor))
        data = self._validator.replace_data(request.request_hash, uri, leaf_of(new), leaf_of(old))
        posted = self._poster.send(new, data)
        self._leave(old.receipt_id)
        self.watch(request, successor)
        yield Event(
            state="replaced",
            agent_id=request.agent_id,
            request=request.key,
            reason="superseded",
            receipt_id=successor,
            score=posted.score,
            tx_hash=posted.tx_hash,
        )

    def _subject(self, request: ValidationRequest) -> str:
        agent = self._validator.agent(request.agent_id)
        return to_hex(agent.subject(request.request_hash))

    def _standing(self, receipt_id: str) -> str | None:
        """Return the receipt that stands in a receipt's place, or None if it was revoked."""
        anchorer = self._opened.anchorer()
        for _ in range(MAX_SUCCESSORS + 1):
            found = self._anchor.revocation(anchorer, receipt_id)
            if found.state == "active":
                return receipt_id
            if found.state == "revoked":
                return None
            receipt_id = found.successor
        return None

    def _wait(
        self, request: ValidationRequest, receipt_id: str, reason: str, detail: str
    ) -> Iterator[Event]:
        if (receipt_id, reason) not in self._told:
            self._told.add((receipt_id, reason))
            yield Event(
                state="waiting",
                agent_id=request.agent_id,
                request=request.key,
                reason=reason,
                detail=detail[:300],
                receipt_id=receipt_id,
            )

    def _leave(self, receipt_id: str) -> None:
        self._answers.pop(receipt_id, None)


def _beside(receipt_id: str) -> str:
    return f"urn:cortensor:receipt:{receipt_id}"
