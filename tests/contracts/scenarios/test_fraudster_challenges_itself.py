# SPDX-License-Identifier: Apache-2.0
"""A router proves its own fraud first: for the reward, or to shield the rest of it."""

from __future__ import annotations

import pytest

from tests.contracts.disputes import BURN_ADDRESS, PENALTY, Disputed, Draft, receipt_of
from tests.contracts.events import events
from tests.contracts.protocol import COR, travel_to


@pytest.fixture(scope="module")
def own():
    return Disputed()


def everything(own) -> int:
    """Return what the router and the payer it is itself have, bond included."""
    return sum(own.holdings(own.payer, own.settler, own.first_settler)) + own.bonded()


def test_inv_d6_it_loses_half_of_the_penalty(own):
    before = everything(own)
    session = own.open()
    leaf = own.worked(session, 1, over=9 * COR)[0]
    own.dispute.challenge_charge(leaf, sender=own.settler)
    own.payment.withdraw(session, sender=own.payer)
    price = own.receipt(session).charge
    assert everything(own) == before - price - PENALTY // 2
    assert own.cor.balanceOf(BURN_ADDRESS) == PENALTY // 2


def test_inv_d8_a_proof_without_excess_does_not_close_the_index(own):
    session = own.open()
    leaf = own.worked(session, 1, over=9 * COR)[0]
    told = receipt_of(leaf)
    fields = {name: getattr(told, name) for name in told.__struct_fields__}
    signed = own.receipt(**(fields | {"outcome": 3}))
    own.dispute.challenge_signed(
        leaf, signed.abi_tuple(), own.signature(signed), sender=own.settler
    )
    assert events(own.dispute, "FraudProven")[0]["excess"] == 0
    own.dispute.challenge_charge(leaf, sender=own.challenger)
    assert own.dispute.refunded(session) == 9 * COR


def test_a_router_that_demands_of_itself_and_is_silent_loses_too(own):
    before = everything(own)
    session = own.open()
    own.settled(Draft(own.receipt(session, charge=COR), 1, COR))
    own.dispute.demand(session, 0, sender=own.payer)
    travel_to(own.demand_of(session, 0).answer_by + 1)
    own.close(session, 0, sender=own.payer)
    own.payment.withdraw(session, sender=own.payer)
    assert everything(own) == before - PENALTY // 2
