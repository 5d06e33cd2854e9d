# SPDX-License-Identifier: Apache-2.0
"""The views of SessionPayment that no other file is about."""

from __future__ import annotations

import boa

from tests.contracts.protocol import SETTLE_WINDOW_SECONDS, ZERO_ADDRESS


def test_a_session_that_never_was_is_all_zero(payment):
    facts = payment.session(12_345)
    assert facts.payer == facts.session_key == ZERO_ADDRESS
    assert set(facts[2:]) == {0}


def test_session_id_of_routers(protocol, payment):
    salt = protocol.unique()
    last = payment.session_id(protocol.payer, 2**32 - 1, salt)
    assert last >> 128 == 2**32 - 1
    assert last % 2**128 == payment.session_id(protocol.payer, 1, salt) % 2**128
    with boa.reverts("session: router id over uint32"):
        payment.session_id(protocol.payer, 2**32, salt)


def test_withdrawable_at(protocol, payment):
    session = protocol.open(expiry=boa.env.timestamp + 7)
    assert payment.withdrawable_at(session) == boa.env.timestamp + 7 + SETTLE_WINDOW_SECONDS + 1
    with boa.reverts("session: unknown"):
        payment.withdrawable_at(session + 1)


def test_a_settler_of_once_is_remembered(protocol, payment):
    still = 2**256 - 1
    assert payment.settles_until(1, protocol.settler) == still
    assert payment.settles_until(2, protocol.settler) == 0
    assert payment.settles_until(1, protocol.stranger) == 0
    payment.set_settler(1, protocol.stranger, sender=protocol.settler)
    assert payment.settles_until(1, protocol.stranger) == still
    # What it anchored until then stays provable against the router.
    assert payment.settles_until(1, protocol.settler) == boa.env.timestamp
