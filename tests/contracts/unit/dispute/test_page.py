# SPDX-License-Identifier: Apache-2.0
"""The worked example of docs/spec/settlement-dispute.md is what the contract does."""

from __future__ import annotations

import msgspec

from cortensor.pricing import Terms
from tests.contracts.disputes import BURN_ADDRESS, Disputed, Draft
from tests.contracts.events import events
from tests.contracts.protocol import REFERENCE_CARD
from tests.contracts.test_spec_examples import numbers, rows

PAGE, HEADING = "settlement-dispute", "Worked example"


def test_the_challenges_of_the_page():
    card = msgspec.structs.replace(REFERENCE_CARD, task_wei=1_000)
    own = Disputed(card=card, penalty=501)
    session = own.open(amount=5_000)
    terms = Terms(agreement_threshold_bps=0).pack()
    receipts = [own.receipt(session, terms=terms, usage=0, charge=1_100) for _ in range(3)]
    assert own.price(receipts[0]) == 1_000
    leaves = own.settled(*(Draft(r, i, 1_100 * i) for i, r in enumerate(receipts, start=1)))
    steps = [row for row in rows(PAGE, HEADING) if row[0] == "challenge_charge"]
    assert len(steps) == 2
    for leaf, (_, *cells) in zip(leaves[1:], steps, strict=True):
        before = own.holdings(BURN_ADDRESS, own.challenger)
        own.dispute.challenge_charge(leaf, sender=own.challenger)
        event = events(own.dispute, "FraudProven")[0]
        after = own.holdings(BURN_ADDRESS, own.challenger)
        paid = [now - was for now, was in zip(after, before, strict=True)]
        found = [event["excess"], event["refunded"], event["penalty"], *paid]
        assert found == [int(cell) for cell in cells]
    result = numbers(PAGE, HEADING)
    facts = own.payment.session(session)
    assert facts.settled == result["settled"]
    assert own.payment.router(1)[1] == result["pending"]
    assert facts.deposit == result["deposit"]
    assert own.payment.withdraw(session, sender=own.payer) == result["withdrawn"]
