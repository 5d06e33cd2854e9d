# SPDX-License-Identifier: Apache-2.0
"""After a refund, a router sends the batch again, or a new one, to have the money back."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.disputes import Disputed, Draft
from tests.contracts.events import events
from tests.contracts.protocol import COR, item, release_all


@pytest.fixture(scope="module")
def own():
    return Disputed()


def test_nothing_that_is_sent_again_moves_what_was_refunded(own):
    session = own.open(amount=20 * COR)
    draft = Draft(own.receipt(session, charge=20 * COR), 1, 20 * COR)
    leaf = own.settled(draft)[0]
    own.dispute.challenge_charge(leaf, sender=own.challenger)
    refunded = own.dispute.refunded(session)
    items = [item(session, 20 * COR)]
    assert own.payment.settle((1, 1, leaf.root, 1, "", items), sender=own.settler) == 0
    # A new root and a higher total: the session is closed to settlement.
    assert own.settle((session, 20 * COR + refunded)) == 0
    assert events(own.payment, "SettlementSkipped")[0]["reason"] == "session closed"
    assert own.payment.withdraw(session, sender=own.payer) == refunded
    assert own.settle((session, 20 * COR + refunded)) == 0
    assert release_all(own) == 20 * COR - refunded


def test_a_proof_sent_again_refunds_nothing(own):
    session = own.open()
    draft = Draft(own.receipt(session, charge=20 * COR), 1, 20 * COR)
    leaf = own.settled(draft)[0]
    own.dispute.challenge_charge(leaf, sender=own.challenger)
    with boa.reverts("dispute: already proven"):
        own.dispute.challenge_charge(leaf, sender=own.challenger)
    # Nor does the same leaf in another batch.
    (again, _) = own.anchored(draft, Draft(own.receipt(session), 2, 21 * COR))
    with boa.reverts("dispute: already proven"):
        own.dispute.challenge_charge(again, sender=own.challenger)
