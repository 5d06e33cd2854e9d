# SPDX-License-Identifier: Apache-2.0
"""Vouchers used late, twice, out of order, or for another session."""

from __future__ import annotations

import pytest

from tests.contracts.events import events
from tests.contracts.protocol import COR, VoucherBatch, item, travel_to
from tests.contracts.signing import account, compact

KEY = account("session key")


@pytest.fixture
def session(protocol):
    return protocol.open(funding=1, session_key=KEY.address)


def settle(protocol, session, total, signature):
    vouchers = [(item(session, total), *signature)]
    batch = VoucherBatch(1, 1, protocol.unique(), 1, "", vouchers)
    return protocol.payment.settle_vouchers(batch, sender=protocol.settler)


def signed(payment, session, total):
    return compact(KEY, payment.hash_voucher(session, total))


def test_an_older_total_after_a_newer_one_moves_nothing(protocol, payment, session):
    assert settle(protocol, session, 9, signed(payment, session, 9)) == 9
    assert settle(protocol, session, 5, signed(payment, session, 5)) == 0
    assert settle(protocol, session, 9, signed(payment, session, 9)) == 0
    assert payment.session(session).settled == 9


def test_a_voucher_is_for_one_session(protocol, payment, session):
    other = protocol.open(funding=1, session_key=KEY.address)
    assert settle(protocol, other, 9, signed(payment, session, 9)) == 0
    assert events(payment, "SettlementSkipped")[0]["reason"] == "wrong voucher signer"


def test_a_voucher_is_worth_nothing_after_the_window(protocol, payment, session):
    """The router redeems in time; the payer is not held by what it forgot."""
    signature = signed(payment, session, COR)
    travel_to(payment.withdrawable_at(session))
    assert settle(protocol, session, COR, signature) == 0
    assert payment.withdraw(session, sender=protocol.payer) == 100 * COR


def test_a_voucher_above_the_deposit_waits_for_a_top_up(protocol, payment, session):
    signature = signed(payment, session, 101 * COR)
    assert settle(protocol, session, 101 * COR, signature) == 0
    assert events(payment, "SettlementSkipped")[0]["reason"] == "total exceeds deposit"
    payment.top_up(session, COR, sender=protocol.payer)
    assert settle(protocol, session, 101 * COR, signature) == 101 * COR
