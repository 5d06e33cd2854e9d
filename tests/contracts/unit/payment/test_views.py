# SPDX-License-Identifier: Apache-2.0
"""The views of SessionPayment that no other file is about."""

from __future__ import annotations

import boa

from tests.contracts.protocol import SETTLE_WINDOW_SECONDS, ZERO_ADDRESS


def test_a_session_that_never_was_is_all_zero(payment):
    facts = payment.session(12_345)
    assert facts.payer == ZERO_ADDRESS
    assert set(facts[1:]) == {0}


def test_session_id_of_routers(protocol, payment):
    salt = protocol.unique()
    last = payment.session_id(protocol.payer, 2**32 - 1, salt)
    assert last >> 128 == 2**32 - 1
    assert last % 2**128 == payment.session_id(protocol.payer, 1, salt) % 2**128
    with boa.reverts("payment: router id over uint32"):
        payment.session_id(protocol.payer, 2**32, salt)


def test_withdrawable_at(protocol, payment):
    session = protocol.open(expiry=boa.env.timestamp + 7)
    assert payment.withdrawable_at(session) == boa.env.timestamp + 7 + SETTLE_WINDOW_SECONDS + 1
    with boa.reverts("payment: unknown session"):
        payment.withdrawable_at(session + 1)
