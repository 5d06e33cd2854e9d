# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a posted tree, as the proofs that overthrow it.

The tree is looked at from the top down, since a proof leads only over sums that add up; then its
leaves by the rules the contract has too. What remains different from one's own tree is facts: no
contract can tell whether receipts give them, so only the guardian's veto stops that.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import chain, groupby, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from cortensor.epochs.tree_challenges import Challenge, TreeLook
from cortensor.epochs.tree_file import NOWHERE, address
from cortensor.errors import Error
from cortensor.rewards.formula import amount_of, next_level, score_of
from cortensor.rewards.words import HALF, HALF_BITS, Facts, Sums, Tally, possible_facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cortensor.chain.rewards import Header
    from cortensor.epochs.tree_file import PostedTree
    from cortensor.rewards.card import RewardCard
    from cortensor.rewards.sum_tree import Leaf

_ADDRESS_BITS = 160

Found = tuple[Challenge, tuple[int, ...]]
"""A proof, and the places of the posted tree that it shows."""


class Rules(NamedTuple):
    """What a tree is held to.

    Attributes:
        card: the epoch's.
        budget: wei.
        pairs: (operator, node) of everybody registered all through the epoch.
        prior: the tree of the last final epoch; None for none.
    """

    card: RewardCard
    budget: int
    pairs: Sequence[tuple[int, int]]
    prior: PostedTree | None


def find_challenges(header: Header, tree: PostedTree | None, rules: Rules) -> Iterator[Challenge]:
    """Give the proofs against a posted root, the cheapest first.

    Args:
        header: as posted.
        tree: the tree behind it; None if nobody publishes it, and then only the budget is provable.
        rules: what it is held to.
    """
    if header.sums & HALF > rules.budget:
        yield Challenge(
            "challenge_budget", (), f"allots {header.sums & HALF} wei of {rules.budget}"
        )
    if tree is None:
        return
    look = TreeLook(header, tree)
    yield from look.faults
    tree = look.standing()
    leaves = tree.leaves
    for each, place in _unregistered(leaves, tree, rules):
        if place in look.shown:
            yield each

    # What else is proven of a leaf names operator and node as addresses.
    def is_named(place: int) -> bool:
        return place in look.shown and (place >= len(leaves) or _are_addresses(leaves[place]))

    found = chain(
        _order(leaves, tree),
        _left_out(leaves, tree, rules),
        _operators(leaves, tree),
        _formula(header, leaves, tree, rules),
        _priors(leaves, tree, rules.prior),
    )
    yield from (each for each, places in found if all(map(is_named, places)))


def _unregistered(
    leaves: Sequence[Leaf], tree: PostedTree, rules: Rules
) -> Iterator[tuple[Challenge, int]]:
    pairs = set(rules.pairs)
    for index, leaf in enumerate(leaves):
        if (leaf.operator, leaf.node) not in pairs:
            words = (leaf.operator, leaf.node, leaf.facts, leaf.tally, leaf.sums)
            challenge = Challenge(
                "challenge_unregistered",
                (*words, index, tree.proof(index)),
                f"pays {address(leaf.node)}, which was not registered",
            )
            yield challenge, index


def _order(leaves: Sequence[Leaf], tree: PostedTree) -> Iterator[Found]:
    for index, (left, right) in enumerate(pairwise(leaves)):
        if (left.operator, left.node) >= (right.operator, right.node):
            challenge = Challenge(
                "challenge_order",
                (tree.place(index), tree.place(index + 1)),
                f"has leaves {index} and {index + 1} that do not rise",
            )
            yield challenge, (index, index + 1)


def _left_out(leaves: Sequence[Leaf], tree: PostedTree, rules: Rules) -> Iterator[Found]:
    missing = set(rules.pairs)
    missing.difference_update((leaf.operator, leaf.node) for leaf in leaves)
    for pair in sorted(missing):
        around, places = _around(leaves, tree, pair)
        challenge = Challenge(
            "challenge_left_out",
            (address(pair[0]), address(pair[1]), *around),
            f"leaves out {address(pair[1])}",
        )
        yield challenge, places


