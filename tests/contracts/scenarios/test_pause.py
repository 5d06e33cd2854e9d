# SPDX-License-Identifier: Apache-2.0
"""A guardian that pauses at the worst moment, or for ever."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.protocol import (
    BUCKET_SECONDS,
    COR,
    SETTLE_WINDOW_SECONDS,
    VoucherBatch,
    release_all,
    travel,
)


@pytest.fixture
def paused(protocol, payment):
    def pause():
        payment.set_pause(True, True, sender=protocol.guardian)

    return pause


def test_a_pause_during_a_close_does_not_hold_the_payer(protocol, payment, cor, paused):
    session = protocol.open(amount=COR)
    protocol.settle((session, 400))
    payment.request_close(session, sender=protocol.payer)
    paused()
    travel(SETTLE_WINDOW_SECONDS + 1)
    before = cor.balanceOf(protocol.payer)
    assert payment.withdraw(session, sender=protocol.stranger) == COR - 400
    assert cor.balanceOf(protocol.payer) == before + COR - 400


def test_a_pause_does_not_stop_a_close_nor_what_matured(protocol, payment, paused):
    session = protocol.open(amount=COR)
    protocol.settle((session, 1_000))
    paused()
    payment.request_close(session, sender=protocol.payer)
    assert release_all(protocol) == 1_000
    assert payment.pay_pot(0, sender=protocol.stranger) == 700


def test_a_pause_stops_every_way_in_and_every_settlement(protocol, payment, paused):
    session = protocol.open(amount=COR)
    paused()
    for funding in (0, 1, 2):
        with boa.reverts("session: opening paused"):
            protocol.open(funding=funding)
    with boa.reverts("session: opening paused"):
        payment.open_with_permit(
            protocol.request(), 0, 27, bytes(32), bytes(32), sender=protocol.payer
        )
    with boa.reverts("session: opening paused"):
        payment.open_with_authorization(
            protocol.payer, protocol.request(), 0, 0, 27, bytes(32), bytes(32)
        )
    with boa.reverts("payment: settlement paused"):
        protocol.settle((session, 1))
    with boa.reverts("payment: settlement paused"):
        payment.settle_vouchers(
            VoucherBatch(1, 1, protocol.unique(), 1, "", []), sender=protocol.settler
        )
    with boa.reverts("payment: settlement paused"):
        payment.settle_stake((1, 1, 0, protocol.unique(), 1, "", []), sender=protocol.settler)


def test_what_is_added_in_a_pause_can_be_taken_out(protocol, payment, paused):
    session = protocol.open(amount=COR)
    paused()
    payment.top_up(session, COR, sender=protocol.payer)
    payment.request_close(session, sender=protocol.payer)
    travel(SETTLE_WINDOW_SECONDS + 1)
    assert payment.withdraw(session, sender=protocol.payer) == 2 * COR


def test_disputes_work_in_a_pause(protocol, payment, paused):
    session = protocol.open(amount=COR)
    protocol.settle((session, 1_000))
    paused()
    bucket = boa.env.timestamp // BUCKET_SECONDS
    assert payment.hold(session, bucket, 10, sender=protocol.dispute) == 10
    payment.unhold(session, bucket, 10, sender=protocol.dispute)
    assert payment.refund(session, bucket, 10, sender=protocol.dispute) == 10
