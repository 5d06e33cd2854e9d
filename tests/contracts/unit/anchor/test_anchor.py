# SPDX-License-Identifier: Apache-2.0
"""ReceiptAnchor.anchor: everyone's own log, and a head that chains over all a batch says."""

from __future__ import annotations

import boa
import pytest
from eth_abi import encode
from eth_utils import keccak

from tests.contracts.events import assert_event
from tests.contracts.protocol import CHAIN_ID, ZERO_WORD, travel, word

ROOT = word(0xA11CE)
U64 = 2**64 - 1
MASK = 2**208 - 1


def genesis(anchor, anchorer) -> int:
    """Return the head of an empty log, from the contract's documentation."""
    encoded = encode(["uint256", "address", "address"], [CHAIN_ID, anchor.address, anchorer])
    return int.from_bytes(keccak(encoded), "big") & MASK


def appended(head: int, root: bytes, count: int, timestamp: int, uri: str) -> int:
    """Return the head after one more batch, from the contract's documentation."""
    encoded = encode(
        ["uint256", "bytes32", "uint256", "uint256", "bytes32"],
        [head, root, count, timestamp, keccak(text=uri)],
    )
    number = (head >> 208) + 1
    return number << 208 | int.from_bytes(keccak(encoded), "big") & MASK


def test_anchors_in_the_senders_log(protocol, anchor):
    head = anchor.anchor(ROOT, 3, "ipfs://x", sender=protocol.stranger)
    assert_event(
        anchor,
        "BatchAnchored",
        anchorer=protocol.stranger,
        root=ROOT,
        head=head,
        count=3,
        uri="ipfs://x",
    )
    assert anchor.head(protocol.stranger) == head
    assert anchor.batch(protocol.stranger, ROOT) == (boa.env.timestamp, 3, 1)
    assert anchor.batch(protocol.payer, ROOT) == (0, 0, 0)
    assert anchor.head(protocol.payer) == ZERO_WORD


def test_head_chains_over_every_batch(protocol, anchor):
    head = genesis(anchor, protocol.stranger)
    for number, uri in enumerate(["", "https://example.org/1", "x" * 128], start=1):
        travel(7 * number)
        root = word(1_000 + number)
        head = appended(head, root, number, boa.env.timestamp, uri)
        returned = anchor.anchor(root, number, uri, sender=protocol.stranger)
        assert returned == word(head)
        assert anchor.head(protocol.stranger) == word(head)
        assert anchor.batch(protocol.stranger, root)[2] == number == head >> 208


def test_genesis_binds_the_anchorer(protocol, anchor):
    heads = {
        anchor.anchor(ROOT, 1, "", sender=sender) for sender in (protocol.payer, protocol.stranger)
    }
    assert len(heads) == 2


def test_inv_a1_a_root_is_anchored_once(protocol, anchor):
    anchor.anchor(ROOT, 3, "", sender=protocol.stranger)
    before = anchor.batch(protocol.stranger, ROOT), anchor.head(protocol.stranger)
    travel(1)
    with boa.reverts("anchor: root already anchored"):
        anchor.anchor(ROOT, 4, "", sender=protocol.stranger)
    assert (anchor.batch(protocol.stranger, ROOT), anchor.head(protocol.stranger)) == before
    # The same root is news in another's log.
    assert anchor.anchor(ROOT, 4, "", sender=protocol.payer)


@pytest.mark.parametrize(
    ("root", "count", "reason"),
    [
        (ZERO_WORD, 1, "anchor: zero root"),
        (ROOT, 0, "anchor: empty batch"),
        (ROOT, U64 + 1, "anchor: count exceeds uint64"),
    ],
)
def test_refuses_what_is_no_batch(protocol, anchor, root, count, reason):
    with boa.reverts(reason):
        anchor.anchor(root, count, "", sender=protocol.stranger)
    assert anchor.head(protocol.stranger) == ZERO_WORD


def test_count_of_uint64(protocol, anchor):
    anchor.anchor(ROOT, U64, "", sender=protocol.stranger)
    assert anchor.batch(protocol.stranger, ROOT) == (boa.env.timestamp, U64, 1)
