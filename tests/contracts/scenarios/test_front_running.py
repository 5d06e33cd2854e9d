# SPDX-License-Identifier: Apache-2.0
"""Someone sees a payer's transaction coming."""

from __future__ import annotations

import boa

from tests.contracts.protocol import COR, ZERO_WORD, word


def test_opening_with_the_payers_salt_takes_another_id(protocol, payment):
    salt = protocol.unique()
    expected = payment.session_id(protocol.payer, 1, salt)
    taken = protocol.open(protocol.other_payer, salt=salt)
    assert taken != expected
    assert protocol.open(salt=salt) == expected
    assert payment.session(expected).payer == protocol.payer


def test_topping_up_before_the_payer_does_no_harm(protocol, payment):
    session = protocol.open(amount=COR)
    payment.top_up(session, 1, sender=protocol.other_payer)
    payment.top_up(session, COR, sender=protocol.payer)
    assert payment.session(session).deposit == 2 * COR + 1


def test_anchoring_a_settlers_root_first_does_not_stop_its_batch(protocol, payment, anchor):
    batch = protocol.batch((protocol.open(), 9))
    anchor.anchor(batch.root, 1, "", sender=protocol.stranger)
    assert payment.settle(batch, sender=protocol.settler) == 9
    assert anchor.batch(protocol.settler, batch.root)[2] == 1


def test_a_settler_that_anchored_the_root_itself_settles_under_another(protocol, payment, anchor):
    session = protocol.open()
    batch = protocol.batch((session, 9))
    anchor.anchor(batch.root, 1, "", sender=protocol.settler)
    assert payment.settle(batch, sender=protocol.settler) == 0
    assert protocol.settle((session, 9)) == 9


def test_adopting_a_card_before_a_payer_opens_refuses_the_old_price(protocol, table, payment):
    """The payer names the card, so nobody is opened under a price that was not agreed."""
    request = protocol.request()
    table.publish(table.card(1), sender=protocol.owner)
    boa.env.time_travel(seconds=table.PUBLICATION_DELAY_SECONDS())
    payment.adopt_card(sender=protocol.stranger)
    with boa.reverts("session: card not in effect"):
        payment.open(request, sender=protocol.payer)


def test_revoking_anothers_receipt_says_nothing_about_it(protocol, anchor):
    anchor.revoke(word(5), sender=protocol.stranger)
    assert anchor.status(protocol.settler, word(5)) == (0, 0, ZERO_WORD)
