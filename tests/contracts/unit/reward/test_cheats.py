# SPDX-License-Identifier: Apache-2.0
"""INV-W6, INV-X2: whatever rule a tree breaks, and wherever, its data prove it."""

from __future__ import annotations

from dataclasses import replace

import boa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.contracts.packed_words import property_of
from tests.contracts.protocol import ZERO_ADDRESS
from tests.contracts.reward_watch import (
    FORMULA,
    LEAF_SUM,
    LEFT_OUT,
    OPERATOR,
    ORDER,
    PADDING,
    SUM,
    UNREGISTERED,
    attempts,
    is_proven,
    proven,
    succeeds,
)
from tests.contracts.rewards import BOND_WEI, BURN_ADDRESS, GRANT, OPEN, address_of, changed
from tests.model.reward_tree_model import (
    EMPTY,
    U128,
    Facts,
    Leaf,
    Sum,
    Tree,
    Work,
    leaf_hash,
    parent_hash,
)

FIRST, MIDDLE, LAST = 0, 2, 4
ONE_WEI = 1
ONE_POINT = 1 << 128


@pytest.fixture
def leaves(peopled):
    peopled.opened()
    return peopled.priced(peopled.works())


def found(own, tree: Tree, count: int | None = None, **header: object) -> set[str]:
    """Post a tree and return what can be proven against it."""
    posted = own.post(tree, **({} if count is None else {"count": count}), **header)
    return proven(own, tree, posted, own.pairs)


def caught(own, tree: Tree, name: str, **header: object) -> bool:
    """Post a tree and return whether a proof of that name succeeds against it."""
    return is_proven(own, tree, own.post(tree, **header), name)


def changed_at(leaves: list[Leaf], index: int, **changes: int) -> Tree:
    """Return the tree with one leaf changed."""
    return Tree([*leaves[:index], changed(leaves[index], **changes), *leaves[index + 1 :]])


@pytest.mark.parametrize(("index", "more"), [(FIRST, 1), (MIDDLE, -1), (LAST, -1)])
def test_an_amount_that_the_formula_does_not_give(peopled, leaves, index, more):
    amount = leaves[index].sums & U128
    assert found(peopled, changed_at(leaves, index, amount=amount + more)) == {FORMULA}


@pytest.mark.parametrize("index", [FIRST, LAST])
def test_a_score_that_the_formula_does_not_give(peopled, leaves, index):
    score = leaves[index].sums >> 128
    # His operator's sum is wrong then, and everybody's part of the total.
    tree = changed_at(leaves, index, score=score + 1)
    assert found(peopled, tree) >= {FORMULA, OPERATOR}


@pytest.mark.parametrize("bit", [8, 16, 17, 216, 255])
def test_facts_that_cannot_be_or_a_level_that_does_not_follow(peopled, leaves, bit):
    tree = changed_at(leaves, MIDDLE, facts=leaves[MIDDLE].facts ^ 1 << bit)
    assert caught(peopled, tree, FORMULA)


def test_a_tally_with_more_bits(peopled, leaves):
    tree = changed_at(leaves, MIDDLE, tally=leaves[MIDDLE].tally | 1 << 224)
    assert caught(peopled, tree, FORMULA)


@pytest.mark.parametrize(
    ("height", "index", "more"),
    [
        (0, 0, ONE_WEI),
        (0, 4, -ONE_WEI),
        (0, 2, ONE_POINT),
        (1, 0, -ONE_POINT),
        (1, 2, ONE_WEI),
        (1, 3, ONE_POINT),
        (2, 0, -ONE_WEI),
        (2, 1, ONE_POINT),
        (3, 0, ONE_WEI),
        (3, 0, -ONE_POINT),
    ],
)
def test_a_sum_that_does_not_add_up(peopled, leaves, height, index, more):
    tree = Tree(leaves, more={(height, index): more})
    assert caught(peopled, tree, SUM if height else LEAF_SUM)


