# SPDX-License-Identifier: Apache-2.0
"""An agent's word of itself: the work is done under a subject, and one transaction says so.

Killed before the transaction, the same file and salt go on: the router charges once. After it the
contract refuses a second one.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.agents.payload import validation_ask
from cortensor.agents.posting import Poster, check_bundle
from cortensor.chain.agent_validator import Attestation, leaf_of
from cortensor.client import Trust
from cortensor.errors import Unavailable
from cortensor.receipts.canonical import URN_PREFIX
from cortensor.receipts.keccak import to_hex

if TYPE_CHECKING:
    from cortensor.agents.asking import Question
    from cortensor.agents.opening import Opened
    from cortensor.agents.payload import Payload
    from cortensor.agents.settings import Settings
    from cortensor.receipts.bundle import Bundle


class Attested(Struct, frozen=True):
    """What was attested; `request` is the key in the registry."""

    agent_id: int
    request: str
    receipt_id: str
    score: int
    charge_wei: str
    response_uri: str
    tx_hash: str


class Attester:
    """Attests for agents that the sender acts for.

    Args:
        opened: chain, router and keys.
        settings: how to.
    """

    def __init__(self, opened: Opened, settings: Settings) -> None:
        self._opened = opened
        self._settings = settings
        self._validator = opened.place.validator()
        self._poster = Poster(opened, settings)

    def attest(
        self, agent_id: int, payload: Payload, question: Question, salt: bytes, wait_s: float
    ) -> Attested:
        """Have a payload validated, wait for its anchor, and post it.

        Args:
            agent_id: the agent.
            payload: what is validated.
            question: its bytes and where they are.
            salt: 32 random bytes that nobody else knows yet.
            wait_s: how long the anchor is waited for.

        Raises:
            Refusal: the router's.
            VerificationFailed: the receipt does not hold.
            Conflict: the contract refuses.
            Unavailable: node or router, or the receipt is not anchored in time.
        """
        agent = self._validator.agent(agent_id)
        subject = agent.self_subject(agent.request(question.hash, salt))
        settings = self._settings
        ask = validation_ask(
            payload,
            settings.tier,
            subject,
            most_wei=int(settings.budget.max_price_wei),
            deadline_s=settings.deadline_s,
        )
        with self._opened.client(Trust(signer=self._opened.anchorer())) as client:
            done = client.run(ask)
        summary = done.answer.receipt
        bundle = self._anchored(done.receipt_id.removeprefix(URN_PREFIX), wait_s)
        opened = self._opened
        check_bundle(bundle, opened.place.rpc_url, opened.session_payment, to_hex(subject))
        uri = self._poster.publish(bundle, summary.url if summary else done.receipt_id)
        what = Attestation(
            agent_id=agent_id,
            payload_hash=question.hash,
            salt=salt,
            request_uri=question.uri,
            response_uri=uri,
        )
        data = self._validator.attest_data(what, leaf_of(bundle))
        posted = self._poster.send(bundle, data)
        answer = self._validator.answer_of(posted.mined.receipt)
        return Attested(
            agent_id=agent_id,
            request="0x" + answer.request_hash.hex(),
            receipt_id=bundle.receipt_id,
            score=posted.score,
            charge_wei=str(done.charge_wei),
            response_uri=uri,
            tx_hash=posted.tx_hash,
        )

    def _anchored(self, receipt_id: str, wait_s: float) -> Bundle:
        until = time.monotonic() + wait_s
        while True:
            bundle = self._poster.bundle(receipt_id)
            if bundle is not None and bundle.anchor is not None:
                return bundle
            if time.monotonic() >= until:
                raise Unavailable(
                    "the receipt is not anchored yet: run this again with the same --salt",
                    field=receipt_id,
                    code="not_anchored",
                )
            time.sleep(min(1.0, self._settings.poll_s))
