# SPDX-License-Identifier: Apache-2.0
"""ReceiptAnchor.revoke and revocation: an anchorer takes back its word, once."""

from __future__ import annotations

import boa

from tests.contracts.events import assert_event
from tests.contracts.protocol import ZERO_WORD, travel, word

RECEIPT, SUCCESSOR = word(1), word(2)


def test_revokes_with_a_successor(protocol, anchor):
    anchor.revoke(RECEIPT, SUCCESSOR, sender=protocol.settler)
    assert_event(
        anchor,
        "ReceiptRevoked",
        anchorer=protocol.settler,
        receipt_id=RECEIPT,
        successor=SUCCESSOR,
    )
    assert anchor.revocation(protocol.settler, RECEIPT) == (boa.env.timestamp, SUCCESSOR)
    assert anchor.revocation(protocol.settler, SUCCESSOR) == (0, ZERO_WORD)
    assert anchor.revocation(protocol.other_settler, RECEIPT) == (0, ZERO_WORD)


def test_revokes_without_a_successor(protocol, anchor):
    anchor.revoke(RECEIPT, ZERO_WORD, sender=protocol.settler)
    assert anchor.revocation(protocol.settler, RECEIPT) == (boa.env.timestamp, ZERO_WORD)


def test_once_and_for_ever(protocol, anchor):
    anchor.revoke(RECEIPT, SUCCESSOR, sender=protocol.settler)
    facts = anchor.revocation(protocol.settler, RECEIPT)
    travel(1)
    for successor in (ZERO_WORD, word(3)):
        with boa.reverts("anchor: already revoked"):
            anchor.revoke(RECEIPT, successor, sender=protocol.settler)
    assert anchor.revocation(protocol.settler, RECEIPT) == facts


def test_refuses_no_receipt_and_a_circle(protocol, anchor):
    with boa.reverts("anchor: zero receipt id"):
        anchor.revoke(ZERO_WORD, SUCCESSOR, sender=protocol.settler)
    with boa.reverts("anchor: successor is itself"):
        anchor.revoke(RECEIPT, RECEIPT, sender=protocol.settler)


def test_a_revoked_leaf_stays_provable(protocol, anchor):
    anchor.anchor(word(9), 1, "", sender=protocol.settler)
    anchor.revoke(RECEIPT, ZERO_WORD, sender=protocol.settler)
    assert anchor.is_anchored(protocol.settler, word(9), [], word(9))
