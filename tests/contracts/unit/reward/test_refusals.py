# SPDX-License-Identifier: Apache-2.0
"""INV-X3: what proves nothing is refused, with the reason, and changes nothing."""

from __future__ import annotations

from dataclasses import replace

import boa
import pytest

from tests.contracts.rewards import address_of
from tests.model.reward_tree_model import EMPTY, NOWHERE, Facts, Tree


@pytest.fixture
def posted(peopled):
    own = peopled
    own.opened()
    own.tree = Tree(own.priced(own.works()))
    own.header = own.post(own.tree)
    own.epoch = own.reward.flight().epoch
    return own


def try_to(own, name: str, *arguments: object):
    return getattr(own.dispute, name)(own.epoch, own.header, *arguments, sender=own.challenger)


def test_another_root_or_epoch(posted):
    other = posted.header._replace(count=4)
    with boa.reverts("posted: other header"):
        posted.dispute.challenge_budget(posted.epoch, other)
    with boa.reverts("posted: not in flight"):
        posted.dispute.challenge_budget(posted.epoch + 1, posted.header)
    with boa.reverts("tproof: within the budget"):
        try_to(posted, "challenge_budget")


def test_sums_that_are_right(posted):
    tree = posted.tree
    node = tree.rows[1][0]
    where = (1, 0, node, tree.proof(0, 1))
    with boa.reverts("tproof: sum is right"):
        try_to(posted, "challenge_sum", *where, *tree.rows[0][:2])
    with boa.reverts("tproof: not its children"):
        try_to(posted, "challenge_sum", *where, *tree.rows[0][1:3])
    leaf = tree.leaves[0]
    preimage = (int(leaf.operator, 16), leaf.detail(), leaf.sums)
    at = (0, 0, leaf.entry(), tree.proof(0))
    with boa.reverts("tproof: sum is right"):
        try_to(posted, "challenge_leaf_sum", *at, *preimage)
    with boa.reverts("tproof: not its leaf"):
        try_to(posted, "challenge_leaf_sum", *at, 1, *preimage[1:])


def test_nodes_that_are_not_there(posted):
    tree = posted.tree
    node, proof = tree.rows[1][0], tree.proof(0, 1)
    children = tree.rows[0][:2]
    with boa.reverts("tproof: above the tree"):
        try_to(posted, "challenge_sum", 4, 0, node, [], *children)
    with boa.reverts("tproof: not in that row"):
        try_to(posted, "challenge_sum", 0, 0, node, proof, *children)
    with boa.reverts("tproof: not in the tree"):
        try_to(posted, "challenge_sum", 1, 1, node, proof, *children)
    wrong = node._replace(sums=node.sums + 1)
    with boa.reverts("tproof: not in the tree"):
        try_to(posted, "challenge_sum", 1, 0, wrong, proof, *children)
    with boa.reverts("tree: index beyond the row"):
        try_to(posted, "challenge_sum", 1, 4, node, proof, *children)


def test_places_that_are_filled_rightly(posted):
    tree = posted.tree
    with boa.reverts("tproof: rightly empty"):
        try_to(posted, "challenge_padding", 0, 5, EMPTY, tree.proof(5))
    with boa.reverts("tproof: rightly filled"):
        try_to(posted, "challenge_padding", 0, 4, tree.rows[0][4], tree.proof(4))


def test_leaves_that_rise(posted):
    tree = posted.tree
    with boa.reverts("tproof: leaves rise"):
        try_to(posted, "challenge_order", tree.place(0), tree.place(1))
    with boa.reverts("tproof: not neighbours"):
        try_to(posted, "challenge_order", tree.place(1), tree.place(0))
    with boa.reverts("place: not in the tree"):
        try_to(posted, "challenge_order", tree.place(4), tree.place(5))


