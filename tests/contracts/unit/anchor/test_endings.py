# SPDX-License-Identifier: Apache-2.0
"""ReceiptAnchor.revoke, supersede and status: an anchorer takes back its word, once."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.protocol import ZERO_WORD, travel, word

RECEIPT, SUCCESSOR, THIRD = word(1), word(2), word(3)
ACTIVE, SUPERSEDED, REVOKED = range(3)
UNTOUCHED = (ACTIVE, 0, ZERO_WORD)


def test_revokes(protocol, anchor):
    anchor.revoke(RECEIPT, sender=protocol.settler)
    assert_event(anchor, "ReceiptRevoked", anchorer=protocol.settler, receipt_id=RECEIPT)
    now = boa.env.timestamp
    assert anchor.status(protocol.settler, RECEIPT) == (REVOKED, now, ZERO_WORD)
    assert anchor.status(protocol.other_settler, RECEIPT) == UNTOUCHED


def test_supersedes(protocol, anchor):
    anchor.supersede(RECEIPT, SUCCESSOR, sender=protocol.settler)
    assert_event(
        anchor,
        "ReceiptSuperseded",
        anchorer=protocol.settler,
        receipt_id=RECEIPT,
        successor=SUCCESSOR,
    )
    now = boa.env.timestamp
    assert anchor.status(protocol.settler, RECEIPT) == (SUPERSEDED, now, SUCCESSOR)
    assert anchor.status(protocol.settler, SUCCESSOR) == UNTOUCHED
    assert anchor.status(protocol.other_settler, RECEIPT) == UNTOUCHED


@pytest.mark.parametrize("is_revoked", [True, False])
def test_inv_a4_once_and_for_ever(protocol, anchor, is_revoked):
    if is_revoked:
        anchor.revoke(RECEIPT, sender=protocol.settler)
    else:
        anchor.supersede(RECEIPT, SUCCESSOR, sender=protocol.settler)
    facts = anchor.status(protocol.settler, RECEIPT)
    travel(1)
    with boa.reverts("anchor: receipt not active"):
        anchor.revoke(RECEIPT, sender=protocol.settler)
    for successor in (SUCCESSOR, THIRD):
        with boa.reverts("anchor: receipt not active"):
            anchor.supersede(RECEIPT, successor, sender=protocol.settler)
    # Another's word on the same id is its own matter.
    anchor.revoke(RECEIPT, sender=protocol.other_settler)
    assert anchor.status(protocol.settler, RECEIPT) == facts


def test_a_successor_has_a_successor(protocol, anchor):
    anchor.supersede(RECEIPT, SUCCESSOR, sender=protocol.settler)
    anchor.supersede(SUCCESSOR, THIRD, sender=protocol.settler)
    assert anchor.status(protocol.settler, RECEIPT)[2] == SUCCESSOR
    assert anchor.status(protocol.settler, SUCCESSOR)[2] == THIRD


def test_inv_a5_no_circle_closes(protocol, anchor):
    with boa.reverts("anchor: successor is itself"):
        anchor.supersede(RECEIPT, RECEIPT, sender=protocol.settler)
    anchor.supersede(RECEIPT, SUCCESSOR, sender=protocol.settler)
    anchor.supersede(SUCCESSOR, THIRD, sender=protocol.settler)
    for successor in (RECEIPT, SUCCESSOR):
        with boa.reverts("anchor: successor not active"):
            anchor.supersede(THIRD, successor, sender=protocol.settler)


def test_nothing_leads_to_a_revoked_receipt(protocol, anchor):
    anchor.revoke(SUCCESSOR, sender=protocol.settler)
    with boa.reverts("anchor: successor not active"):
        anchor.supersede(RECEIPT, SUCCESSOR, sender=protocol.settler)


def test_refuses_no_receipt(protocol, anchor):
    with boa.reverts("anchor: zero receipt id"):
        anchor.revoke(ZERO_WORD, sender=protocol.settler)
    with boa.reverts("anchor: zero receipt id"):
        anchor.supersede(ZERO_WORD, SUCCESSOR, sender=protocol.settler)
    with boa.reverts("anchor: zero successor"):
        anchor.supersede(RECEIPT, ZERO_WORD, sender=protocol.settler)


def test_a_leaf_stays_provable(protocol, anchor):
    anchor.anchor(word(9), 1, "", sender=protocol.settler)
    anchor.revoke(RECEIPT, sender=protocol.settler)
    assert anchor.is_anchored(protocol.settler, word(9), [], word(9))
