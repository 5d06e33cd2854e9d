# SPDX-License-Identifier: Apache-2.0
"""Whether a receipt says what was asked, answered and charged. Pure.

All of it from the bundle: id, signature, consensus and bill are recomputed. What a bundle alone
cannot show is who the router's signer is and which prices are published; `Trust` says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from cortensor.client.problems import BillRefused
from cortensor.consensus import NO_CONSENSUS
from cortensor.receipts.canonical import receipt_urn
from cortensor.receipts.evidence import output_hash
from cortensor.receipts.verify import verify_bundle
from cortensor.router.chat.schemas import ChatCompletion
from cortensor.router.schemas import PaidResponse
from cortensor.router.versions.completion_schemas import NO_CONSENSUS_REASON, CompletionV2
from cortensor.router.versions.schemas import DelegateAnswerV2, ValidateAnswerV2

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cortensor.pricing import RateCard
    from cortensor.receipts.body import Body
    from cortensor.receipts.bundle import Bundle
    from cortensor.receipts.checks import Verification
    from cortensor.receipts.typed import Domain

LABELS = {"TRUE": "VALID", "FALSE": "INVALID", "RETRY": None, NO_CONSENSUS: None}
"""Words of answers -> the receipt's verdict, where they differ."""


class Trust(Struct, frozen=True, kw_only=True):
    """What a caller knows of the router by other means, such as the chain.

    Attributes:
        signer: its settler's address. None takes whoever signed.
        cards: rate cards by version. Without the one a receipt names its own is taken.
        surcharge_bps: the highest surcharge that may be applied; None for the session's own cap.
    """

    signer: str | None = None
    cards: Mapping[int, RateCard] = {}
    surcharge_bps: int | None = None


class Asked(Struct, frozen=True, kw_only=True):
    """What a receipt is compared with: what was sent and what came back.

    `text` is what it must commit to, `salt` the session key's with it (None where no key signed;
    then, and for an answer that is `replayed`, the salt is free). `answer` is None where nobody
    reads it any more.
    """

    session: str
    domain: Domain
    text: str
    salt: str | None
    replayed: bool
    max_charge: int | None
    receipt_id: str
    charge: int
    answer: Any = None


def check_receipt(bundle: Bundle, asked: Asked, trust: Trust) -> Verification:
    """Return the verification of a receipt that holds.

    Raises:
        BillRefused: it does not; every finding is named.
    """
    body = bundle.receipt
    if trust.cards and body.bill.version not in trust.cards:
        raise BillRefused([f"rate card {body.bill.version} is not a trusted one"], asked.receipt_id)
    found = verify_bundle(bundle, card=trust.cards.get(body.bill.version), signer=trust.signer)
    findings = [str(check) for check in found.failures]
    findings += _differences(bundle, asked, trust)
    if asked.answer is not None:
        findings += _answered(body, asked)
    if findings:
        raise BillRefused(findings, asked.receipt_id)
    return found


def _differences(bundle: Bundle, asked: Asked, trust: Trust) -> Iterator[str]:
    body, request = bundle.receipt, bundle.request
    if receipt_urn(bundle.receipt_id) != asked.receipt_id:
        yield f"the bundle is of {bundle.receipt_id}"
    if body.session_id != asked.session:
        yield f"it charges session {body.session_id}"
    ours = (asked.domain.chain_id, asked.domain.session_payment.lower())
    if (body.chain.chain_id, body.chain.session_payment) != ours:
        yield f"it is for {body.chain.session_payment} on chain {body.chain.chain_id}"
    if request is None or request.canonical != asked.text:
        yield "it is for another request"
    elif not asked.replayed and asked.salt not in (None, request.salt):
        yield "it is for another call of the same request"
    if int(body.bill.charge) != asked.charge:
        yield f"it charges {body.bill.charge} wei, the answer says {asked.charge}"
    if asked.max_charge is not None and int(body.bill.charge) > asked.max_charge:
        yield f"it charges {body.bill.charge} wei, {asked.max_charge} were signed for"
    if trust.surcharge_bps is not None and bundle.surcharge_bps > trust.surcharge_bps:
        yield f"it has a surcharge of {bundle.surcharge_bps} bps"


def _answered(body: Body, asked: Asked) -> list[str]:
    """Return where an answer says something else than its receipt."""
    result, answer = body.result, asked.answer
    pairs: list[tuple[str, object, object]] = []
    if isinstance(answer, PaidResponse):
        shown = answer.result
        pairs = [
            ("outcome", _label(shown.outcome), _label(result.outcome)),
            ("verdict", _label(shown.verdict), result.verdict),
        ]
        if body.endpoint == "delegate":
            pairs.append(("output", output_hash(shown.output), result.output_hash))
    elif isinstance(answer, ValidateAnswerV2):
        pairs = [("verdict", _label(answer.verdict), result.verdict)]
    elif isinstance(answer, CompletionV2 | ChatCompletion):
        reason = answer.choices[0].finish_reason
        text = answer.text or (None if reason == NO_CONSENSUS_REASON else "")
        pairs = [("text", output_hash(text), result.output_hash)]
    elif isinstance(answer, DelegateAnswerV2):
        is_open = result.outcome == NO_CONSENSUS
        pairs = [("status", answer.status == NO_CONSENSUS, is_open)]
        if isinstance(answer.result, str) and not _is_typed(asked.text):
            pairs.append(("result", output_hash(answer.result), result.output_hash))
    return [f"the answer's {name} is not the receipt's" for name, ours, its in pairs if ours != its]


def _is_typed(text: str) -> bool:
    """Return whether a request asks for data, which is read from the output and is not it."""
    return "output_schema" in msgspec.json.decode(text)["request"]


def _label(word: str | None) -> str | None:
    return None if word is None else LABELS.get(word, word)
