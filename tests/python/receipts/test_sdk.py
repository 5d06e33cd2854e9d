# SPDX-License-Identifier: Apache-2.0
"""Making a receipt with the SDK's verbs, and what its signer says of it later."""

from __future__ import annotations

from typing import Any

import pytest

from cortensor import receipts
from cortensor.errors import InvalidInput, VerificationFailed
from cortensor.receipts import Body, Bundle
from cortensor.receipts.evidence import evidence_entries
from tests.conformance.chain_facts import ChainFacts
from tests.conformance.party_cases import party_facts
from tests.conformance.party_samples import (
    CONTRACT_SIGNATURE,
    PARTY_JOBS,
    REPLACED,
    digest_of,
    party_bundles,
)
from tests.conformance.samples import (
    CARD,
    CHAIN,
    ISSUED_AT,
    JOBS,
    OTHER_KEY,
    ROUTER_KEY,
    SIGNER,
    SURCHARGE_BPS,
    Job,
)


def made(job: Job, **parts: Any) -> Bundle:
    body = job.body()
    digest = body.struct().digest(body.domain())
    salt, request = job.request()
    given = {
        "card": CARD,
        "surcharge_bps": SURCHARGE_BPS,
        "evidence": evidence_entries(job.runs(), job.salts()),
        "request": (salt, request),
        **parts,
    }
    return receipts.bundle(body, receipts.sign(ROUTER_KEY, digest), **given)


@pytest.mark.parametrize("job", [*JOBS, *PARTY_JOBS], ids=lambda job: job.name)
def test_what_is_built_signed_and_bundled_verifies(job: Job) -> None:
    bundle = made(job)
    assert bundle.to_json() == job.bundle()
    text = receipts.canonical_bytes(bundle.to_json())
    assert receipts.verify(text).failures == ()
    assert receipts.verify(bundle.to_json()).verdict == "consistent"


def test_a_format_of_its_own_only_where_it_is_needed() -> None:
    formats = {job.name: job.body().format for job in [*JOBS, *PARTY_JOBS]}
    for name, found in formats.items():
        party = name in {"signed", "partly-signed", "paid", "successor"}
        assert found == ("cortensor-receipt/4" if party else "cortensor-receipt/1"), name
    assert made(JOBS[0]).format == "cortensor-bundle/1"


def test_what_is_revoked_does_not_stand() -> None:
    body = JOBS[0].body()
    said = receipts.revoke(ROUTER_KEY, body, at=ISSUED_AT + 5, successor=REPLACED)
    bundle = made(JOBS[0], revocation=said)
    assert bundle.format == "cortensor-bundle/2"
    [failure] = receipts.verify(bundle).failures
    assert failure.name == "revocation"
    assert REPLACED in failure.detail
    other = receipts.revoke(OTHER_KEY, body, at=ISSUED_AT + 5)
    [failure] = receipts.verify(made(JOBS[0], revocation=other)).failures
    assert "not by the signer" in failure.detail


def test_a_contracts_signature() -> None:
    contract = bytes.fromhex(CONTRACT_SIGNATURE[2:])
    body = JOBS[0].body()
    bundle = receipts.bundle(
        body, contract, card=CARD, surcharge_bps=SURCHARGE_BPS, signed_by="contract"
    )
    assert receipts.verify(bundle).status_of("signature") == "not_checked"
    trusted = {"card": CARD, "signer": SIGNER, "session_payment": CHAIN.session_payment}
    assert receipts.verify(bundle, **trusted).trust_open == ("signature", "anchored")
    facts = {
        "contract_signatures": {f"{SIGNER}:{digest_of(bundle.to_json())}": [CONTRACT_SIGNATURE]}
    }
    assert receipts.verify(bundle, ChainFacts(facts)).status_of("signature") == "proven"
    assert receipts.verify(bundle, ChainFacts({})).status_of("signature") == "failed"
    with pytest.raises(VerificationFailed) as caught:
        receipts.bundle(body, contract, card=CARD, surcharge_bps=SURCHARGE_BPS)
    assert caught.value.field == "signature"


def test_a_miner_signs_a_delivered_answer_only() -> None:
    data = party_bundles()["signed"]["receipt"]
    body = Body.from_json(data)
    miners = next(check for check in receipts.verify(party_bundles()["signed"]).checks
                  if check.name == "miners")  # fmt: skip
    assert miners.detail == "3 of 3 answers are signed by their miners"
    partly = receipts.verify(party_bundles()["partly-signed"]).check("miners")
    assert partly is not None
    assert partly.detail == "1 of 2 answers are signed by their miners; not of replica 0"
    assert body.consensus.operators == 3


def test_a_successor_with_a_chain() -> None:
    view = ChainFacts(party_facts())
    found = receipts.verify(
        party_bundles()["successor"], view, session_payment=CHAIN.session_payment
    )
    assert (found.ok, found.status_of("succession")) == (True, "proven")
    assert receipts.verify(party_bundles()["paid"]).status_of("payment") == "not_checked"


def test_payments_are_named() -> None:
    bundle = Bundle.from_json(party_bundles()["paid"])
    kinds = [reference.partition(":")[0] for reference in receipts.payment_references(bundle)]
    assert kinds == ["request", "session", "x402"]
    unanchored = made(JOBS[0])
    assert len(receipts.payment_references(unanchored)) == 1
    clash = receipts.Clash("receipt:0x1", ("0x1",))
    assert str(clash) == "receipt:0x1 is of 0x1 twice"


def test_texts_must_be_the_ones_referred_to() -> None:
    bundle, texts = receipts.detach(made(JOBS[0]), 0)
    with pytest.raises(InvalidInput):
        receipts.verify(bundle, texts=dict.fromkeys(texts, ""))
