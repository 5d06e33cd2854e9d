# SPDX-License-Identifier: Apache-2.0
"""ReceiptAnchor.is_anchored: proofs that the Python tree makes hold on chain, others do not."""

from __future__ import annotations

import random

import pytest
from eth_utils import keccak

from cortensor.receipts.merkle import StandardMerkleTree, hash_pair, receipt_leaf
from tests.contracts.protocol import ZERO_WORD, word


def leaves_of(count: int) -> list[bytes]:
    """Return the leaves of a batch of receipts."""
    return [receipt_leaf(keccak(word(i)), i + 1, 1_000 * (i + 1)) for i in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 33])
def test_every_leaf_of_a_batch_is_proven(protocol, anchor, count):
    leaves = leaves_of(count)
    tree = StandardMerkleTree(leaves)
    anchor.anchor(tree.root, count, "", sender=protocol.settler)
    for i, leaf in enumerate(leaves):
        assert anchor.is_anchored(protocol.settler, leaf, tree.proof(i), tree.root)


def test_wrong_proofs_prove_nothing(protocol, anchor):
    leaves = leaves_of(9)
    tree = StandardMerkleTree(leaves)
    anchor.anchor(tree.root, 9, "", sender=protocol.settler)
    proof = tree.proof(4)
    foreign = receipt_leaf(keccak(b"foreign"), 1, 1)
    for leaf, path in [
        (foreign, proof),
        (leaves[4], tree.proof(5)),
        (leaves[4], proof[:-1]),
        (leaves[4], [*proof, ZERO_WORD]),
        (leaves[4], []),
        (leaves[4], proof[::-1]),
        (tree.root, proof),
        (leaves[4], [bytes([proof[0][0] ^ 1]) + proof[0][1:], *proof[1:]]),
    ]:
        assert not anchor.is_anchored(protocol.settler, leaf, path, tree.root)


def test_a_proof_holds_only_in_the_log_it_is_in(protocol, anchor):
    leaves = leaves_of(4)
    tree = StandardMerkleTree(leaves)
    arguments = leaves[2], tree.proof(2), tree.root
    assert not anchor.is_anchored(protocol.settler, *arguments)
    anchor.anchor(tree.root, 4, "", sender=protocol.settler)
    assert anchor.is_anchored(protocol.settler, *arguments)
    assert not anchor.is_anchored(protocol.other_settler, *arguments)


def test_a_root_is_no_leaf_of_another_batch(protocol, anchor):
    tree = StandardMerkleTree(leaves_of(4))
    anchor.anchor(tree.root, 4, "", sender=protocol.settler)
    assert not anchor.is_anchored(protocol.settler, tree.root, [], word(1))


def test_proof_of_64_elements(protocol, anchor):
    source = random.Random(64)  # deterministic siblings
    leaf = leaves_of(1)[0]
    proof = [source.randbytes(32) for _ in range(64)]
    root = leaf
    for sibling in proof:
        root = hash_pair(root, sibling)
    anchor.anchor(root, 2**64 - 1, "", sender=protocol.settler)
    assert anchor.is_anchored(protocol.settler, leaf, proof, root)
    assert not anchor.is_anchored(protocol.settler, leaf, proof[:-1], root)
