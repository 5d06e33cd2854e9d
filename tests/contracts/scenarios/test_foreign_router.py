# SPDX-License-Identifier: Apache-2.0
"""A router tries to be paid from the sessions of another router."""

from __future__ import annotations

import boa

from tests.contracts.protocol import COR, word


def test_inv_p3_a_batch_with_a_foreign_session_moves_nothing(protocol, payment, anchor):
    own = protocol.open(router_id=2)
    victim = protocol.open(protocol.other_payer, router_id=1)
    attack = protocol.batch((own, COR), (victim, COR), router_id=2)
    with boa.reverts("payment: other router's session"):
        payment.settle(attack, sender=protocol.other_settler)
    assert payment.session(own).settled == payment.session(victim).settled == 0
    assert anchor.batch(protocol.other_settler, attack.root) == (0, 0, 0)


def test_inv_p3_naming_the_other_router_does_not_help(protocol, payment):
    victim = protocol.open(router_id=1)
    with boa.reverts("router: caller is not settler"):
        payment.settle(protocol.batch((victim, COR), router_id=1), sender=protocol.other_settler)


def test_an_id_with_the_own_prefix_is_another_session(protocol, payment):
    victim = protocol.open(router_id=1)
    forged = 2 << 128 | victim % 2**128
    assert protocol.settle((forged, COR), router_id=2, sender=protocol.other_settler) == 0
    assert payment.session(victim).settled == 0


def test_a_replaced_settler_settles_no_more(protocol, payment):
    session = protocol.open()
    payment.set_settler(1, protocol.stranger, sender=protocol.settler)
    with boa.reverts("router: caller is not settler"):
        protocol.settle((session, COR), root=word(1))
