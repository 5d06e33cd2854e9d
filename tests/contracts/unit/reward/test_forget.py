# SPDX-License-Identifier: Apache-2.0
"""What a wrong tree that stood its window does to later epochs, and how the owner ends that."""

from __future__ import annotations

from dataclasses import replace

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.reward_watch import NEW, PRIOR, proven
from tests.contracts.rewards import changed
from tests.model.reward_tree_model import EMPTY, Facts, Tree

UP = Facts()
AGAIN = Facts(level_before=1, streak_before=60, streak_after=120)


def twice(leaves):
    """A pair's leaf once more, with another streak."""
    return Tree([leaves[0], changed(leaves[0], facts=leaves[0].facts + (1 << 104)), *leaves[1:]])


def unsorted(leaves):
    """Two leaves change places."""
    return Tree([leaves[1], leaves[0], *leaves[2:]])


def hole(leaves):
    """Nothing stands where the first leaf must."""
    return Tree(leaves, {(0, 0): EMPTY})


@pytest.fixture(params=[twice, unsorted, hole], ids=lambda make: make.__name__)
def disorder(peopled, request):
    """A tree that nobody challenged, from which no level follows."""
    peopled.opened()
    tree = request.param(peopled.priced(peopled.works(*[UP] * len(peopled.pairs))))
    peopled.finalise(peopled.post(tree))
    return tree


def posted(own, *facts):
    """Open the next epoch and post what nodes did; returns tree and header."""
    own.opened()
    tree = Tree(own.priced(own.works(*facts)))
    return tree, own.post(tree)


def all_of(own, facts):
    return [facts] * len(own.pairs)


def test_inv_w5_what_is_in_no_order_is_forgotten_and_all_begin_anew(peopled, disorder):
    last, since = peopled.reward.last_final_epoch(), peopled.running + 1
    peopled.reward.forget_levels(sender=peopled.owner)
    assert_event(peopled.reward, "LevelsForgotten", epoch=last, since=since)
    assert peopled.reward.forgotten_since(last) == since
    peopled.end_epoch()
    tree, header = posted(peopled, *all_of(peopled, UP))
    assert peopled.reward.prior_root(since) == bytes(32)
    assert not proven(peopled, tree, header, peopled.pairs, disorder)
    assert not proven(peopled, tree, header, peopled.pairs)
    peopled.finalise(header)
    # From that one levels follow again.
    before = tree
    tree, header = posted(peopled, *all_of(peopled, AGAIN))
    assert not proven(peopled, tree, header, peopled.pairs, before)


def test_who_goes_on_from_what_is_forgotten_is_proven_wrong(peopled, disorder):
    peopled.reward.forget_levels(sender=peopled.owner)
    peopled.end_epoch()
    tree, header = posted(peopled, *all_of(peopled, AGAIN))
    assert proven(peopled, tree, header, peopled.pairs) == {NEW}


@pytest.mark.parametrize("disorder", [twice], indirect=True)
@pytest.mark.parametrize("more", [0, 1])
def test_until_then_a_pair_that_is_there_twice_is_wrong_however_it_begins(peopled, disorder, more):
    begun = replace(AGAIN, streak_before=60 + more)
    tree, header = posted(peopled, begun, *all_of(peopled, AGAIN)[1:])
    assert proven(peopled, tree, header, peopled.pairs, disorder) == {PRIOR}


def test_the_epoch_that_runs_is_not_touched(peopled, disorder):
    """Else an honest root could be made wrong between its computing and its end."""
    peopled.reward.forget_levels(sender=peopled.owner)
    running = peopled.running
    seal = peopled.reward.root(peopled.reward.last_final_epoch())
    assert peopled.reward.prior_root(running) == seal
    assert peopled.reward.prior_root(running + 1) == bytes(32)


def test_only_the_owner_once_and_of_what_is_final(own):
    with boa.reverts("epoch: none is final"):
        own.reward.forget_levels(sender=own.owner)
    own.final(Tree([]))
    for other in (own.guardian, own.steward, own.stranger):
        with boa.reverts("ownable: caller is not the owner"):
            own.reward.forget_levels(sender=other)
    own.reward.forget_levels(sender=own.owner)
    with boa.reverts("epoch: already forgotten"):
        own.reward.forget_levels(sender=own.owner)
    own.final(Tree([]))
    own.reward.forget_levels(sender=own.owner)


def test_what_a_forgotten_tree_says_is_shown_until_a_newer_one_is_final(peopled):
    peopled.opened()
    tree = Tree(peopled.priced(peopled.works(*all_of(peopled, UP))))
    forgotten = peopled.finalise(peopled.post(tree))
    peopled.reward.forget_levels(sender=peopled.owner)
    peopled.end_epoch()
    node = peopled.pairs[0][1]
    assert sync(peopled, forgotten, tree, node) == (forgotten, 1)
    tree, header = posted(peopled, *all_of(peopled, replace(UP, tasks=0)))
    later = peopled.finalise(header)
    assert sync(peopled, later, tree, node) == (later, 0)


def sync(own, epoch, tree, node):
    """Show a node's leaf to the register; returns epoch and level that it then has."""
    (index,) = [i for i, leaf in enumerate(tree.leaves) if leaf.node == node]
    leaf = tree.leaves[index]
    row = (leaf.operator, leaf.node, leaf.facts, leaf.tally, leaf.sums)
    own.reputation.sync(epoch, row, index, tree.proof(index))
    facts = own.reputation.node(node)
    return facts.level_epoch, facts.level
