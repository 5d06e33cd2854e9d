# SPDX-License-Identifier: Apache-2.0
"""ReceiptAnchor.anchor_for: an authorised contract writes for an anchorer, idempotently."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import events
from tests.contracts.protocol import ZERO_WORD, travel, word

ROOT = word(77)


def test_an_authorised_caller_writes_the_anchorers_log(protocol, anchor):
    payer, stranger = protocol.payer, protocol.stranger
    anchor.authorise(stranger, True, sender=payer)
    assert anchor.anchor_for(payer, ROOT, 2, "u", sender=stranger) is True
    [told] = events(anchor, "BatchAnchored")
    head = anchor.head(payer)
    assert told == {"anchorer": payer, "root": ROOT, "head": head, "count": 2, "uri": "u"}
    assert anchor.batch(payer, ROOT) == (boa.env.timestamp, 2, 1)
    assert anchor.batch(stranger, ROOT) == (0, 0, 0)


def test_inv_a3_nobody_else_does(protocol, anchor):
    for sender in (protocol.stranger, protocol.owner, protocol.deployer, protocol.payment.address):
        with boa.reverts("anchor: caller not authorised"):
            anchor.anchor_for(protocol.payer, ROOT, 2, "", sender=sender)
    # Not even an anchorer itself by this way: it has a function of its own.
    with boa.reverts("anchor: caller not authorised"):
        anchor.anchor_for(protocol.payer, ROOT, 2, "", sender=protocol.payer)
    assert anchor.head(protocol.payer) == ZERO_WORD


def test_inv_a3_a_stopped_caller_writes_no_more(protocol, anchor):
    anchor.authorise(protocol.stranger, True, sender=protocol.payer)
    anchor.anchor_for(protocol.payer, ROOT, 2, "", sender=protocol.stranger)
    anchor.authorise(protocol.stranger, False, sender=protocol.payer)
    with boa.reverts("anchor: caller not authorised"):
        anchor.anchor_for(protocol.payer, ROOT, 2, "", sender=protocol.stranger)


def test_inv_a2_a_repeated_root_changes_nothing(protocol, anchor):
    anchor.authorise(protocol.stranger, True, sender=protocol.payer)
    anchor.anchor_for(protocol.payer, ROOT, 2, "u", sender=protocol.stranger)
    head = anchor.head(protocol.payer)
    facts = anchor.batch(protocol.payer, ROOT)
    travel(60)
    assert anchor.anchor_for(protocol.payer, ROOT, 9, "other", sender=protocol.stranger) is False
    assert events(anchor, "BatchAnchored") == []
    assert anchor.head(protocol.payer) == head
    assert anchor.batch(protocol.payer, ROOT) == facts


@pytest.mark.parametrize(
    ("root", "count", "reason"),
    [
        (ZERO_WORD, 1, "anchor: zero root"),
        (ROOT, 0, "anchor: empty batch"),
        (ROOT, 2**64, "anchor: count exceeds uint64"),
    ],
)
def test_refuses_what_is_no_batch(protocol, anchor, root, count, reason):
    anchor.authorise(protocol.stranger, True, sender=protocol.payer)
    with boa.reverts(reason):
        anchor.anchor_for(protocol.payer, root, count, "", sender=protocol.stranger)
