# SPDX-License-Identifier: Apache-2.0
"""A router revokes a receipt before anybody challenges its charge."""

from __future__ import annotations

import pytest

from tests.contracts.disputes import ANSWER_SECONDS, Disputed, answer, receipt_of
from tests.contracts.protocol import COR, travel


@pytest.fixture(scope="module")
def own():
    return Disputed()


def test_inv_d9_a_revoked_and_superseded_receipt_is_refunded_all_the_same(own):
    session = own.open()
    leaf = own.worked(session, 1, over=COR)[0]
    own.anchor.supersede(receipt_of(leaf).receipt_id, own.unique(), sender=own.settler)
    own.dispute.challenge_charge(leaf, sender=own.challenger)
    assert own.dispute.refunded(session) == COR


def test_inv_d9_a_revoked_receipt_still_answers_a_demand(own):
    session = own.open()
    leaf = own.worked(session, 1)[0]
    own.anchor.revoke(receipt_of(leaf).receipt_id, sender=own.settler)
    own.dispute.demand(session, 1, sender=own.challenger)
    answer(own, leaf)
    travel(ANSWER_SECONDS)
    own.close(session, 1, sender=own.settler)
    assert own.dispute.refunded(session) == 0
