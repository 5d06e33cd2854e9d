# SPDX-License-Identifier: Apache-2.0
"""Corgent, a worked example: delegation and validation as raw primitives, always with a receipt.

Where much is at stake, five replicas are weighted by the reputation they earned, and who must be
sure sees from `fallback` whether there was enough of it to weigh by. What it answers is a receipt
that was checked; with a `subject` it can be posted on a chain (`cortensor agent attest`).

    with Client(URL, payment) as client:
        word = Corgent(client).validate("The invoice adds up.", context=invoice, at_stake=True)
        print(word.outcome, word.confidence, word.receipt_id)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from cortensor.client import Consensus

if TYPE_CHECKING:
    from cortensor.client import Client, Paid, PaidResponse
    from cortensor.client.asks import AskOptions
    from cortensor.receipts.bundle import Bundle

USUAL = Consensus(replicas=3, disagreement_policy="best_effort")
HIGH_STAKES = Consensus(
    replicas=5, strategy="weighted", weight_by="reputation", disagreement_policy="best_effort"
)


class Word(Struct, frozen=True, kw_only=True):
    """What Corgent says, and by what it can be held to it.

    Attributes:
        outcome: VALID, INVALID, OK or NO_CONSENSUS.
        output: the answer of a delegation.
        confidence: 0 to 1.
        fallback: why the rule asked for was not the one applied; None where it was.
        receipt_id: the receipt's URN.
        bundle: the receipt with its evidence; None of a client that does not verify.
        charge_wei: what it cost.
    """

    outcome: str
    output: str | None
    confidence: float
    fallback: str | None
    receipt_id: str
    bundle: Bundle | None
    charge_wei: int


class Corgent:
    """The agent.

    Args:
        client: of the router, with the payment session that pays.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def validate(
        self,
        claim: str,
        *,
        context: Any = None,
        at_stake: bool = False,
        subject: str | None = None,
        key: str | None = None,
    ) -> Word:
        """Return whether a claim is valid.

        Args:
            claim: what is claimed.
            context: what it is claimed of.
            at_stake: whether much depends on it.
            subject: what the receipt is to be about, 0x hex.
            key: an idempotency key: the same question under it is charged once.

        Raises:
            Refusal: the router refuses; nothing is charged.
            BillRefused: the receipt does not hold.
        """
        options = _options(at_stake=at_stake, subject=subject, key=key)
        return _word(self._client.validate(claim, context=context, **options))

    def delegate(
        self,
        objective: str,
        *,
        given: Any = None,
        at_stake: bool = False,
        subject: str | None = None,
        key: str | None = None,
    ) -> Word:
        """Return what comes of a task; see `validate`."""
        options = _options(at_stake=at_stake, subject=subject, key=key)
        return _word(self._client.delegate(objective, input=given, **options))


def _options(*, at_stake: bool, subject: str | None, key: str | None) -> AskOptions:
    options: AskOptions = {"receipt": True, "consensus": HIGH_STAKES if at_stake else USUAL}
    if at_stake:
        options["risk"] = "high"
    if subject is not None:
        options["subject"] = subject
    if key is not None:
        options["idempotency_key"] = key
    return options


def _word(done: Paid[PaidResponse]) -> Word:
    answer = done.answer
    return Word(
        outcome=answer.result.outcome,
        output=answer.result.output,
        confidence=answer.consensus.confidence,
        fallback=answer.consensus.fallback,
        receipt_id=done.receipt_id,
        bundle=done.bundle,
        charge_wei=done.charge_wei,
    )
