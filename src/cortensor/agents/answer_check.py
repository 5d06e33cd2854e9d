# SPDX-License-Identifier: Apache-2.0
"""Whether an answer on the chain is what its receipt says.

The receipt is fetched where the answer says: its canonical bytes, whose hash is the answer's, or a
router's page of it, which needs no grant. What it says of itself counts only if it is signed by
the settler of its router.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cortensor.agents.fetching import read_uri
from cortensor.errors import NotFound, VerificationFailed
from cortensor.receipts.body import Body
from cortensor.receipts.canonical import load_json
from cortensor.receipts.keccak import WORD_BYTES, from_hex, keccak256, to_hex
from cortensor.receipts.sign import recover
from cortensor.receipts.typed import OUTCOMES, Domain, ReceiptStruct
from cortensor.receipts.validation_score import (
    REVOKED_TAG,
    SELF,
    SUPERSEDED_TAG,
    THIRD_PARTY,
    UNDECIDED,
    validation_score,
    validation_tag,
)

if TYPE_CHECKING:
    from cortensor.agents.fetching import Reach
    from cortensor.agents.place import Place
    from cortensor.chain.erc8004_registries import ValidationStatus

SIGNATURE_BYTES = 65


def check_answer(
    place: Place, agent_id: int, key: str, status: ValidationStatus, reach: Reach
) -> list[str]:
    """Return where an answer is not what its receipt says; empty if all of it is.

    Args:
        place: the contracts.
        agent_id: the agent.
        key: the request's, 0x hex.
        status: the answer.
        reach: what may be fetched.

    Raises:
        InvalidInput, Unavailable: the receipt cannot be had.
        NotFound: the chain's log has no answer of that receipt.
        VerificationFailed: what is there is no receipt.
    """
    retracted = {SUPERSEDED_TAG: "superseded", REVOKED_TAG: "revoked"}.get(status.tag)
    if retracted is not None:
        good = status.verdict == UNDECIDED
        return [] if good else [f"it is retracted ({retracted}), and says {status.verdict}"]
    validation, validator = place.validation(), place.validator()
    uri = validation.response_uri(key, status.response_hash, place.validation_block())
    if uri is None:
        raise NotFound("the log has no such answer", field="answer")
    struct = _signed_struct(place, read_uri(uri, reach), status.response_hash)
    outcome = OUTCOMES[struct.outcome]
    faults = []
    score = validation_score(outcome, struct.confidence_bps)
    if status.verdict != score:
        faults.append(f"it says {status.verdict}, its receipt gives {score}")
    tags = [validation_tag(struct.terms, state) for state in (SELF, THIRD_PARTY)]
    if status.tag not in tags:
        faults.append(f"its tag is {status.tag}, its receipt gives {' or '.join(tags)}")
    word = from_hex(key, WORD_BYTES, "request")
    agent = validator.agent(agent_id)
    is_self = status.tag.endswith(f":{SELF}")
    # The key of what an agent attests may be another than the hash in the subject: not compared.
    if not is_self and struct.subject != agent.subject(word):
        faults.append("its receipt is of another matter")
    settler = place.payment().router(struct.session >> 128).settler
    state = place.anchor().revocation(settler, status.response_hash).state
    if state != "active":
        faults.append(f"its receipt is {state}")
    return faults


def _signed_struct(place: Place, raw: bytes, receipt_id: str) -> ReceiptStruct:
    """Return the struct of the receipt in a document. Raises VerificationFailed."""
    if to_hex(keccak256(raw)) == receipt_id:
        # The answer's hash is of these very bytes; the contract has seen the struct.
        return Body.from_json(load_json(raw)).struct(receipt_id)
    try:
        shown: dict[str, Any] = json.loads(raw)
        struct = ReceiptStruct.from_json(shown["charge"])
        signature = from_hex(shown["signature"], SIGNATURE_BYTES, "signature")
    except (ValueError, KeyError, TypeError) as error:
        raise VerificationFailed("is no receipt", field="response_uri") from error
    if to_hex(struct.receipt_id) != receipt_id:
        raise VerificationFailed("is of another receipt", field="response_uri")
    payment = place.payment()
    signer = recover(struct.digest(Domain(place.chain_id, payment.address)), signature)
    settler = payment.router(struct.session >> 128).settler
    if signer != settler.lower():
        raise VerificationFailed(f"is signed by {signer}, not by {settler}", field="response_uri")
    return struct
