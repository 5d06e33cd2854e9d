# SPDX-License-Identifier: Apache-2.0
"""Packed words of epochs come back as they went in; trees are hashed as the model hashes them."""

from __future__ import annotations

import boa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.packed_words import TIMES, WEI, library, property_of
from tests.contracts.rewards import plain_works
from tests.model.reward_tree_model import EMPTY, U128, Leaf, Sum, Tree, words

WORD = st.integers(0, 2**256 - 1)
HALF = st.integers(0, U128) | st.sampled_from((0, 1, U128, U128 // 2))

#: Where the fields of an epoch in flight begin, as the library says.
FLIGHT_AT = (0, 40, 48, 64, 160, 200, 240)

SOURCE = """
from contracts.interfaces import INodeReward
from contracts.lib import epoch_words as words
from contracts.lib import sum_tree

@external
@pure
def flight(epoch: uint256, state: uint256, version: uint256, budget: uint256, until: uint256,
           veto_at: uint256, is_veto_used: bool) -> uint256:
    return words._pack_flight(epoch, state, version, budget, until, veto_at, is_veto_used)

@external
@pure
def read(word: uint256) -> (uint256, uint256, uint256, uint256, uint256, uint256, bool):
    return (words._epoch(word), words._state(word), words._version(word), words._budget(word),
            words._until(word), words._veto_at(word), words._is_veto_used(word))

@external
@pure
def final(
    finalised_at: uint256, version: uint256, budget: uint256
) -> (uint256, uint256, uint256, uint256):
    word: uint256 = words._pack_final(finalised_at, version, budget)
    return word, words._finalised_at(word), words._final_version(word), words._final_budget(word)

@external
@pure
def depth(count: uint256) -> uint256:
    return sum_tree._depth(count)

@external
@pure
def is_sum(sums: uint256, left: uint256, right: uint256) -> bool:
    return sum_tree._is_sum(sums, left, right)

@external
@pure
def leaf(leaf: INodeReward.Leaf) -> bytes32:
    detail: bytes32 = sum_tree._detail(leaf.node, leaf.facts, leaf.tally)
    return sum_tree._leaf(leaf.operator, detail, leaf.sums)

@external
@pure
def climb(
    hashed: bytes32, sums: uint256, index: uint256, proof: DynArray[INodeReward.Sum, 24]
) -> (bytes32, uint256):
    return sum_tree._climb(hashed, sums, index, proof)

@external
@pure
def before(index: uint256, proof: DynArray[INodeReward.Sum, 24]) -> uint256:
    return sum_tree._before(index, proof)

@external
@pure
def is_in(
    seal: bytes32,
    leaf: bytes32,
    sums: uint256,
    index: uint256,
    proof: DynArray[INodeReward.Sum, 24],
) -> bool:
    return sum_tree._is_in(seal, leaf, sums, index, proof)
"""


@pytest.fixture(scope="module")
def shown():
    return library(SOURCE)


@pytest.mark.fuzz
@property_of(25)
@given(
    st.tuples(
        TIMES, st.integers(0, 255), st.integers(0, 2**16 - 1), WEI, TIMES, TIMES, st.booleans()
    )
)
def test_a_flight_comes_back(shown, fields):
    word = shown.flight(*fields)
    assert shown.read(word) == fields
    assert word == sum(field << at for field, at in zip(fields, FLIGHT_AT, strict=True))
    at, version, budget = max(fields[0], 1), fields[2], fields[3]
    assert shown.final(at, version, budget) == (
        at | version << 40 | budget << 56,
        at,
        version,
        budget,
    )


@pytest.mark.parametrize(
    ("count", "depth"), [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (2**17, 17), (2**24, 24)]
)
def test_the_depth_of_a_row(shown, count, depth):
    assert shown.depth(count) == depth


def test_no_row_is_deeper(shown):
    with boa.reverts("tree: too many leaves"):
        shown.depth(2**24 + 1)


@pytest.mark.fuzz
@property_of(25)
@given(HALF, HALF, HALF, HALF)
def test_sums_add_half_by_half_or_not_at_all(shown, a, b, c, d):
    """With one sibling on either side: the hash, the sums, and what does not fit."""
    mine, other = Sum(words(1), a | b << 128), Sum(words(2), c | d << 128)
    is_whole = a + c <= U128 and b + d <= U128
    total = ((a + c) & U128) | ((b + d) & U128) << 128
    assert shown.is_sum(total, mine.sums, other.sums) == is_whole
    assert not shown.is_sum(total ^ 1, mine.sums, other.sums)
    if not is_whole:
        with boa.reverts("tree: sum overflows"):
            shown.climb(*mine, 0, [other])
        return
    left = words(
        int.from_bytes(mine.hashed, "big"),
        mine.sums,
        int.from_bytes(other.hashed, "big"),
        other.sums,
    )
    assert shown.climb(*mine, 0, [other]) == (left, total)
    assert shown.climb(*other, 1, [mine]) == (left, total)


@pytest.mark.fuzz
@property_of(15)
@given(st.lists(st.tuples(HALF, HALF), min_size=0, max_size=24), st.integers(0, 2**24 - 1))
def test_what_does_not_fit_is_seen_however_it_comes_about(shown, halves, index):
    """The sum of upper halves that is kept beside differs whenever any half overflowed."""
    siblings = [Sum(words(n), low | high << 128) for n, (low, high) in enumerate(halves)]
    place = index & ((1 << len(siblings)) - 1)
    fits = all(sum(pair[half] for pair in halves) <= U128 for half in (0, 1))
    if not fits:
        with boa.reverts("tree: sum overflows"):
            shown.climb(bytes(32), 0, place, siblings)
        return
    assert shown.climb(bytes(32), 0, place, siblings)[1] == sum(one.sums for one in siblings)


@pytest.mark.fuzz
@property_of(15)
@given(st.lists(st.tuples(WORD, WORD, st.integers(0, 2**90)), max_size=20))
def test_leaves_are_where_the_model_puts_them(shown, drawn):
    works = plain_works(len(drawn))
    leaves = [
        Leaf(work.operator, work.node, *fields) for work, fields in zip(works, drawn, strict=True)
    ]
    tree = Tree(leaves)
    before = 0
    for index, entry in enumerate(tree.rows[0]):
        if index < len(leaves):
            assert shown.leaf(leaves[index]) == entry.hashed
        else:
            assert entry == EMPTY
        proof = tree.proof(index)
        assert shown.is_in(tree.seal, *entry, index, proof)
        assert not shown.is_in(tree.seal, entry.hashed, entry.sums + 1, index, proof)
        assert shown.before(index, proof) == before
        before += entry.sums
    assert before == tree.top.sums


def test_what_is_left_of_each_place(shown):
    works = plain_works(6)
    leaves = [Leaf(w.operator, w.node, 0, 0, 10**at) for at, w in enumerate(works)]
    tree = Tree(leaves)
    found = [shown.before(index, tree.proof(index)) for index in range(8)]
    assert found == [0, 1, 11, 111, 1_111, 11_111, 111_111, 111_111]


def test_one_place_for_one_leaf(shown):
    tree = Tree([])
    assert shown.is_in(tree.seal, *EMPTY, 0, [])
    with boa.reverts("tree: index beyond the row"):
        shown.is_in(tree.seal, *EMPTY, 1, [])
