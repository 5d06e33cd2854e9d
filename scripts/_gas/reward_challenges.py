# SPDX-License-Identifier: Apache-2.0
"""Proofs against reward roots, each against a tree that is wrong in just that way."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from cortensor.rewards import Leaf, Tally
from scripts._gas.bench import Bench
from scripts._gas.reward_stage import Stage, header_of, post
from scripts._gas.reward_trees import (
    CARD,
    DEPTH,
    EMPTY,
    Spoilt,
    Tree,
    good_leaves,
    pair_of,
    tree_of,
)
from scripts._gas.scenario import Scenario

#: The leaf of the run that is wrong.
WRONG = 5


class Wrong(NamedTuple):
    """A wrong tree, the proof that shows it, what that takes after epoch and header, and a note."""

    kind: str
    tree: Tree
    arguments: tuple[Any, ...]
    note: str


def run_challenges(
    bench: Bench, stage: Stage, epoch: int, missing: tuple[str, str]
) -> Iterator[Scenario]:
    """Post each wrong tree and overthrow it.

    Args:
        bench: the contracts.
        stage: those of rewards.
        epoch: that is open; the one before it ended with `good_leaves`.
        missing: operator and node that were registered all through it.
    """
    makers: list[Callable[[], Wrong]] = [
        _formula,
        _operator,
        _prior,
        _new,
        _unregistered,
        lambda: _left_out(*missing),
        _order,
        _budget,
        _sum,
        _leaf_sum,
        _padding,
    ]
    for make in makers:
        wrong = make()
        with bench.aside():
            post(bench, stage, epoch, wrong.tree)
            challenge = stage.dispute.functions[f"challenge_{wrong.kind}"]
            call = challenge(epoch, header_of(bench, wrong.tree), *wrong.arguments)
            used = bench.send(call, bench.actors.anchorer)
            yield Scenario(f"epoch.challenge.{wrong.kind}", used, 1, wrong.note)


def _with(**changes: Any) -> list[Leaf]:
    """Return good leaves of which one has other words."""
    leaves = list(good_leaves())
    leaves[WRONG] = leaves[WRONG]._replace(**changes)
    return leaves


def _formula() -> Wrong:
    tree = tree_of(_with(sums=good_leaves()[WRONG].sums + 1))
    note = f"a leaf with a wei too much, depth {DEPTH}; half of the bond burnt, half paid"
    return Wrong("formula", tree, (tree.place(WRONG),), note)


def _operator() -> Wrong:
    tally = Tally.unpack(good_leaves()[WRONG].tally)
    more = msgspec.structs.replace(tally, operator_score=tally.operator_score + 1)
    tree = tree_of(_with(tally=more.pack()))
    own, left, right = (tree.place(WRONG + step) for step in (0, -1, 1))
    note = "an operator's score that his leaves do not sum to; five proofs"
    return Wrong("operator", tree, (own, own, own, left, right), note)


def _prior() -> Wrong:
    # Good leaves say of the level before what those of the last epoch do not say of theirs after.
    tree = tree_of(good_leaves())
    note = "a level that does not go on from the last epoch's; two proofs"
    return Wrong("prior", tree, (tree.place(WRONG), tree.place(WRONG)), note)


def _new() -> Wrong:
    prior = tree_of(good_leaves())
    tree = tree_of(_with(node=good_leaves()[WRONG].node + 1))
    places = (tree.place(WRONG), prior.place(WRONG), prior.place(WRONG + 1))
    return Wrong("new", tree, places, "a level of a node that the last epoch lacks; three proofs")


def _unregistered() -> Wrong:
    tree = tree_of(good_leaves())
    leaf = good_leaves()[WRONG]
    where = (tree.start + WRONG, tree.proof(WRONG))
    return Wrong("unregistered", tree, (*leaf, *where), "a leaf of a node that nobody registered")


def _left_out(operator: str, node: str) -> Wrong:
    tree = tree_of(good_leaves())
    after = bisect.bisect([leaf.operator for leaf in tree.leaves], int(operator, 16))
    around = (tree.place(after - 1), tree.place(after))
    return Wrong(
        "left_out",
        tree,
        (operator, node, *around),
        "a registered node that has no leaf; two proofs",
    )


def _order() -> Wrong:
    leaves = list(good_leaves())
    leaves[WRONG : WRONG + 2] = leaves[WRONG + 1], leaves[WRONG]
    tree = tree_of(leaves)
    return Wrong(
        "order",
        tree,
        (tree.place(WRONG), tree.place(WRONG + 1)),
        "neighbours that do not rise; two proofs",
    )


def _budget() -> Wrong:
    tree = tree_of(_with(sums=good_leaves()[WRONG].sums + CARD.budget_cap_wei))
    return Wrong("budget", tree, (), "a total beyond the budget; the header shows it")


def _sum() -> Wrong:
    hashed, sums = pair_of(tree_of(good_leaves()).rows[1][WRONG])
    entry = hashed + (sums - 1).to_bytes(32, "big")
    tree = tree_of(good_leaves(), Spoilt(1, WRONG, entry))
    children = (pair_of(tree.rows[0][2 * WRONG + step]) for step in (0, 1))
    note = "a node right above the leaves that lacks a wei of its children's"
    return Wrong("sum", tree, (*tree.node(WRONG, 1), *children), note)


def _leaf_sum() -> Wrong:
    leaf = good_leaves()[WRONG]
    entry = leaf.hash() + (leaf.sums + 1).to_bytes(32, "big")
    tree = tree_of(good_leaves(), Spoilt(0, WRONG, entry))
    said = (leaf.operator, leaf.detail(), leaf.sums)
    note = "other sums beside a leaf than in it"
    return Wrong("leaf_sum", tree, (*tree.node(WRONG, 0), *said), note)


def _padding() -> Wrong:
    tree = tree_of(good_leaves(), Spoilt(0, WRONG, EMPTY))
    return Wrong("padding", tree, tree.node(WRONG, 0), "an empty leaf among the others")
