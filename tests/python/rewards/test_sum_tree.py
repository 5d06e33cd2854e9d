# SPDX-License-Identifier: Apache-2.0
"""The sum tree: against a naive one, its proofs, runs, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.errors import InvalidInput
from cortensor.receipts.keccak import keccak256
from cortensor.rewards import Leaf, Proof, SumTree, lead_to, run_entry, verify
from tests.python.rewards.strategies import LEAVES


def words(*values: int | bytes) -> bytes:
    return b"".join(
        value if isinstance(value, bytes) else value.to_bytes(32, "big") for value in values
    )


def naive(leaves: list[Leaf]) -> tuple[bytes, int]:
    nodes = [(keccak256(words(o, keccak256(words(n, f, t)), s)), s) for o, n, f, t, s in leaves]
    while len(nodes) & (len(nodes) - 1):
        nodes.append((bytes(32), 0))
    while len(nodes) > 1:
        nodes = [
            (keccak256(words(a, x, b, y)), x + y)
            for (a, x), (b, y) in zip(nodes[::2], nodes[1::2], strict=True)
        ]
    return nodes[0]


@pytest.mark.fuzz
@given(LEAVES)
def test_the_root_is_that_of_a_tree_built_the_plain_way(leaves: list[Leaf]) -> None:
    tree = SumTree(leaves)
    assert (tree.root, tree.sums) == naive(leaves)
    mask = (1 << 128) - 1
    assert tree.sums & mask == sum(leaf.sums & mask for leaf in leaves)
    assert tree.sums >> 128 == sum(leaf.sums >> 128 for leaf in leaves)


@pytest.mark.fuzz
@given(LEAVES, st.data())
def test_every_leaf_and_the_edge_are_proven(leaves: list[Leaf], data: st.DataObject) -> None:
    tree = SumTree(leaves)
    all_proofs = list(tree.proofs())
    assert len(all_proofs) == len(leaves)
    for index, leaf in enumerate(leaves):
        proof = tree.proof(index)
        assert b"".join(proof.siblings) == all_proofs[index]
        assert verify(tree.root, tree.sums, leaf.entry(), proof)
    if len(leaves) < 1 << tree.depth:
        assert verify(tree.root, tree.sums, bytes(64), tree.proof(len(leaves)))
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = tree.proof(index)
    changed = leaves[index]._replace(sums=leaves[index].sums ^ 1)
    assert not verify(tree.root, tree.sums, changed.entry(), proof)
    assert not verify(tree.root, tree.sums ^ 1, leaves[index].entry(), proof)
    beyond = proof._replace(place=proof.place + (1 << tree.depth))
    assert not verify(tree.root, tree.sums, leaves[index].entry(), beyond)


@pytest.mark.fuzz
@given(LEAVES)
def test_every_aligned_run_is_proven_the_last_one_filled_with_padding(leaves: list[Leaf]) -> None:
    tree = SumTree(leaves)
    for depth in range(tree.depth + 1):
        size = 1 << depth
        for number in range(-(-len(leaves) // size)):
            entry = run_entry(leaves[number * size : (number + 1) * size], depth)
            assert entry == tree.entry(depth, number)
            assert verify(tree.root, tree.sums, entry, tree.proof(number, depth))


def leaf(operator: int, node: int, sums: int = 0) -> Leaf:
    return Leaf(operator, node, 0, 0, sums)


@pytest.mark.parametrize(
    ("leaves", "field"),
    [
        ([leaf(1, 2), leaf(1, 1)], "leaves[1]"),
        ([leaf(1, 2), leaf(1, 2)], "leaves[1]"),
        ([leaf(2, 1), leaf(1, 2)], "leaves[1]"),
        ([leaf(1, 2**160)], "leaves[0]"),
        ([leaf(1, 1), leaf(1, 2, 2**256)], "sums.score"),
        ([Leaf(1, 1, 2**256, 0, 0)], "leaves[0]"),
        ([leaf(1, 1, 2**127), leaf(1, 2, 2**127)], "sums.amount"),
        ([leaf(1, 1, 2**255), leaf(1, 2, 2**255)], "sums.score"),
    ],
)
def test_what_is_no_tree_is_refused(leaves: list[Leaf], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        SumTree(leaves)
    assert caught.value.field == field


def test_no_leaf_at_all_is_a_tree_of_one_empty_leaf() -> None:
    tree = SumTree([])
    assert (tree.root, tree.sums, tree.depth) == (bytes(32), 0, 0)
    assert verify(tree.root, 0, bytes(64), tree.proof(0))
    assert list(tree.proofs()) == []
    assert tree.seal == keccak256(bytes(96))


def test_a_seal_is_of_root_sums_and_depth() -> None:
    tree = SumTree([leaf(1, n, 7) for n in range(1, 4)])
    assert tree.seal == keccak256(words(tree.root, 21, 2))


def test_more_leaves_than_the_contract_has_depth_for_are_refused() -> None:
    class Many(list[Leaf]):
        def __len__(self) -> int:
            return (1 << 24) + 1

    with pytest.raises(InvalidInput, match=r"at most 2\*\*24"):
        SumTree(Many())


def test_outside_the_tree_is_no_proof() -> None:
    tree = SumTree([leaf(1, 1), leaf(1, 2), leaf(1, 3)])
    for index, depth in ((4, 0), (-1, 0), (2, 1), (0, 3), (0, -1)):
        with pytest.raises(InvalidInput, match="outside the tree"):
            tree.proof(index, depth)
    for leaves in ([], [leaf(1, 1)] * 3):
        with pytest.raises(InvalidInput, match="must be 1 to 2 leaves"):
            run_entry(leaves, 1)


def test_sums_that_overflow_a_half_on_the_way_prove_nothing() -> None:
    big = bytes(32) + (2**128 - 1).to_bytes(32, "big")
    one = bytes(32) + (1).to_bytes(32, "big")
    with pytest.raises(InvalidInput, match="128 bits"):
        lead_to(big, Proof(0, (one,)))


def test_a_proof_reads_as_the_contract_takes_it() -> None:
    tree = SumTree([leaf(1, 1, 5), leaf(1, 2, 7)])
    assert tree.proof(0).pairs() == [(leaf(1, 2, 7).hash(), 7)]
