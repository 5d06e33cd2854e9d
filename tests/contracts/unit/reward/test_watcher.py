# SPDX-License-Identifier: Apache-2.0
"""INV-X2 by the package's own watcher: what it finds in a published file, the contract takes."""

from __future__ import annotations

from dataclasses import replace

import boa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.chain import rewards
from cortensor.chain.calldata import checksummed
from cortensor.epochs.challenges import Rules, find_challenges
from cortensor.epochs.tree_challenges import TreeLook
from cortensor.epochs.tree_file import Entry, PostedTree, encode, read_tree, rows_of
from cortensor.rewards.epoch import prior_of
from cortensor.rewards.sum_tree import Leaf as PackageLeaf
from cortensor.rewards.sum_tree import SumTree
from tests.contracts.packed_words import property_of
from tests.contracts.rewards import OPEN, address_of, changed
from tests.model.reward_tree_model import EMPTY, U128, Facts, Leaf, Sum, Tree, parent_hash

SUM, LEAF_SUM, PADDING = "challenge_sum", "challenge_leaf_sum", "challenge_padding"
ONE_POINT = 1 << 128


@pytest.fixture
def leaves(peopled):
    peopled.opened()
    return peopled.priced(peopled.works())


def in_words(leaf: Leaf) -> PackageLeaf:
    return PackageLeaf(*leaf.key, leaf.facts, leaf.tally, leaf.sums)


def published(tree: Tree, more: list[Leaf] | None = None) -> bytes:
    """The file of a tree with all its rows, and leaves that stand elsewhere in it."""
    rows = [[Entry(*entry) for entry in row] for row in tree.rows]
    return encode([in_words(leaf) for leaf in [*tree.leaves, *(more or [])]], rows)


def caught(own, data: bytes, header, prior: Tree | None = None) -> str:
    """The first proof that the watcher finds and the contract takes; it is always the first."""
    flight = own.reward.flight()
    posted = rewards.Header(*header)
    pairs = sorted((int(operator, 16), int(node, 16)) for operator, node in own.pairs)
    before = None
    if prior is not None:
        words = [in_words(leaf) for leaf in prior.leaves]
        before = PostedTree(words, rows_of(words))
    tree = read_tree(data, posted.root, posted.sums)
    rules = Rules(own.card, flight.budget, pairs, before)
    found = next(find_challenges(posted, tree, rules))
    arguments = checksummed([flight.epoch, header, *found.arguments])
    getattr(own.dispute, found.name)(*arguments, sender=own.challenger)
    assert own.reward.flight().state == OPEN
    return found.name


def posted(own, tree: Tree, more: list[Leaf] | None = None, **header: object) -> str:
    """Post a tree, publish it, and return the proof it falls by."""
    return caught(own, published(tree, more), own.post(tree, **header))


@pytest.mark.parametrize(
    ("height", "index", "more"),
    [(0, 0, 1), (0, 4, -1), (1, 0, -ONE_POINT), (2, 1, ONE_POINT), (3, 0, 1)],
)
def test_sums_that_are_not_what_is_below(peopled, leaves, height, index, more):
    tree = Tree(leaves, more={(height, index): more})
    assert posted(peopled, tree) == (SUM if height else LEAF_SUM)


def test_a_header_that_says_less_than_the_tree(peopled, leaves):
    """The file is that of an honest tree."""
    tree = Tree(leaves)
    assert posted(peopled, tree, sums=tree.top.sums - 1) == SUM


def test_a_header_that_says_less_than_the_only_leaf(own):
    own.opened()
    leaf = Leaf(address_of(1), address_of(2), 0, 0, 5)
    assert posted(own, Tree([leaf]), sums=4) == LEAF_SUM


@pytest.mark.parametrize(
    "wrong",
    [{(0, 6): Sum(EMPTY.hashed, ONE_POINT)}, {(1, 3): EMPTY}, {(0, 1): EMPTY}],
    ids=["padding with sums", "nothing above the row", "nothing where a leaf must be"],
)
def test_places_that_are_empty_and_must_not(peopled, leaves, wrong):
    assert posted(peopled, Tree(leaves, wrong)) == PADDING


def test_a_leaf_hidden_behind_the_last(peopled, leaves):
    hidden = changed(leaves[0], amount=5)
    assert posted(peopled, Tree(leaves, {(0, 6): hidden.entry()})) == PADDING


@pytest.mark.parametrize(("count", "proof"), [(0, PADDING), (2, LEAF_SUM)])
def test_one_leaf_of_which_the_count_says_otherwise(own, count, proof):
    own.opened()
    leaf = Leaf(address_of(1), address_of(2), 0, 0, 5)
    assert posted(own, Tree([leaf]), count=count) == proof


@pytest.mark.parametrize(
    ("count", "proof"), [(2, SUM), (4, SUM), (6, PADDING), (9, LEAF_SUM), (2**24, LEAF_SUM)]
)
def test_a_count_under_which_the_tree_is_not_so_deep_or_deeper(peopled, leaves, count, proof):
    assert posted(peopled, Tree(leaves), count=count) == proof