def _operators(leaves: Sequence[Leaf], tree: PostedTree) -> Iterator[Found]:
    first = 0
    for _, same in groupby(leaves, key=lambda leaf: leaf.operator):
        last, total = first - 1, 0
        for leaf in same:
            last, total = last + 1, total + (leaf.sums >> HALF_BITS)
        outside = _inside(tree, first - 1, last + 1)
        for index in range(first, last + 1):
            if leaves[index].tally >> 96 == total:
                continue
            edges = (
                tree.place(first - 1) if first else NOWHERE,
                tree.place(last + 1) if last + 1 < len(tree.rows[0]) else NOWHERE,
            )
            challenge = Challenge(
                "challenge_operator",
                (tree.place(index), tree.place(first), tree.place(last), *edges),
                f"has a wrong score of {address(leaves[index].operator)}, on which the cap rests",
            )
            yield challenge, (index, first, last, *outside)
        first = last + 1


def _formula(
    header: Header, leaves: Sequence[Leaf], tree: PostedTree, rules: Rules
) -> Iterator[Found]:
    total = header.sums >> HALF_BITS
    for index, leaf in enumerate(leaves):
        if not _follows(leaf, total, rules):
            challenge = Challenge(
                "challenge_formula",
                (tree.place(index),),
                f"has a leaf {index} that the formula does not give",
            )
            yield challenge, (index,)


def _follows(leaf: Leaf, total: int, rules: Rules) -> bool:
    try:
        facts, tally = Facts.unpack(leaf.facts), Tally.unpack(leaf.tally)
        score = score_of(rules.card, facts, tally.work)
        amount = amount_of(rules.card, rules.budget, score, tally.operator_score, total)
        return (
            leaf.sums == Sums(amount=amount, score=score).pack()
            and next_level(rules.card, facts) == facts.level_after
        )
    except Error:
        return False  # facts that cannot be


def _priors(leaves: Sequence[Leaf], tree: PostedTree, prior: PostedTree | None) -> Iterator[Found]:
    before: Mapping[tuple[int, int], int] = (
        {}
        if prior is None
        else {(leaf.operator, leaf.node): index for index, leaf in enumerate(prior.leaves)}
    )
    for index, leaf in enumerate(leaves):
        pair = (leaf.operator, leaf.node)
        begins = (leaf.facts & 0xFF, leaf.facts >> 72 & 0xFFFFFFFF)
        if prior is not None and pair in before:
            if begins != _end(prior.leaves[before[pair]]):
                challenge = Challenge(
                    "challenge_prior",
                    (tree.place(index), prior.place(before[pair])),
                    f"begins {address(leaf.node)} at another level than it ended with",
                )
                yield challenge, (index,)
        elif begins != (0, 0):
            edges = (NOWHERE, NOWHERE) if prior is None else _around(prior.leaves, prior, pair)[0]
            challenge = Challenge(
                "challenge_new",
                (tree.place(index), *edges),
                f"begins the new {address(leaf.node)} with a level or a streak",
            )
            yield challenge, (index,)


def _end(leaf: Leaf) -> tuple[int, int]:
    """Return the level and streak that a final leaf leaves its node with."""
    facts = possible_facts(leaf.facts, leaf.tally)
    return (0, 0) if facts is None else (facts.level_after, facts.streak_after)


def _around(
    leaves: Sequence[Leaf], tree: PostedTree, pair: tuple[int, int]
) -> tuple[tuple[Any, Any], tuple[int, ...]]:
    """Return the places between which a pair would be, as the contract takes them, and which."""
    at = bisect_left(leaves, pair, key=lambda leaf: (leaf.operator, leaf.node))
    left = tree.place(at - 1) if at else NOWHERE
    right = tree.place(at) if at < len(tree.rows[0]) else NOWHERE
    return (left, right), _inside(tree, at - 1, at)


def _inside(tree: PostedTree, *places: int) -> tuple[int, ...]:
    return tuple(each for each in places if 0 <= each < len(tree.rows[0]))


def _are_addresses(*leaves: Leaf) -> bool:
    return not any(leaf.operator >> _ADDRESS_BITS or leaf.node >> _ADDRESS_BITS for leaf in leaves)
