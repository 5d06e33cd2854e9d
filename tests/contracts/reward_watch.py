# SPDX-License-Identifier: Apache-2.0
"""What a watcher tries against a posted tree: every proof, at every place, with its data."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import boa

from tests.contracts.rewards import OPEN
from tests.model.reward_tree_model import NOWHERE, Place, Tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contracts.rewards import Header, Rewarded

FORMULA, SUM, LEAF_SUM = "challenge_formula", "challenge_sum", "challenge_leaf_sum"
PADDING, ORDER, LEFT_OUT = "challenge_padding", "challenge_order", "challenge_left_out"
UNREGISTERED, OPERATOR = "challenge_unregistered", "challenge_operator"
PRIOR, NEW, BUDGET = "challenge_prior", "challenge_new", "challenge_budget"


class Attempt(NamedTuple):
    """A proof that somebody may try."""

    name: str
    arguments: tuple[Any, ...]


def attempts(
    tree: Tree, header: Header, pairs: list[tuple[str, str]], prior: Tree | None
) -> Iterator[Attempt]:
    """Yield every proof that a tree's data allow.

    Args:
        tree: the tree, wrong or not.
        header: as posted.
        pairs: operators and nodes that may be missing.
        prior: the tree of the last final epoch.
    """
    yield Attempt("challenge_budget", ())
    yield from _sums(tree)
    size = len(tree.rows[0])
    leaves = [tree.place(index) for index in range(len(tree.leaves))]
    for left, right in pairwise(leaves):
        yield Attempt("challenge_order", (left, right))
    for operator, node in pairs:
        around = tree.around((int(operator, 16), int(node, 16)))
        yield Attempt("challenge_left_out", (operator, node, *around))
    for place in leaves:
        yield Attempt("challenge_formula", (place,))
        leaf = place.leaf
        words = (*leaf.key, leaf.facts, leaf.tally, leaf.sums)
        yield Attempt("challenge_unregistered", (*words, place.index, place.proof))
        own = [one for one in leaves if one.leaf.operator == leaf.operator]
        first, last = own[0], own[-1]
        left = leaves[first.index - 1] if first.index else NOWHERE
        right = tree.place(last.index + 1) if last.index + 1 < size else NOWHERE
        yield Attempt("challenge_operator", (place, first, last, left, right))
        yield from _priors(place, prior)


def _sums(tree: Tree) -> Iterator[Attempt]:
    for height, row in enumerate(tree.rows):
        for index, node in enumerate(row):
            where = (height, index, node, tree.proof(index, height))
            yield Attempt("challenge_padding", where)
            if height:
                children = tree.rows[height - 1][2 * index : 2 * index + 2]
                yield Attempt("challenge_sum", (*where, *children))
            elif index < len(tree.leaves):
                leaf = tree.leaves[index]
                preimage = (int(leaf.operator, 16), leaf.detail(), leaf.sums)
                yield Attempt("challenge_leaf_sum", (*where, *preimage))


def _priors(place: Place, prior: Tree | None) -> Iterator[Attempt]:
    if prior is None:
        yield Attempt("challenge_new", (place, NOWHERE, NOWHERE))
        return
    yield Attempt("challenge_new", (place, *prior.around(place.leaf.key)))
    for index, leaf in enumerate(prior.leaves):
        if leaf.key == place.leaf.key:
            yield Attempt("challenge_prior", (place, prior.place(index)))


def lies(found: list[Attempt], tree: Tree, prior: Tree | None) -> Iterator[Attempt]:
    """Yield proofs whose parts are true, but do not belong together.

    Args:
        found: what `attempts` yields.
        tree: the tree.
        prior: the tree of the last final epoch.
    """
    leaves = [tree.place(index) for index in range(len(tree.leaves))]
    for left, right in pairwise(leaves):
        if left.leaf.operator == right.leaf.operator:
            before = leaves[left.index - 1] if left.index else NOWHERE
            yield Attempt("challenge_operator", (left, left, left, before, right))
            after = tree.place(right.index + 1) if right.index + 1 < len(tree.rows[0]) else NOWHERE
            yield Attempt("challenge_operator", (left, right, right, left, after))
        if prior and prior.leaves:
            other = prior.place(right.index % len(prior.leaves))
            if other.leaf.key != left.leaf.key:
                yield Attempt("challenge_prior", (left, other))
    for one, other in pairwise(sorted(found, key=lambda attempt: attempt.name)):
        if one.name == other.name:
            for at, part in enumerate(other.arguments):
                mixed = (*one.arguments[:at], part, *one.arguments[at + 1 :])
                if mixed not in (one.arguments, other.arguments):
                    yield Attempt(one.name, mixed)


def refusal(own: Rewarded, epoch: int, header: Header, attempt: Attempt) -> str | None:
    """Try a proof; return why it was refused, or None if it overthrew the root."""
    call = getattr(own.dispute, attempt.name)
    data = call.prepare_calldata(epoch, header, *attempt.arguments)
    # Not by `call` itself: nearly all are refused, and each report of that takes long.
    done = boa.env.execute_code(own.dispute.address, own.challenger, data=data)
    if done.is_success:
        # That it was let pass is not enough: the root has to be gone.
        assert own.reward.flight().state == OPEN
        return None
    # Error(string): four bytes, two words, the text. What the compiler refuses has none.
    return done.output[68:].rstrip(b"\0").decode()


def succeeds(own: Rewarded, epoch: int, header: Header, attempt: Attempt) -> bool:
    """Try a proof, undo it, and return whether it overthrew the root."""
    with boa.env.anchor():
        return refusal(own, epoch, header, attempt) is None


def proven(
    own: Rewarded,
    tree: Tree,
    header: Header,
    pairs: list[tuple[str, str]],
    prior: Tree | None = None,
) -> set[str]:
    """Return which proofs against a posted tree succeed, by name."""
    epoch = own.reward.flight().epoch
    return {
        attempt.name
        for attempt in attempts(tree, header, pairs, prior)
        if succeeds(own, epoch, header, attempt)
    }


def is_proven(own: Rewarded, tree: Tree, header: Header, name: str) -> bool:
    """Return whether a proof of that name succeeds against a posted tree, somewhere."""
    epoch = own.reward.flight().epoch
    tries = (one for one in attempts(tree, header, own.pairs, None) if one.name == name)
    return any(succeeds(own, epoch, header, attempt) for attempt in tries)
