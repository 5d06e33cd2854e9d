# SPDX-License-Identifier: Apache-2.0
"""SessionPayment.pay_pot and set_pot_recipient: where released money goes."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.protocol import (
    TREASURY,
    VALIDATORS,
    ZERO_ADDRESS,
    release_all,
)


def test_anyone_pays_a_pot_to_its_recipient(protocol, payment, cor):
    protocol.settle((protocol.open(), 10_000))
    release_all(protocol)
    recipients = (protocol.nodes, protocol.validators, protocol.treasury)
    for pot, (recipient, amount) in enumerate(zip(recipients, (7_000, 2_000, 1_000), strict=True)):
        assert payment.pot(pot) == (amount, recipient)
        assert payment.pay_pot(pot, sender=protocol.stranger) == amount
        assert_event(payment, "PotPaid", pot=pot, recipient=recipient, amount=amount)
        assert cor.balanceOf(recipient) == amount
        assert payment.pot(pot) == (0, recipient)
    assert protocol.owed() == 0


def test_refuses_an_empty_pot(protocol, payment):
    protocol.settle((protocol.open(), 1))
    release_all(protocol)
    with boa.reverts("pot: is empty"):
        payment.pay_pot(VALIDATORS, sender=protocol.stranger)
    assert payment.pay_pot(TREASURY, sender=protocol.stranger) == 1


def test_refuses_a_pot_without_recipient(protocol):
    payment = protocol.twin()
    with boa.reverts("pot: has no recipient"):
        payment.pay_pot(TREASURY, sender=protocol.stranger)
    payment.set_pot_recipient(TREASURY, protocol.stranger, sender=protocol.owner)
    with boa.reverts("pot: is empty"):
        payment.pay_pot(TREASURY, sender=protocol.stranger)


@pytest.mark.parametrize("pot", [3, 2**256 - 1])
def test_refuses_unknown_pots(protocol, payment, pot):
    with boa.reverts("pot: unknown"):
        payment.pay_pot(pot, sender=protocol.stranger)
    with boa.reverts("pot: unknown"):
        payment.pot(pot)
    with boa.reverts("pot: unknown"):
        payment.set_pot_recipient(pot, protocol.stranger, sender=protocol.owner)


def test_works_while_everything_is_paused(protocol, payment):
    protocol.settle((protocol.open(), 10))
    release_all(protocol)
    payment.set_pause(True, True, sender=protocol.owner)
    assert payment.pay_pot(TREASURY, sender=protocol.stranger) == 1


def test_owner_sets_the_recipient(protocol, payment, cor):
    payment.set_pot_recipient(TREASURY, protocol.stranger, sender=protocol.owner)
    assert_event(
        payment,
        "PotRecipientSet",
        pot=TREASURY,
        old_recipient=protocol.treasury,
        new_recipient=protocol.stranger,
    )
    protocol.settle((protocol.open(), 10))
    release_all(protocol)
    payment.pay_pot(TREASURY, sender=protocol.payer)
    assert cor.balanceOf(protocol.stranger) == 1
    assert cor.balanceOf(protocol.treasury) == 0


def test_only_the_owner_sets_recipients(protocol, payment):
    for sender in (protocol.guardian, protocol.treasury, protocol.settler):
        with boa.reverts("ownable: caller is not the owner"):
            payment.set_pot_recipient(TREASURY, sender, sender=sender)


def test_refuses_nobody_as_recipient(protocol, payment):
    with boa.reverts("pot: zero recipient"):
        payment.set_pot_recipient(TREASURY, ZERO_ADDRESS, sender=protocol.owner)
