# SPDX-License-Identifier: Apache-2.0
"""What looking at a posted tree takes: a count costs its proposer nothing."""

from __future__ import annotations

import tracemalloc

import pytest

from cortensor.chain.rewards import Header
from cortensor.epochs.packed_tree import Entry, HashIndex
from cortensor.epochs.tree_challenges import MOST_FAULTS, TreeLook
from cortensor.epochs.tree_file import encode, read_tree, rows_of
from cortensor.receipts.keccak import keccak256
from cortensor.rewards.sum_tree import Leaf

COUNT = 8_192
LEAVES = [
    Leaf(1 + index // 5, (1 << 159) + index, index * 7, index, index) for index in range(COUNT)
]
ROWS = rows_of(LEAVES)
TOP = ROWS[-1][0]
HEADER = Header(TOP.hashed, TOP.sums, COUNT, bytes(32), "")


@pytest.mark.parametrize("kind", ["right", "turned", "wrong"])
def test_a_tree_is_looked_at_in_little_memory_whatever_is_published(kind: str) -> None:
    leaves, rows = LEAVES, [*ROWS]
    if kind == "turned":  # nothing stands at its own place of the file
        leaves, rows[0] = LEAVES[::-1], [ROWS[0][-2], ROWS[0][-1], *ROWS[0][:-2]]
    if kind == "wrong":  # every node of the leaves' row has other sums than its leaf
        leaves = [leaf._replace(facts=0) for leaf in LEAVES]
        rows[0] = [entry._replace(sums=1) for entry in ROWS[0]]
    data = encode(leaves, None if kind == "right" else rows)
    tracemalloc.start()
    try:
        tree = read_tree(data, TOP.hashed, TOP.sums)
        look = TreeLook(HEADER, tree)
        standing = look.standing()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(data) / COUNT + peak / COUNT < 600
    assert look.faults == []
    if kind != "wrong":
        assert len(look.shown) == COUNT
        assert standing.leaves == LEAVES
        assert standing.proof(77) == look.standing().proof(77)
        assert standing.rows == ROWS


def test_so_many_proofs_of_wrong_nodes_are_kept() -> None:
    rows = [*ROWS]
    rows[0] = [entry._replace(sums=1) for entry in ROWS[0]]
    again = [rows[0]]
    sums = sum(entry.sums for entry in rows[0])
    for _ in range(COUNT.bit_length() - 1):
        again.append(_above(again[-1]))
    top = again[-1][0]
    assert top.sums == sums
    tree = read_tree(encode(LEAVES, again), top.hashed, top.sums)
    look = TreeLook(Header(top.hashed, top.sums, COUNT, bytes(32), ""), tree)
    assert len(look.faults) == MOST_FAULTS
    assert {fault.name for fault in look.faults} == {"challenge_leaf_sum"}
    assert list(look.shown) == [1]  # the one leaf whose sums are 1


def _above(row: list[Entry]) -> list[Entry]:
    pairs = zip(row[::2], row[1::2], strict=True)
    return [
        Entry(keccak256(left.to_bytes() + right.to_bytes()), left.sums + right.sums)
        for left, right in pairs
    ]


def test_an_index_of_hashes_finds_each_once() -> None:
    hashes = [bytes([number % 40]) * 32 for number in range(100)]
    index = HashIndex(len(hashes), hashes.__getitem__)
    assert [index.get(each) for each in hashes] == [number % 40 for number in range(100)]
    assert index.get(b"\xff" * 32) is None
    assert HashIndex(0, hashes.__getitem__).get(hashes[0]) is None
