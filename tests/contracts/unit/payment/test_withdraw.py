# SPDX-License-Identifier: Apache-2.0
"""SessionPayment.withdraw: what is left goes back, whoever calls, whatever is paused."""

from __future__ import annotations

import boa

from tests.contracts.events import assert_event
from tests.contracts.protocol import (
    COR,
    LIFE_SECONDS,
    PURSE,
    SETTLE_WINDOW_SECONDS,
    travel,
    travel_to,
)


def test_pays_the_payer_what_is_left(protocol, payment, cor):
    session = protocol.open(amount=COR)
    protocol.settle((session, 300))
    before = payment.session(session)
    travel(LIFE_SECONDS + SETTLE_WINDOW_SECONDS + 1)
    assert payment.withdraw(session, sender=protocol.stranger) == COR - 300
    assert_event(payment, "SessionClosed", session=session, payer=protocol.payer, refund=COR - 300)
    assert payment.session(session) == before._replace(deposit=300, state=3)
    assert cor.balanceOf(protocol.payer) == PURSE - 300
    assert cor.balanceOf(protocol.stranger) == 0
    assert cor.balanceOf(payment) == 300 == protocol.owed()


def test_inv_p5_not_before_the_window_after_the_expiry_is_over(protocol, payment):
    session = protocol.open()
    at = payment.withdrawable_at(session)
    assert at == payment.session(session).expiry + SETTLE_WINDOW_SECONDS + 1
    travel_to(at - 1)
    with boa.reverts("session: settle window open"):
        payment.withdraw(session, sender=protocol.payer)
    travel_to(at)
    assert payment.withdraw(session, sender=protocol.payer) == 100 * COR


def test_inv_p5_request_close_shortens_the_wait(protocol, payment):
    session = protocol.open()
    payment.request_close(session, sender=protocol.payer)
    assert payment.withdrawable_at(session) == boa.env.timestamp + SETTLE_WINDOW_SECONDS + 1
    travel(SETTLE_WINDOW_SECONDS)
    with boa.reverts("session: settle window open"):
        payment.withdraw(session, sender=protocol.payer)
    travel(1)
    assert payment.withdraw(session, sender=protocol.payer) == 100 * COR


def test_once(protocol, payment):
    session = protocol.open()
    travel_to(payment.withdrawable_at(session))
    payment.withdraw(session, sender=protocol.payer)
    with boa.reverts("session: nothing to withdraw"):
        payment.withdraw(session, sender=protocol.payer)


def test_a_session_spent_whole_has_nothing_left(protocol, payment):
    session = protocol.open(amount=COR)
    protocol.settle((session, COR))
    travel_to(payment.withdrawable_at(session))
    with boa.reverts("session: nothing to withdraw"):
        payment.withdraw(session, sender=protocol.payer)


def test_refuses_sessions_that_never_were(protocol, payment):
    with boa.reverts("session: unknown"):
        payment.withdraw(12_345, sender=protocol.payer)


def test_works_while_everything_is_paused(protocol, payment):
    session = protocol.open()
    payment.set_pause(True, True, sender=protocol.guardian)
    travel_to(payment.withdrawable_at(session))
    assert payment.withdraw(session, sender=protocol.payer) == 100 * COR
