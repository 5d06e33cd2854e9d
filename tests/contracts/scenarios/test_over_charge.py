# SPDX-License-Identifier: Apache-2.0
"""A router charges more than the card says, for one task or for all."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.disputes import PENALTY, Disputed, Draft
from tests.contracts.protocol import COR, release_all, travel


@pytest.fixture(scope="module")
def own():
    return Disputed()


def test_every_overcharge_of_a_session_is_refunded_to_the_payer(own):
    session = own.open()
    leaves = own.worked(session, 4, over=COR)
    for leaf in leaves:
        own.dispute.challenge_charge(leaf, sender=own.challenger)
    settled = own.payment.session(session).settled
    assert own.dispute.refunded(session) == 4 * COR
    before = own.cor.balanceOf(own.payer)
    own.payment.withdraw(session, sender=own.payer)
    # The payer has paid what the table says, to the wei.
    assert own.cor.balanceOf(own.payer) - before == 100 * COR - settled + 4 * COR
    assert settled - 4 * COR == 4 * own.receipt(session).charge
    # What is left is the nodes', and no more than that.
    assert release_all(own) == settled - 4 * COR


def test_a_charge_that_empties_the_deposit_is_refunded_from_the_bond_after_release(own):
    session = own.open()
    leaf = own.settled(Draft(own.receipt(session, charge=100 * COR), 1, 100 * COR))[0]
    bond = own.bonded()
    release_all(own)
    for pot in range(3):
        own.payment.pay_pot(pot, sender=own.stranger)
    own.dispute.challenge_charge(leaf, sender=own.challenger)
    rest = 100 * COR - own.receipt(session).charge
    assert own.bonded() == bond - rest - PENALTY
    assert own.payment.withdraw(session, sender=own.stranger) == rest


def test_an_overcharge_hidden_in_the_claimed_terms_shows(own):
    """A lower volume tier, another card and a wider surcharge cap in the receipt change nothing."""
    own.table.post_surcharge(500, sender=own.oracle)
    travel(1)
    session = own.open(volume_tier=3, surcharge_cap_bps=0)
    receipt = own.receipt(session, surcharge_epoch=1)
    leaf = own.settled(Draft(receipt, 1, receipt.charge))[0]
    rightful = own.dispute.rightful_charge(receipt.abi_tuple())
    assert rightful < receipt.charge
    own.dispute.challenge_charge(leaf, sender=own.challenger)
    assert own.dispute.refunded(session) == receipt.charge - rightful
    assert boa.env.timestamp >= own.payment.withdrawable_at(session)
