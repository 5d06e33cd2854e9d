# SPDX-License-Identifier: Apache-2.0
"""A router hands its caller one receipt and anchors another under the same id."""

from __future__ import annotations

import pytest

from tests.contracts.disputes import PENALTY, Disputed, Draft
from tests.contracts.protocol import COR


@pytest.fixture(scope="module")
def own():
    return Disputed()


def test_the_struct_in_the_callers_hand_disproves_the_leaf(own):
    session = own.open()
    told = own.receipt(session)
    fields = {name: getattr(told, name) for name in told.__struct_fields__}
    # More units, so that the table's price for the leaf is its charge.
    usage = told.usage + 50_000
    anchored = own.receipt(**(fields | {"usage": usage, "charge": 0}))
    anchored = own.receipt(**(fields | {"usage": usage, "charge": own.price(anchored)}))
    assert own.dispute.rightful_charge(anchored.abi_tuple()) == anchored.charge > told.charge
    leaf = own.settled(Draft(anchored, 1, anchored.charge))[0]
    bond = own.bonded()
    own.dispute.challenge_signed(leaf, told.abi_tuple(), own.signature(told), sender=own.challenger)
    assert own.dispute.refunded(session) == anchored.charge - told.charge
    assert own.bonded() == bond - PENALTY


def test_a_leaf_that_changes_only_what_it_says_of_the_work_is_fraud_too(own):
    session = own.open()
    told = own.receipt(session, outcome=3, charge=COR // 100)
    fields = {name: getattr(told, name) for name in told.__struct_fields__}
    leaf = own.settled(Draft(own.receipt(**(fields | {"outcome": 2})), 1, told.charge))[0]
    bond = own.bonded()
    own.dispute.challenge_signed(leaf, told.abi_tuple(), own.signature(told), sender=own.challenger)
    assert own.dispute.refunded(session) == 0
    assert own.bonded() == bond - PENALTY