def test_nodes_that_are_not_left_out(posted):
    tree = posted.tree
    pair = (tree.leaves[2].operator, tree.leaves[2].node)
    stranger = (posted.stranger, address_of(9))
    with boa.reverts("tproof: was not registered"):
        try_to(posted, "challenge_left_out", *stranger, *tree.around((1, 1)))
    name = "challenge_left_out"
    with boa.reverts("place: not neighbours"):
        try_to(posted, name, *pair, tree.place(1), tree.place(3))
    with boa.reverts("place: left is not before it"):
        try_to(posted, name, *pair, tree.place(2), tree.place(3))
    with boa.reverts("place: right is not after it"):
        try_to(posted, name, *pair, tree.place(1), tree.place(2))
    with boa.reverts("place: left is missing"):
        try_to(posted, name, *pair, NOWHERE, tree.place(3))
    with boa.reverts("place: not an empty leaf"):
        try_to(posted, name, *pair, tree.place(1), tree.place(2)._replace(leaf=NOWHERE.leaf))
    with boa.reverts("place: not in the tree"):
        try_to(posted, name, *pair, tree.place(1)._replace(index=3), tree.place(2))


def test_leaves_that_are_right(posted):
    place = posted.tree.place(2)
    leaf = place.leaf
    with boa.reverts("lproof: formula is right"):
        try_to(posted, "challenge_formula", place)
    words = (*leaf.key, leaf.facts, leaf.tally, leaf.sums)
    with boa.reverts("lproof: was registered"):
        try_to(posted, "challenge_unregistered", *words, 2, place.proof)
    with boa.reverts("lproof: not in the tree"):
        try_to(posted, "challenge_unregistered", *words, 3, place.proof)
    with boa.reverts("lproof: begins with nothing"):
        try_to(posted, "challenge_new", place, NOWHERE, NOWHERE)
    with boa.reverts("place: not in the tree"):
        try_to(posted, "challenge_prior", place, place)


def test_an_operators_leaves(posted):
    tree, name = posted.tree, "challenge_operator"
    places = [tree.place(index) for index in range(8)]
    sizes = {leaf.operator: 0 for leaf in tree.leaves}
    for leaf in tree.leaves:
        sizes[leaf.operator] += 1
    # A pair that has a neighbour on both sides, whichever operator comes first.
    first = next(
        index
        for index, leaf in enumerate(tree.leaves)
        if index and sizes[leaf.operator] == 2 and tree.leaves[index - 1].operator != leaf.operator
    )
    last, left, right = first + 1, first - 1, first + 2
    own, before = places[first], places[left]
    with boa.reverts("lproof: operator is right"):
        try_to(posted, name, own, own, places[last], before, places[right])
    with boa.reverts("lproof: first of another"):
        try_to(posted, name, own, before, places[last], before, places[right])
    with boa.reverts("lproof: last of another"):
        try_to(posted, name, own, own, before, before, places[right])
    with boa.reverts("lproof: last before first"):
        try_to(posted, name, own, places[last], own, before, places[right])
    with boa.reverts("lproof: left not beside first"):
        try_to(posted, name, own, own, places[last], own, places[right])
    with boa.reverts("lproof: left of the operator"):
        try_to(posted, name, own, places[last], places[last], own, places[right])
    with boa.reverts("lproof: right not beside last"):
        try_to(posted, name, own, own, places[last], before, places[last])
    with boa.reverts("lproof: right of the operator"):
        try_to(posted, name, own, own, own, before, places[last])


def test_levels_that_follow(posted):
    prior = posted.tree
    posted.finalise(posted.header)
    posted.opened()
    facts = replace(Facts(), level_before=1, streak_before=60)
    tree = Tree(posted.priced(posted.works(*[facts] * 5)))
    posted.header = posted.post(tree)
    posted.epoch = posted.reward.flight().epoch
    place = tree.place(3)
    with boa.reverts("lproof: prior is right"):
        try_to(posted, "challenge_prior", place, prior.place(3))
    with boa.reverts("lproof: prior of another"):
        try_to(posted, "challenge_prior", place, prior.place(2))
    with boa.reverts("place: right is not after it"):
        try_to(posted, "challenge_new", place, *prior.around(place.leaf.key))
