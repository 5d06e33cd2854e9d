# SPDX-License-Identifier: Apache-2.0
"""Which proofs are found against which wrong tree; that contracts take them: tests/ape/rewards."""

from __future__ import annotations

import msgspec
import pytest

from cortensor.chain.rewards import Header
from cortensor.epochs.challenges import Rules, find_challenges
from cortensor.epochs.tree_challenges import TreeLook
from cortensor.epochs.tree_file import (
    Entry,
    PostedTree,
    encode,
    read_sealed,
    read_tree,
    rows_of,
)
from cortensor.errors import VerificationFailed
from cortensor.receipts.keccak import keccak256
from cortensor.rewards.epoch import compute_epoch, prior_of
from cortensor.rewards.sum_tree import Leaf
from cortensor.rewards.words import HALF, Facts
from tests.python.epochs.samples import inputs

INPUTS = inputs(prior={})
RESULT = compute_epoch(INPUTS)
PAIRS = [(entry.operator, entry.node) for entry in INPUTS.roster.nodes]
RULES = Rules(INPUTS.card, INPUTS.budget, PAIRS, None)


def header_of(tree: PostedTree, count: int | None = None) -> Header:
    leaves = len(tree.leaves) if count is None else count
    return Header(tree.top.hashed, tree.top.sums, leaves, bytes(32), "0x" + "11" * 20)


def names(leaves: list[Leaf], rows: list[list[Entry]] | None = None) -> list[str]:
    tree = PostedTree(leaves, rows or rows_of(leaves))
    return list(dict.fromkeys(each.name for each in find_challenges(header_of(tree), tree, RULES)))


def test_nothing_is_found_in_a_right_tree() -> None:
    assert names(RESULT.leaves) == []


def test_a_leaf_of_other_facts_that_follows_the_rules_is_not_provable() -> None:
    leaves = list(RESULT.leaves)
    facts = msgspec.structs.replace(RESULT.facts[0], models=RESULT.facts[0].models)
    leaves[0] = leaves[0]._replace(facts=facts.pack())
    assert names(leaves) == []


def test_a_level_that_comes_from_nowhere() -> None:
    leaves = list(RESULT.leaves)
    facts = msgspec.structs.replace(RESULT.facts[0], streak_before=3)
    leaves[0] = leaves[0]._replace(facts=facts.pack())
    assert names(leaves) == ["challenge_new"]


def test_a_level_that_is_not_the_last_epochs() -> None:
    prior = PostedTree(RESULT.leaves, rows_of(RESULT.leaves))
    rules = RULES._replace(prior=prior)
    found = [each.name for each in find_challenges(header_of(prior), prior, rules)]
    assert set(found) == {"challenge_prior"}  # all start from zeros, and did not end so


def test_a_node_under_another_operator_than_in_the_last_final_epoch_begins_anew() -> None:
    before = []
    for leaf in RESULT.leaves:
        ended = msgspec.structs.replace(
            Facts.unpack(leaf.facts), level_after=3, streak_after=9, rate_bps=1_000
        )
        before.append(leaf._replace(facts=ended.pack()))
    before[0] = before[0]._replace(operator=1)  # under another one now, and still the first
    tree = PostedTree(before, rows_of(before))
    result = compute_epoch(INPUTS._replace(prior=prior_of(before)))
    begun = [(each.level_before, each.streak_before) for each in result.facts]
    assert begun == [(0, 0)] + [(3, 9)] * (len(before) - 1)
    assert result.facts[0] == RESULT.facts[0], "no rate either"
    assert result.facts[1].rate_bps != RESULT.facts[1].rate_bps
    posted = PostedTree(result.leaves, rows_of(result.leaves))
    assert list(find_challenges(header_of(posted), posted, RULES._replace(prior=tree))) == []


def test_facts_that_cannot_be_are_a_wrong_formula() -> None:
    leaves = list(RESULT.leaves)
    leaves[0] = leaves[0]._replace(facts=leaves[0].facts | 11 << 8)
    assert "challenge_formula" in names(leaves)


@pytest.mark.parametrize(
    ("leaves", "count", "proof"),
    [(8, 7, "challenge_padding"), (9, 8, "challenge_sum"), (9, 17, "challenge_leaf_sum")],
)
def test_a_count_that_is_not_the_leaves(leaves: int, count: int, proof: str) -> None:
    tree = PostedTree(RESULT.leaves[:leaves], rows_of(RESULT.leaves[:leaves]))
    found = [each.name for each in find_challenges(header_of(tree, count), tree, RULES)]
    assert found[0] == proof


def test_a_wrong_sum_is_shown_from_the_top() -> None:
    rows = [list(row) for row in rows_of(RESULT.leaves)]
    rows[1][0] = rows[1][0]._replace(sums=rows[1][0].sums + 1)
    for height in range(2, len(rows)):
        below = rows[height - 1]
        rows[height] = [
            Entry(
                keccak256(below[at].to_bytes() + below[at + 1].to_bytes()),
                below[at].sums + below[at + 1].sums,
            )
            for at in range(0, len(below), 2)
        ]
    assert names(list(RESULT.leaves), rows)[0] == "challenge_sum"


def test_without_the_tree_only_the_budget_is_provable() -> None:
    tree = PostedTree(RESULT.leaves, rows_of(RESULT.leaves))
    assert list(find_challenges(header_of(tree), None, RULES)) == []
    much = header_of(tree)
    much = Header(much.root, INPUTS.budget + 1, much.count, much.inputs_hash, much.proposer)
    assert [each.name for each in find_challenges(much, None, RULES)] == ["challenge_budget"]


def test_a_published_tree_is_the_posted_one_or_none() -> None:
    tree = PostedTree(RESULT.leaves, rows_of(RESULT.leaves))
    data = encode(RESULT.leaves)
    assert read_tree(data, tree.top.hashed, tree.top.sums) == tree
    assert read_sealed(data, tree.seal) == tree
    whole = encode(RESULT.leaves, tree.rows)
    assert read_tree(whole, tree.top.hashed, tree.top.sums).rows == tree.rows
    for wrong in (data[:-1], data + b"\0", b"", encode(RESULT.leaves[1:]), whole[:-64]):
        with pytest.raises(VerificationFailed, match="tree"):
            read_tree(wrong, tree.top.hashed, tree.top.sums)
        with pytest.raises(VerificationFailed, match="tree"):
            read_sealed(wrong, tree.seal)
    # The header is held to account, not the file.
    assert read_tree(data, tree.top.hashed, tree.top.sums ^ 1).top.sums == tree.top.sums ^ 1


def test_a_gap_hides_what_is_below_it_and_nothing_else() -> None:
    leaves = list(RESULT.leaves)
    leaves[-1] = leaves[-1]._replace(sums=leaves[-1].sums - 1)
    rows = [list(row) for row in rows_of(leaves)]
    rows[0][0] = Entry(bytes([1]) * 32, rows[0][0].sums)
    tree = read_tree(encode(leaves, rows), rows[-1][0].hashed, rows[-1][0].sums)
    header = header_of(tree)
    look = TreeLook(header, tree)
    assert look.hides
    assert look.shown.keys() == set(range(2, len(rows[0])))
    found = [each.name for each in find_challenges(header, tree, RULES)]
    assert found == ["challenge_formula"]
    with pytest.raises(VerificationFailed, match="has a gap at height 0"):
        read_sealed(encode(leaves, rows), tree.seal)


def test_amounts_are_within_the_budget() -> None:
    assert RESULT.tree.sums & HALF <= INPUTS.budget
    assert all(Facts.unpack(leaf.facts).is_staked for leaf in RESULT.leaves)
