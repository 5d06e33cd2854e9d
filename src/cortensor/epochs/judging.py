# SPDX-License-Identifier: Apache-2.0
"""A posted root beside one's own: the same, provably wrong, or wrong in what only a veto stops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from cortensor.epochs.challenges import Rules, find_challenges
from cortensor.epochs.observing import TREE_NAME, fetch_tree
from cortensor.epochs.tree_challenges import Challenge, TreeLook
from cortensor.epochs.tree_file import PostedTree, address, read_tree
from cortensor.errors import Error
from cortensor.rewards.epoch import why_nobody

if TYPE_CHECKING:
    from pathlib import Path

    from cortensor.chain.rewards import Posted
    from cortensor.epochs.observing import RewardChain
    from cortensor.epochs.settings import ObserveSettings
    from cortensor.rewards.epoch import EpochInputs, EpochResult

MOST_PROOFS = 16
"""Proofs of one root that are kept: one is enough, and the rest are in reserve."""


class Verdict(Struct, frozen=True):
    """What is to be said of a posted root.

    Attributes:
        outcome: `right`, or `wrong` with proofs, or `veto`: it differs, and nothing can be proven.
        reason: what is wrong, in a line; of a right root, why it pays nobody.
        challenges: proofs against it, the cheapest first.
    """

    outcome: Literal["right", "wrong", "veto"]
    reason: str
    challenges: list[Challenge]


def judge(
    posted: Posted,
    inputs: EpochInputs,
    result: EpochResult,
    prior: PostedTree | None,
    settings: ObserveSettings,
) -> Verdict:
    """Hold a posted root against the inputs that chain and receipts give.

    Args:
        posted: the root.
        inputs: of its epoch.
        result: what follows from them.
        prior: the tree of the last final epoch; None for none.
        settings: how its tree is fetched.
    """
    header = posted.header
    own = (result.tree.root, result.tree.sums, len(result.leaves))
    if (header.root, header.sums, header.count) == own:
        return Verdict("right", why_nobody(inputs, result), [])
    tree, why = _fetch(posted, settings)
    pairs = [(entry.operator, entry.node) for entry in inputs.roster.nodes]
    rules = Rules(inputs.card, inputs.budget, pairs, prior)
    found: list[Challenge] = []
    for challenge in find_challenges(header, tree, rules):
        found.append(challenge)
        if len(found) == MOST_PROOFS:
            break
    if found:
        return Verdict("wrong", found[0].reason, found)
    if tree is not None and TreeLook(header, tree).hides:
        why = "its tree is published with gaps, and what they hide is not known"
    return Verdict("veto", why or _difference(tree, result), [])


def prior_tree(
    chain: RewardChain, epoch: int, settings: ObserveSettings, own: Path | None
) -> PostedTree | None:
    """Return the tree of the last final epoch before one; None if there is none.

    Raises:
        Unavailable: nobody publishes it.
    """
    finals = chain.final_before(epoch, 1)
    if not finals:
        return None
    return final_tree(chain, finals[-1], settings, own)


def final_tree(
    chain: RewardChain, epoch: int, settings: ObserveSettings, own: Path | None
) -> PostedTree:
    """Return the tree of a final epoch. Raises NotFound and Unavailable as the chain's."""
    path = None if own is None else own / str(epoch) / TREE_NAME
    data = path.read_bytes() if path is not None and path.is_file() else None
    return chain.final_tree(epoch, data, settings)


def _fetch(posted: Posted, settings: ObserveSettings) -> tuple[PostedTree | None, str]:
    header = posted.header
    try:
        return read_tree(fetch_tree(posted, settings), header.root, header.sums), ""
    except Error as error:
        return None, f"its tree cannot be had: {error}"


def _difference(tree: PostedTree | None, result: EpochResult) -> str:
    """Say which node's facts are others than the receipts give."""
    theirs = {} if tree is None else {leaf.node: leaf for leaf in tree.leaves}
    different = [leaf for leaf in result.leaves if theirs.get(leaf.node) != leaf]
    if not different:
        return "its leaves are right and its root is not"
    more = f", and {len(different) - 1} more" if len(different) > 1 else ""
    return f"the receipts give other facts of {address(different[0].node)}{more}"
