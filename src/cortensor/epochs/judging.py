# SPDX-License-Identifier: Apache-2.0
"""A posted root: provably wrong, or beside one's own the same, or wrong in what only a veto stops.

What is provable follows from chain and posted tree. Only what is not takes the receipts, so that a
batch which nobody can read keeps no proof from being sent.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec import Struct

from cortensor.epochs.challenges import Rules, find_challenges
from cortensor.epochs.gathering import final_tree
from cortensor.epochs.observing import fetch_tree
from cortensor.epochs.tree_challenges import Challenge, TreeLook
from cortensor.epochs.tree_file import PostedTree, address, read_tree
from cortensor.errors import Error, Unavailable
from cortensor.rewards.epoch import why_nobody

if TYPE_CHECKING:
    from pathlib import Path

    from cortensor.chain.rewards import Posted
    from cortensor.epochs.observing import RewardChain
    from cortensor.epochs.settings import ObserveSettings
    from cortensor.rewards.epoch import EpochInputs, EpochResult

OTHER_INPUTS = "it was posted with an inputs hash that chain and receipts do not give"
MOST_PROOFS = 16
"""Proofs of one root that are kept: one is enough, and the rest are in reserve."""


class Proofs(NamedTuple):
    """What can be proven of a posted root without any receipt.

    Attributes:
        challenges: proofs against it, the cheapest first; empty if no rule is broken in what is
            published.
        tree: the tree behind it; None if it cannot be had.
        why: why it cannot.
    """

    challenges: list[Challenge]
    tree: PostedTree | None
    why: str


class Verdict(Struct, frozen=True):
    """What the receipts say of a posted root against which nothing can be proven.

    Attributes:
        outcome: `right`; `inputs`: right, but posted with another hash of the inputs than follows;
            or `veto`: it is another than the receipts give.
        reason: what is wrong, in a line; of a right root, why it pays nobody.
    """

    outcome: Literal["right", "inputs", "veto"]
    reason: str


def rules_of(chain: RewardChain, epoch: int, settings: ObserveSettings, own: Path | None) -> Rules:
    """Return what a root of an opened epoch is held to, by the chain and the last final tree.

    Args:
        chain: which is read.
        epoch: one that is open or posted.
        settings: how the last final tree is fetched.
        own: folder of one's own epochs; None for none.

    Raises:
        Unavailable: the node, that tree, or the epoch is not open any more (`not_done`).
    """
    span = chain.span(epoch)
    budget = chain.budget(span)
    if not budget.is_drawn:  # re-organised away between two questions
        raise Unavailable(f"epoch {epoch} is not open any more", code="not_done")
    pairs = [(int(operator, 16), int(node, 16)) for operator, node in chain.pairs(span)]
    earlier = chain.prior_epoch(epoch)
    prior = final_tree(chain, earlier, settings, own) if earlier else None
    return Rules(budget.card, budget.wei, pairs, prior)


def prove(posted: Posted, rules: Rules, settings: ObserveSettings) -> Proofs:
    """Look for what contracts take as proof against a posted root.

    Args:
        posted: the root.
        rules: of its epoch.
        settings: how its tree is fetched.
    """
    tree, why = _fetch(posted, settings)
    found = islice(find_challenges(posted.header, tree, rules), MOST_PROOFS)
    return Proofs(list(found), tree, why)


def compare(posted: Posted, proofs: Proofs, inputs: EpochInputs, result: EpochResult) -> Verdict:
    """Hold a posted root against the one that the receipts give.

    Args:
        posted: a root against which there is no proof.
        proofs: what looking for one found.
        inputs: of its epoch.
        result: what follows from them.
    """
    header = posted.header
    own = (result.tree.root, result.tree.sums, len(result.leaves))
    if (header.root, header.sums, header.count) == own:
        if header.inputs_hash != result.inputs_hash:
            return Verdict("inputs", OTHER_INPUTS)
        return Verdict("right", why_nobody(inputs, result))
    why = proofs.why
    if proofs.tree is not None and TreeLook(header, proofs.tree).hides:
        why = "its tree is published with gaps, and what they hide is not known"
    return Verdict("veto", why or _difference(proofs.tree, result))


def _fetch(posted: Posted, settings: ObserveSettings) -> tuple[PostedTree | None, str]:
    header = posted.header
    try:
        return read_tree(fetch_tree(posted, settings), header.root, header.sums), ""
    except Error as error:
        return None, f"its tree cannot be had: {error}"


def _difference(tree: PostedTree | None, result: EpochResult) -> str:
    """Say which node's facts are others than the receipts give."""
    nodes = {leaf.node for leaf in result.leaves}
    leaves = () if tree is None else tree.leaves
    theirs = {leaf.node: leaf for leaf in leaves if leaf.node in nodes}
    different = [leaf for leaf in result.leaves if theirs.get(leaf.node) != leaf]
    if not different:
        return "its leaves are right and its root is not"
    more = f", and {len(different) - 1} more" if len(different) > 1 else ""
    return f"the receipts give other facts of {address(different[0].node)}{more}"