def test_a_leaf_above_the_leaves(peopled, leaves):
    high = changed(leaves[0], amount=1)
    assert posted(peopled, Tree(leaves, {(1, 0): high.entry()}), [high]) == LEAF_SUM


def test_an_inner_node_among_the_leaves(peopled, leaves):
    """Its two children are published where they stand."""
    pair = [leaves[2].entry(), leaves[3].entry()]
    node = Sum(parent_hash(*pair), pair[0].sums + pair[1].sums)
    assert posted(peopled, Tree(leaves, {(0, 1): node})) == SUM


def test_a_leaf_that_is_paid_without_being_counted(peopled, leaves):
    rich = changed(leaves[0], amount=(leaves[0].sums & U128) + 1)
    tree = Tree([rich, *leaves[1:]], {(0, 0): Sum(rich.hash(), leaves[0].sums)})
    assert posted(peopled, tree) == LEAF_SUM


@pytest.mark.parametrize("start", [{"level_before": 1}, {"streak_before": 1}])
def test_a_level_out_of_nothing(peopled, start):
    peopled.opened()
    tree = Tree(peopled.priced(peopled.works(replace(Facts(), **start))))
    assert posted(peopled, tree) == "challenge_new"


@pytest.mark.parametrize("start", [{"level_before": 0}, {"streak_before": 59}])
def test_a_level_that_does_not_follow(peopled, leaves, start):
    prior = Tree(leaves)
    peopled.finalise(peopled.post(prior))
    peopled.opened()
    rightly = replace(Facts(), level_before=1, streak_before=60)
    given = [rightly] * 5
    given[3] = replace(rightly, **start)
    tree = Tree(peopled.priced(peopled.works(*given)))
    assert caught(peopled, published(tree), peopled.post(tree), prior) == "challenge_prior"


def test_a_level_that_goes_on_from_what_cannot_be(peopled, leaves):
    """The package takes the next tree for right that begins anew, and the contract none else."""
    prior = Tree([*leaves[:3], changed(leaves[3], facts=leaves[3].facts | 11 << 8), leaves[4]])
    peopled.finalise(peopled.post(prior))
    peopled.opened()
    given = [replace(Facts(), level_before=1, streak_before=60)] * 5
    works = peopled.works(*given)
    tree = Tree(peopled.priced(works))
    assert caught(peopled, published(tree), peopled.post(tree), prior) == "challenge_prior"
    works = [
        work._replace(facts=Facts()) if work.node == leaves[3].node else work for work in works
    ]
    right = [in_words(leaf) for leaf in peopled.priced(works)]
    before = [in_words(leaf) for leaf in prior.leaves]
    assert [leaf[:2] for leaf in before if leaf[:2] not in prior_of(before)] == [before[3][:2]]
    pairs = sorted((int(operator, 16), int(node, 16)) for operator, node in peopled.pairs)
    budget = peopled.reward.flight().budget
    rules = Rules(peopled.card, budget, pairs, PostedTree(before, rows_of(before)))
    sums = SumTree(right)
    header = rewards.Header(sums.root, sums.sums, len(right), bytes(32), peopled.proposer)
    assert list(find_challenges(header, PostedTree(right, rows_of(right)), rules)) == []


def test_a_level_out_of_nothing_after_an_epoch_without_anybody(peopled):
    peopled.opened()
    prior = Tree([])
    peopled.finalise(peopled.post(prior))
    peopled.opened()
    tree = Tree(peopled.priced(peopled.works(replace(Facts(), level_before=1))))
    assert caught(peopled, published(tree), peopled.post(tree), prior) == "challenge_new"


def test_a_tree_of_no_leaf_is_the_contracts(own):
    own.opened()
    tree = SumTree([])
    assert (tree.root, tree.sums, tree.depth) == (bytes(32), 0, 0)
    header = own.post(Tree([]), root=tree.root, sums=tree.sums)
    assert list(TreeLook(rewards.Header(*header), PostedTree([], rows_of([]))).faults) == []
    assert own.reward.root(own.finalise(header)) == tree.seal


@pytest.mark.fuzz
@property_of(8)
@given(st.data())
def test_whatever_is_wrong_above_the_leaves_one_proof_is_found_and_taken(peopled, data):
    with boa.env.anchor():
        peopled.opened()
        leaves = peopled.priced(peopled.works())
        height = data.draw(st.integers(0, 3))
        index = data.draw(st.integers(0, (8 >> height) - 1))
        right = Tree(leaves).rows[height][index]
        entries = [EMPTY, leaves[0].entry(), right._replace(sums=right.sums + 1)]
        # What lay under a node that held this place is not in the file any more.
        entries += [
            entry
            for at, row in enumerate(Tree(leaves).rows)
            for place, entry in enumerate(row)
            if at <= height or place != index >> (at - height)
        ]
        wrong = data.draw(st.sampled_from(entries).filter(lambda entry: entry != right))
        posted(peopled, Tree(leaves, {(height, index): wrong}))