def test_a_header_that_says_less_than_the_top(peopled, leaves):
    tree = Tree(leaves)
    posted = peopled.post(tree, sums=tree.top.sums - 1)
    top = tree.top._replace(sums=posted.sums)
    epoch = peopled.reward.flight().epoch
    peopled.dispute.challenge_sum(
        epoch, posted, tree.depth, 0, top, [], *tree.rows[-2], sender=peopled.challenger
    )
    assert peopled.reward.flight().state == OPEN


def test_the_highest_of_several_wrong_sums(peopled, leaves):
    """The lower one cannot be proven: what is above it does not add up."""
    tree = Tree(leaves, more={(1, 0): 1, (2, 0): 2})
    assert caught(peopled, tree, SUM)


def test_a_sum_that_leaves_its_128_bits(peopled, leaves):
    huge = changed(leaves[1], amount=U128)
    tree = Tree([leaves[0], huge, *leaves[2:]])
    assert caught(peopled, tree, SUM)


def test_a_leaf_that_is_paid_without_being_counted(peopled, leaves):
    """Its entry in the tree says nothing, the leaf itself a wei."""
    rich = changed(leaves[0], amount=GRANT // 2)
    tree = Tree([rich, *leaves[1:]], {(0, 0): Sum(rich.hash(), leaves[0].sums)})
    assert caught(peopled, tree, LEAF_SUM)


def test_padding_that_has_sums(peopled, leaves):
    tree = Tree(leaves, {(0, 6): Sum(EMPTY.hashed, ONE_POINT)})
    assert caught(peopled, tree, PADDING)


def test_nothing_where_there_should_be_a_subtree(peopled, leaves):
    tree = Tree(leaves, {(1, 3): EMPTY})
    assert caught(peopled, tree, PADDING)


def test_padding_before_the_last_leaf(peopled, leaves):
    assert caught(peopled, Tree(leaves, {(0, 1): EMPTY}), PADDING)


def test_a_leaf_after_the_last(peopled, leaves):
    hidden = changed(leaves[0], amount=5)
    assert caught(peopled, Tree(leaves, {(0, 6): hidden.entry()}), PADDING)


def test_a_leaf_in_a_tree_of_none(own):
    own.opened()
    leaf = Leaf(address_of(1), address_of(2), 0, 0, 5)
    assert caught(own, Tree([leaf]), PADDING, count=0)


def test_a_leaf_above_the_leaves(peopled, leaves):
    high = changed(leaves[0], amount=GRANT)
    tree = Tree(leaves, {(1, 0): high.entry()})
    header = peopled.post(tree)
    preimage = (int(high.operator, 16), high.detail(), high.sums)
    peopled.dispute.challenge_leaf_sum(
        peopled.reward.flight().epoch, header, 1, 0, high.entry(), tree.proof(0, 1), *preimage
    )
    assert peopled.reward.flight().state == OPEN


def test_an_inner_node_among_the_leaves(peopled, leaves):
    below = [leaves[0].entry(), leaves[1].entry()]
    node = Sum(parent_hash(*below), below[0].sums + below[1].sums)
    tree = Tree(leaves, {(0, 1): node})
    header = peopled.post(tree)
    peopled.dispute.challenge_sum(
        peopled.reward.flight().epoch, header, 0, 1, node, tree.proof(1), *below
    )
    assert peopled.reward.flight().state == OPEN


@pytest.mark.parametrize("index", [0, 1, 3])
def test_leaves_that_do_not_rise(peopled, leaves, index):
    swapped = [*leaves]
    swapped[index : index + 2] = reversed(leaves[index : index + 2])
    assert caught(peopled, Tree(swapped), ORDER)


@pytest.mark.parametrize("index", [0, 4])
def test_a_leaf_that_is_there_twice(peopled, leaves, index):
    tree = Tree([*leaves[: index + 1], *leaves[index:]])
    assert caught(peopled, tree, ORDER)


@pytest.mark.parametrize("index", [FIRST, MIDDLE, LAST])
def test_a_node_that_is_left_out(peopled, leaves, index):
    missing = leaves[index]
    works = [work for work in peopled.works() if work.node != missing.node]
    assert found(peopled, Tree(peopled.priced(works))) == {LEFT_OUT}


def test_the_only_node_left_out(peopled):
    peopled.opened()
    assert found(peopled, Tree([])) == {LEFT_OUT}


@pytest.mark.parametrize("nobody", ["operator", "node"])
def test_who_names_half_of_nobody_hides_nobody(peopled, leaves, nobody):
    """A leaf of the zero address is one, and shows beside it that the first node is left out."""
    missing = leaves[0]
    works = [work for work in peopled.works() if work.node != missing.node]
    half = Work(missing.operator, missing.node, Facts(), 0)._replace(**{nobody: ZERO_ADDRESS})
    assert found(peopled, Tree(peopled.priced([half, *works]))) == {UNREGISTERED, LEFT_OUT}


@pytest.mark.parametrize("number", [1, 2**63])
def test_a_node_that_nobody_registered(peopled, leaves, number):
    works = [*peopled.works(), peopled.works()[0]._replace(node=address_of(number))]
    assert found(peopled, Tree(peopled.priced(works))) == {UNREGISTERED}


def test_a_node_under_another_operator(peopled, leaves):
    works = peopled.works()
    works[0] = works[0]._replace(operator=works[-1].operator)
    assert found(peopled, Tree(peopled.priced(works))) == {UNREGISTERED, LEFT_OUT}


def test_a_leaf_that_names_no_address(peopled, leaves):
    detail = leaves[4].detail()
    wide = 1 << 160
    tree = Tree(leaves, {(0, 4): Sum(leaf_hash(wide, detail, 0), 0)})
    header = peopled.post(tree)
    leaf = leaves[4]
    words = (wide, int(leaf.node, 16), leaf.facts, leaf.tally, 0)
    epoch = peopled.reward.flight().epoch
    peopled.dispute.challenge_unregistered(epoch, header, *words, 4, tree.proof(4))
    assert peopled.reward.flight().state == OPEN


@pytest.mark.parametrize(("index", "more"), [(0, 1), (1, -1), (2, 1), (3, -1), (4, 1), (4, -1)])
def test_an_operators_score_that_is_not_his_leaves(peopled, leaves, index, more):
    """INV-W3: with too low a score here, his cap would bind too late."""
    tally = leaves[index].tally
    tree = changed_at(leaves, index, tally=tally + (more << 96))
    assert caught(peopled, tree, OPERATOR)


def test_an_operators_score_at_the_end_of_a_full_row(peopled, leaves):
    """Nothing stands to the right of his last leaf."""
    tally = leaves[3].tally + (1 << 96)
    tree = Tree([*leaves[:3], changed(leaves[3], tally=tally)])
    assert len(tree.rows[0]) == len(tree.leaves)
    assert caught(peopled, tree, OPERATOR)


def test_more_than_the_budget(peopled, leaves):
    rich = [changed(leaf, amount=(leaf.sums & U128) * 40) for leaf in leaves]
    assert caught(peopled, Tree(rich), "challenge_budget")


@pytest.mark.parametrize("start", [{"level_before": 1}, {"streak_before": 1}])
def test_a_level_out_of_nothing(peopled, start):
    peopled.opened()
    works = peopled.works(replace(Facts(), **start))
    assert found(peopled, Tree(peopled.priced(works))) == {"challenge_new"}


@pytest.mark.parametrize("start", [{"level_before": 0}, {"streak_before": 59}])
def test_a_level_that_does_not_follow(peopled, leaves, start):
    prior = Tree(leaves)
    peopled.finalise(peopled.post(prior))
    peopled.opened()
    rightly = replace(Facts(), level_before=1, streak_before=60)
    given = [rightly] * 5
    given[3] = replace(rightly, **start)
    tree = Tree(peopled.priced(peopled.works(*given)))
    header = peopled.post(tree)
    assert proven(peopled, tree, header, peopled.pairs, prior) == {"challenge_prior"}


@pytest.mark.parametrize(
    ("word", "bits"),
    [
        ("facts", 11 << 8),
        ("facts", 2 << 16),
        ("facts", 10_001 << 200),
        ("facts", 1 << 255),
        ("tally", 1 << 224),
    ],
)
@pytest.mark.parametrize(
    ("start", "proofs"), [({}, set()), ({"streak_before": 60}, {"challenge_prior"})]
)
def test_after_a_leaf_that_cannot_be_a_node_begins_anew(peopled, leaves, word, bits, start, proofs):
    """Nobody challenged it. Went its level on, no next leaf of that node could be right."""
    prior = changed_at(leaves, 3, **{word: getattr(leaves[3], word) | bits})
    peopled.finalise(peopled.post(prior))
    peopled.opened()
    rightly = replace(Facts(), level_before=1, streak_before=60)
    anew = replace(Facts(), **start)
    works = [
        work._replace(facts=anew if work.node == leaves[3].node else rightly)
        for work in peopled.works()
    ]
    tree = Tree(peopled.priced(works))
    assert proven(peopled, tree, peopled.post(tree), peopled.pairs, prior) == proofs


def test_a_level_out_of_nothing_after_an_epoch_without_the_node(peopled):
    peopled.opened()
    prior = Tree([])
    # Nobody proved what it leaves out.
    peopled.finalise(peopled.post(prior))
    peopled.opened()
    works = peopled.works(replace(Facts(), level_before=1))
    tree = Tree(peopled.priced(works))
    header = peopled.post(tree)
    assert proven(peopled, tree, header, peopled.pairs, prior) == {"challenge_new"}


@pytest.mark.fuzz
@property_of(8)
@given(st.data())
def test_any_word_that_a_cheat_changes(peopled, data):
    """One leaf, one field: what is not an input is proven wrong, whatever it was changed to."""
    with boa.env.anchor():
        peopled.opened()
        leaves = peopled.priced(peopled.works())
        index = data.draw(st.integers(0, 4))
        name = data.draw(st.sampled_from(("amount", "score", "level", "operator_score")))
        value = data.draw(st.integers(0, 2**96))
        leaf = leaves[index]
        if name == "level":
            wrong = leaf._replace(facts=leaf.facts & ~0xFF00 | (value & 0xFF) << 8)
        elif name == "operator_score":
            wrong = leaf._replace(tally=leaf.tally & (2**96 - 1) | value << 96)
        else:
            wrong = changed(leaf, **{name: value})
        assume(wrong != leaf)
        tree = Tree([*leaves[:index], wrong, *leaves[index + 1 :]])
        header = peopled.post(tree)
        epoch = peopled.reward.flight().epoch
        tries = attempts(tree, header, peopled.pairs, None)
        assert any(succeeds(peopled, epoch, header, attempt) for attempt in tries)


def test_what_a_proof_costs_and_who_gets_it(peopled, leaves):
    """INV-W9."""
    own = peopled
    header = own.post(Tree(leaves), sums=Tree(leaves).top.sums | (GRANT + 1))
    before = own.holdings(BURN_ADDRESS, own.challenger)
    own.dispute.challenge_budget(own.reward.flight().epoch, header, sender=own.challenger)
    after = own.holdings(BURN_ADDRESS, own.challenger)
    burnt, reward = (now - was for now, was in zip(after, before, strict=True))
    assert (burnt, reward) == (BOND_WEI - BOND_WEI // 2, BOND_WEI // 2)
    assert own.reward.bond(own.proposer) == (0, 0)
    assert not own.reward.can_post(own.proposer)
    # The next one takes over.
    own.finalise(own.post(Tree(leaves), own.other_proposer))
