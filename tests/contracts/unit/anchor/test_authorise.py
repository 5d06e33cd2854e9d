# SPDX-License-Identifier: Apache-2.0
"""ReceiptAnchor.authorise and is_authorised: who may write in an anchorer's log."""

from __future__ import annotations

import boa

from tests.contracts.events import assert_event
from tests.contracts.protocol import ZERO_ADDRESS, ZERO_WORD, word
from tests.contracts.unit.anchor.test_anchor import genesis


def test_allows_and_stops_a_caller(protocol, anchor):
    payer, stranger = protocol.payer, protocol.stranger
    assert not anchor.is_authorised(payer, stranger)
    anchor.authorise(stranger, True, sender=payer)
    assert_event(anchor, "CallerAuthorised", anchorer=payer, caller=stranger, is_allowed=True)
    assert anchor.is_authorised(payer, stranger)
    assert not anchor.is_authorised(stranger, payer)
    anchor.authorise(stranger, False, sender=payer)
    assert_event(anchor, "CallerAuthorised", anchorer=payer, caller=stranger, is_allowed=False)
    assert not anchor.is_authorised(payer, stranger)


def test_writes_the_genesis_once(protocol, anchor):
    payer = protocol.payer
    assert anchor.head(payer) == ZERO_WORD
    anchor.authorise(protocol.stranger, True, sender=payer)
    assert anchor.head(payer) == word(genesis(anchor, payer))
    head = anchor.anchor(word(5), 1, "", sender=payer)
    anchor.authorise(protocol.stranger, False, sender=payer)
    assert anchor.head(payer) == head


def test_genesis_is_the_same_with_and_without_it(protocol, anchor):
    with boa.env.anchor():
        direct = anchor.anchor(word(5), 1, "", sender=protocol.payer)
    anchor.authorise(protocol.stranger, True, sender=protocol.payer)
    assert anchor.anchor(word(5), 1, "", sender=protocol.payer) == direct


def test_refuses_nobody(protocol, anchor):
    with boa.reverts("anchor: zero caller"):
        anchor.authorise(ZERO_ADDRESS, True, sender=protocol.payer)
