# SPDX-License-Identifier: Apache-2.0
"""SessionPayment.top_up: anyone adds to an open session."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.protocol import COR, PURSE, U96, Protocol, travel


def test_anyone_adds_to_a_deposit(protocol, payment, cor):
    session = protocol.open(amount=COR)
    protocol.settle((session, COR // 2))
    before = payment.session(session)
    payment.top_up(session, 7, sender=protocol.other_payer)
    assert_event(payment, "SessionToppedUp", session=session, sender=protocol.other_payer, amount=7)
    assert payment.session(session) == before._replace(deposit=COR + 7)
    assert cor.balanceOf(protocol.other_payer) == PURSE - 7
    assert cor.balanceOf(payment) == COR + 7


def test_refuses_nothing(protocol, payment):
    with boa.reverts("session: zero amount"):
        payment.top_up(protocol.open(), 0, sender=protocol.payer)


def test_refuses_sessions_that_are_not_open(protocol, payment):
    session = protocol.open()
    with boa.reverts("session: unknown"):
        payment.top_up(session + 1, 1, sender=protocol.payer)
    payment.request_close(session, sender=protocol.payer)
    with boa.reverts("session: not open"):
        payment.top_up(session, 1, sender=protocol.payer)


def test_until_the_expiry(protocol, payment):
    session = protocol.open(expiry=boa.env.timestamp + 10)
    travel(9)
    payment.top_up(session, 1, sender=protocol.payer)
    travel(1)
    with boa.reverts("session: expired"):
        payment.top_up(session, 1, sender=protocol.payer)


def test_a_pause_does_not_stop_it(protocol, payment):
    session = protocol.open()
    payment.set_pause(True, True, sender=protocol.guardian)
    payment.top_up(session, 1, sender=protocol.payer)
    assert payment.session(session).deposit == 100 * COR + 1


def test_stake_sessions_take_none(protocol, payment):
    session = protocol.open(funding=2, amount=0, salt=bytes(32))
    with boa.reverts("session: paid by stake"):
        payment.top_up(session, 1, sender=protocol.payer)


@pytest.mark.parametrize("amount", [U96 - 100 * COR + 1, 2**256 - 1])
def test_refuses_a_deposit_above_uint96(protocol, payment, amount):
    session = protocol.open()
    with boa.reverts("session: deposit exceeds uint96"):
        payment.top_up(session, amount, sender=protocol.payer)


def test_a_deposit_of_uint96(protocol):
    # A token whose whole supply is the largest deposit.
    whole = Protocol(supply=U96, bond=U96 // 2)
    spare = whole.cor.balanceOf(whole.deployer)
    whole.cor.transfer(whole.payer, spare, sender=whole.deployer)
    whole.cor.transfer(
        whole.payer, whole.cor.balanceOf(whole.other_payer), sender=whole.other_payer
    )
    session = whole.open(amount=COR)
    whole.payment.top_up(session, U96 - COR, sender=whole.payer)
    assert whole.payment.session(session).deposit == U96
    # The word's other fields are untouched, and the whole of it can be settled and withdrawn.
    assert whole.payment.session(session).settled == 0
    assert whole.payment.session(session).state == 1
    with boa.reverts("session: deposit exceeds uint96"):
        whole.payment.top_up(session, 1, sender=whole.payer)
    assert whole.settle((session, U96)) == U96
    assert whole.payment.router(1) == (whole.settler, U96)
    assert whole.payment.session(session).settled == U96
