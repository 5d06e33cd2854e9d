# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a posted tree, as the proofs that overthrow it.

The tree is looked at from the top down, since a proof leads only over sums that add up; then its
leaves by the rules the contract has too. What remains different from one's own tree is facts: no
contract can tell whether receipts give them, so only the guardian's veto stops that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cortensor.epochs.tree_file import NOWHERE, Entry, address
from cortensor.errors import Error
from cortensor.receipts.keccak import WORD_BYTES, keccak256
from cortensor.rewards.formula import amount_of, next_level, score_of
from cortensor.rewards.words import HALF, HALF_BITS, Facts, Sums, Tally

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cortensor.chain.rewards import Header
    from cortensor.epochs.tree_file import PostedTree
    from cortensor.rewards.card import RewardCard
    from cortensor.rewards.sum_tree import Leaf

_ADDRESS_BITS = 160
_NO_HASH = bytes(WORD_BYTES)


class Challenge(NamedTuple):
    """A proof: the contract's function, what it takes after epoch and header, and why."""

    name: str
    arguments: tuple[Any, ...]
    reason: str


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
    yield from _structure(header, tree)
    leaves = tree.leaves[: header.count]
    yield from _order(leaves, tree)
    yield from _register(leaves, tree, rules)
    yield from _operators(leaves, tree)
    yield from _formula(header, leaves, tree, rules)
    yield from _priors(leaves, tree, rules.prior)


def _structure(header: Header, tree: PostedTree) -> Iterator[Challenge]:
    for height in range(tree.depth, -1, -1):
        for index, node in enumerate(tree.rows[height]):
            where = (height, index, tuple(node), tree.proof(index, height))
            if node.hashed == _NO_HASH:
                if height or node.sums or index < header.count:
                    yield Challenge(
                        "challenge_padding", where, f"is empty at height {height}, place {index}"
                    )
            elif height:
                left, right = tree.rows[height - 1][2 * index : 2 * index + 2]
                if not _adds_up(node, left, right):
                    yield Challenge(
                        "challenge_sum",
                        (*where, tuple(left), tuple(right)),
                        f"does not add up at height {height}, place {index}",
                    )
            elif index >= header.count:
                yield Challenge("challenge_padding", where, f"has a leaf {index} beyond its count")
            elif index < len(tree.leaves) and node.sums != tree.leaves[index].sums:
                leaf = tree.leaves[index]
                yield Challenge(
                    "challenge_leaf_sum",
                    (*where, leaf.operator, leaf.detail(), leaf.sums),
                    f"has other sums for leaf {index} than that says",
                )


def _adds_up(node: Entry, left: Entry, right: Entry) -> bool:
    if keccak256(left.to_bytes() + right.to_bytes()) != node.hashed:
        return True  # not its children: nothing to show
    return (left.sums & HALF) + (right.sums & HALF) == node.sums & HALF and (
        left.sums >> HALF_BITS
    ) + (right.sums >> HALF_BITS) == node.sums >> HALF_BITS


def _order(leaves: Sequence[Leaf], tree: PostedTree) -> Iterator[Challenge]:
    for index in range(len(leaves) - 1):
        left, right = leaves[index], leaves[index + 1]
        if (left.operator, left.node) >= (right.operator, right.node) and _are_addresses(
            left, right
        ):
            yield Challenge(
                "challenge_order",
                (tree.place(index), tree.place(index + 1)),
                f"has leaves {index} and {index + 1} that do not rise",
            )


def _register(leaves: Sequence[Leaf], tree: PostedTree, rules: Rules) -> Iterator[Challenge]:
    pairs = set(rules.pairs)
    for index, leaf in enumerate(leaves):
        if (leaf.operator, leaf.node) not in pairs:
            words = (leaf.operator, leaf.node, leaf.facts, leaf.tally, leaf.sums)
            yield Challenge(
                "challenge_unregistered",
                (*words, index, tree.proof(index)),
                f"pays {address(leaf.node)}, which was not registered",
            )
    there = {(leaf.operator, leaf.node) for leaf in leaves}
    for pair in sorted(pairs - there):
        yield Challenge(
            "challenge_left_out",
            (address(pair[0]), address(pair[1]), *_around(leaves, tree, pair)),
            f"leaves out {address(pair[1])}",
        )


def _operators(leaves: Sequence[Leaf], tree: PostedTree) -> Iterator[Challenge]:
    first = 0
    while first < len(leaves):
        last = first
        while last + 1 < len(leaves) and leaves[last + 1].operator == leaves[first].operator:
            last += 1
        total = sum(leaf.sums >> HALF_BITS for leaf in leaves[first : last + 1])
        for index in range(first, last + 1):
            if leaves[index].tally >> 96 == total or not _are_addresses(leaves[index]):
                continue
            edges = (
                tree.place(first - 1) if first else NOWHERE,
                tree.place(last + 1) if last + 1 < len(tree.rows[0]) else NOWHERE,
            )
            yield Challenge(
                "challenge_operator",
                (tree.place(index), tree.place(first), tree.place(last), *edges),
                f"has a wrong score of {address(leaves[index].operator)}, on which the cap rests",
            )
        first = last + 1


def _formula(
    header: Header, leaves: Sequence[Leaf], tree: PostedTree, rules: Rules
) -> Iterator[Challenge]:
    total = header.sums >> HALF_BITS
    for index, leaf in enumerate(leaves):
        if _are_addresses(leaf) and not _follows(leaf, total, rules):
            yield Challenge(
                "challenge_formula",
                (tree.place(index),),
                f"has a leaf {index} that the formula does not give",
            )


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


def _priors(
    leaves: Sequence[Leaf], tree: PostedTree, prior: PostedTree | None
) -> Iterator[Challenge]:
    before: Mapping[tuple[int, int], int] = (
        {}
        if prior is None
        else {(leaf.operator, leaf.node): index for index, leaf in enumerate(prior.leaves)}
    )
    for index, leaf in enumerate(leaves):
        pair = (leaf.operator, leaf.node)
        begins = (leaf.facts & 0xFF, leaf.facts >> 72 & 0xFFFFFFFF)
        if not _are_addresses(leaf):
            continue
        if prior is not None and pair in before:
            then = prior.leaves[before[pair]].facts
            if begins != (then >> 8 & 0xFF, then >> 104 & 0xFFFFFFFF):
                yield Challenge(
                    "challenge_prior",
                    (tree.place(index), prior.place(before[pair])),
                    f"begins {address(leaf.node)} at another level than it ended with",
                )
        elif begins != (0, 0):
            edges = (NOWHERE, NOWHERE) if prior is None else _around(prior.leaves, prior, pair)
            yield Challenge(
                "challenge_new",
                (tree.place(index), *edges),
                f"begins the new {address(leaf.node)} with a level or a streak",
            )


def _around(leaves: Sequence[Leaf], tree: PostedTree, pair: tuple[int, int]) -> tuple[Any, Any]:
    """Return the places of the leaves between which a pair would be."""
    at = sum((leaf.operator, leaf.node) < pair for leaf in leaves)
    left = tree.place(at - 1) if at else NOWHERE
    right = tree.place(at) if at < len(tree.rows[0]) else NOWHERE
    return left, right


def _are_addresses(*leaves: Leaf) -> bool:
    return not any(leaf.operator >> _ADDRESS_BITS or leaf.node >> _ADDRESS_BITS for leaf in leaves)
