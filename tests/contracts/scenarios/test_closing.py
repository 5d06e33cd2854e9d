# SPDX-License-Identifier: Apache-2.0
"""Games around the end of a session: late settlement, griefing, dodging what is owed."""

from __future__ import annotations

import boa

from tests.contracts.events import events
from tests.contracts.protocol import (
    COR,
    SETTLE_WINDOW_SECONDS,
    travel,
    travel_to,
)


def test_settling_after_the_payer_left(protocol, payment, cor):
    session = protocol.open(amount=COR)
    payment.request_close(session, sender=protocol.payer)
    travel(SETTLE_WINDOW_SECONDS + 1)
    payment.withdraw(session, sender=protocol.payer)
    assert protocol.settle((session, COR)) == 0
    assert events(payment, "SettlementSkipped")[0]["reason"] == "session closed"
    assert cor.balanceOf(payment) == protocol.owed() == 0


def test_inv_p5_settling_again_and_again_never_moves_the_end(protocol, payment):
    session = protocol.open(amount=COR)
    payment.request_close(session, sender=protocol.payer)
    at = payment.withdrawable_at(session)
    last = protocol.batch((session, 5))
    for step in range(1, 6):
        travel(SETTLE_WINDOW_SECONDS // 6)
        protocol.settle((session, step))
        payment.settle(last, sender=protocol.settler)
        assert payment.withdrawable_at(session) == at
    travel_to(at)
    assert payment.withdraw(session, sender=protocol.payer) == COR - 5


def test_a_stranger_cannot_close_a_session_early(protocol, payment):
    session = protocol.open()
    with boa.reverts("session: caller is not the payer"):
        payment.request_close(session, sender=protocol.stranger)
    with boa.reverts("session: settle window open"):
        payment.withdraw(session, sender=protocol.stranger)


def test_a_stranger_cannot_keep_a_session_open_by_topping_it_up(protocol, payment):
    session = protocol.open(amount=COR)
    at = payment.withdrawable_at(session)
    payment.top_up(session, 1, sender=protocol.other_payer)
    assert payment.withdrawable_at(session) == at
    payment.request_close(session, sender=protocol.payer)
    with boa.reverts("session: not open"):
        payment.top_up(session, 1, sender=protocol.other_payer)
    travel(SETTLE_WINDOW_SECONDS + 1)
    # Whoever topped it up gave the money to the payer.
    assert payment.withdraw(session, sender=protocol.payer) == COR + 1


def test_closing_does_not_dodge_what_is_owed(protocol, payment):
    session = protocol.open(amount=COR)
    payment.request_close(session, sender=protocol.payer)
    assert protocol.settle((session, COR)) == COR
    travel(SETTLE_WINDOW_SECONDS + 1)
    with boa.reverts("session: nothing to withdraw"):
        payment.withdraw(session, sender=protocol.payer)
