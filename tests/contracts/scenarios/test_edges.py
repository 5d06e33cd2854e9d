# SPDX-License-Identifier: Apache-2.0
"""Amounts of one wei and of a whole uint96; fields of the hot word side by side."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import events
from tests.contracts.protocol import (
    U96,
    Protocol,
    item,
    release_all,
    travel_to,
)


@pytest.fixture(scope="module")
def whole():
    """Return a protocol whose token is as large as an amount can be, all of it the payer's."""
    protocol = Protocol(supply=U96, bond=U96 // 2)
    cor = protocol.cor
    for holder in (protocol.deployer, protocol.other_payer):
        cor.transfer(protocol.payer, cor.balanceOf(holder), sender=holder)
    return protocol


def test_one_wei_goes_to_the_treasury(protocol, payment, cor):
    session = protocol.open(amount=1)
    assert protocol.settle((session, 1)) == 1
    assert release_all(protocol) == 1
    assert payment.pay_pot(2, sender=protocol.stranger) == 1
    assert cor.balanceOf(protocol.treasury) == 1
    for pot in (0, 1):
        with boa.reverts("pot: is empty"):
            payment.pay_pot(pot, sender=protocol.stranger)


def test_dust_settled_wei_by_wei_is_not_lost(protocol, payment, cor):
    session = protocol.open(amount=30)
    for total in range(1, 31):
        assert protocol.settle((session, total)) == 1
    assert release_all(protocol) == 30
    assert [payment.pot(pot)[0] for pot in range(3)] == [21, 6, 3]
    assert cor.balanceOf(payment) == 30


def test_the_whole_supply_in_one_session(whole):
    payment = whole.payment
    session = whole.open(amount=U96, expiry=2**40 - 1, volume_tier=3)
    assert payment.session(session)[2:9] == (U96, 0, 2**40 - 1, 1, 0, 3, 1)
    assert whole.settle((session, U96 - 1)) == U96 - 1
    assert payment.session(session)[2:9] == (U96, U96 - 1, 2**40 - 1, 1, 0, 3, 1)
    assert payment.router(1) == (whole.settler, U96 - 1)
    assert release_all(whole) == U96 - 1
    payment.request_close(session, sender=whole.payer)
    travel_to(payment.withdrawable_at(session))
    assert payment.withdraw(session, sender=whole.payer) == 1
    paid = sum(payment.pay_pot(pot, sender=whole.stranger) for pot in range(3))
    assert paid == U96 - 1
    assert whole.cor.balanceOf(payment) == 0


def test_the_largest_total_in_an_item_does_not_spill_into_the_session(protocol, payment):
    session = protocol.open()
    assert item(session, U96) >> 96 == session
    assert protocol.settle((session, U96)) == 0
    assert events(payment, "SettlementSkipped")[0]["cumulative"] == U96
    assert payment.session(session).settled == 0


def test_a_top_up_does_not_spill_into_the_settled_total(whole):
    session = whole.open(amount=1)
    whole.settle((session, 1))
    whole.payment.top_up(session, U96 - 1, sender=whole.payer)
    facts = whole.payment.session(session)
    assert (facts.deposit, facts.settled, facts.state) == (U96, 1, 1)


def test_unasked_tokens_change_nothing(protocol, payment, cor):
    session = protocol.open(amount=50)
    cor.transfer(payment, 1_000, sender=protocol.deployer)
    assert payment.session(session).deposit == 50
    assert protocol.owed() == 0
    travel_to(payment.withdrawable_at(session))
    assert payment.withdraw(session, sender=protocol.payer) == 50
    assert cor.balanceOf(payment) == 1_000
