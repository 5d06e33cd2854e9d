# SPDX-License-Identifier: Apache-2.0
"""Everyone but the payer is gone, or hostile: the payer still leaves with what was not spent."""

from __future__ import annotations

import boa

from tests.contracts.protocol import (
    COR,
    DELAY_SECONDS,
    LIFE_SECONDS,
    PURSE,
    REFERENCE_CARD,
    SETTLE_WINDOW_SECONDS,
    ZERO_ADDRESS,
    travel,
    travel_to,
)


def test_inv_p5_the_router_never_settles(protocol, payment, cor):
    sessions = [protocol.open(amount=COR * (i + 1)) for i in range(4)]
    travel(LIFE_SECONDS + SETTLE_WINDOW_SECONDS + 1)
    for session in sessions:
        payment.withdraw(session, sender=protocol.payer)
    assert cor.balanceOf(protocol.payer) == PURSE
    assert cor.balanceOf(payment) == 0


def test_inv_p5_the_payer_need_not_wait_for_the_expiry(protocol, payment, cor):
    session = protocol.open(expiry=2**40 - 1)
    payment.request_close(session, sender=protocol.payer)
    travel(SETTLE_WINDOW_SECONDS + 1)
    payment.withdraw(session, sender=protocol.payer)
    assert cor.balanceOf(protocol.payer) == PURSE


def test_inv_p5_the_owner_pauses_everything_and_replaces_everybody(protocol, table, payment, cor):
    session = protocol.open(amount=COR)
    protocol.settle((session, 10))
    payment.set_pause(True, True, sender=protocol.owner)
    payment.set_guardian(ZERO_ADDRESS, sender=protocol.owner)
    # What would let it settle the whole deposit to a pot of its own choice.
    with boa.reverts("router: caller is not settler"):
        payment.set_settler(1, protocol.owner, sender=protocol.owner)
    for pot in range(3):
        payment.set_pot_recipient(pot, protocol.stranger, sender=protocol.owner)
    table.publish(REFERENCE_CARD.abi_tuple(), sender=protocol.owner)
    travel(DELAY_SECONDS)
    payment.adopt_card(sender=protocol.owner)
    payment.transfer_ownership(protocol.stranger, sender=protocol.owner)
    payment.accept_ownership(sender=protocol.stranger)
    payment.request_close(session, sender=protocol.payer)
    travel(SETTLE_WINDOW_SECONDS + 1)
    assert payment.withdraw(session, sender=protocol.payer) == COR - 10
    assert cor.balanceOf(payment) == 10


def test_inv_p5_a_settler_that_stopped_anchoring_harms_itself_only(protocol, payment, anchor):
    session = protocol.open()
    anchor.authorise(payment, False, sender=protocol.settler)
    with boa.reverts("anchor: caller not authorised"):
        protocol.settle((session, 1))
    travel_to(payment.withdrawable_at(session))
    assert payment.withdraw(session, sender=protocol.payer) == 100 * COR
