# SPDX-License-Identifier: Apache-2.0
"""ReceiptAnchor.anchor_event: a batch that is in the head and an event, and nowhere else."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.protocol import ZERO_WORD, travel, word
from tests.contracts.unit.anchor.test_anchor import appended, genesis

ROOT = word(0xB0B)


def test_tells_and_moves_the_head(protocol, anchor):
    head = anchor.anchor_event(ROOT, 3, "ipfs://x", sender=protocol.stranger)
    assert_event(
        anchor,
        "BatchTold",
        anchorer=protocol.stranger,
        root=ROOT,
        head=head,
        count=3,
        uri="ipfs://x",
    )
    start = genesis(anchor, protocol.stranger)
    assert head == word(appended(start, ROOT, 3, boa.env.timestamp, "ipfs://x"))
    assert anchor.head(protocol.stranger) == head
    assert anchor.head(protocol.payer) == ZERO_WORD


def test_what_is_told_is_not_anchored(protocol, anchor):
    anchor.anchor_event(ROOT, 1, "", sender=protocol.stranger)
    assert anchor.batch(protocol.stranger, ROOT) == (0, 0, 0)
    assert not anchor.is_anchored(protocol.stranger, ROOT, [], ROOT)


def test_inv_a2_both_ways_share_one_chain(protocol, anchor):
    sender = protocol.stranger
    heads = [
        anchor.anchor_event(ROOT, 1, "", sender=sender),
        anchor.anchor(ROOT, 1, "", sender=sender),
        anchor.anchor_event(ROOT, 1, "", sender=sender),
    ]
    assert [int.from_bytes(head, "big") >> 208 for head in heads] == [1, 2, 3]
    # The number of a stored batch counts those that were only told.
    assert anchor.batch(sender, ROOT)[2] == 2
    travel(1)
    # Stored once, told as often as one likes.
    with boa.reverts("anchor: root already anchored"):
        anchor.anchor(ROOT, 1, "", sender=sender)


@pytest.mark.parametrize(
    ("root", "count", "reason"),
    [
        (ZERO_WORD, 1, "anchor: zero root"),
        (ROOT, 0, "anchor: empty batch"),
        (ROOT, 2**64, "anchor: count exceeds uint64"),
    ],
)
def test_refuses_what_is_no_batch(protocol, anchor, root, count, reason):
    with boa.reverts(reason):
        anchor.anchor_event(root, count, "", sender=protocol.stranger)
    assert anchor.head(protocol.stranger) == ZERO_WORD
