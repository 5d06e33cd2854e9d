# SPDX-License-Identifier: Apache-2.0
"""The leaves of a final epoch in runs, as NodeReward takes them: so many in a call, aligned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cortensor.epochs.gathering import final_tree
from cortensor.rewards.words import HALF

if TYPE_CHECKING:
    from cortensor.epochs.job import Job
    from cortensor.epochs.observing import RewardChain
    from cortensor.epochs.tree_file import PostedTree

RUN_DEPTH = 7
"""A run is of 128 leaves at most."""
MOST_TREES = 2
"""Trees that are kept: one epoch may be paid while another is swept."""


class Run(NamedTuple):
    """A run of leaves with the arguments of `pay` and `sweep`, and the wei it allots."""

    first: int
    last: int
    wei: int
    arguments: tuple[Any, ...]


class Runs:
    """Final epochs by their trees.

    Args:
        job: where trees are kept.
        chain: what is read.
    """

    def __init__(self, job: Job, chain: RewardChain) -> None:
        self._job = job
        self._chain = chain
        self._kept: dict[bytes, PostedTree] = {}

    def tree(self, epoch: int) -> PostedTree:
        """Return a final or expired epoch's tree. Raises NotFound, Unavailable: see `final_tree`.

        It is believed only if the seal on chain is its own.
        """
        seal = self._chain.rewards.root(epoch)
        tree = self._kept.get(seal)
        if tree is None:
            tree = final_tree(self._chain, epoch, self._job.settings, self._job.folder)
            self._kept = {**dict([*self._kept.items()][1 - MOST_TREES :]), seal: tree}
        return tree

    def unpaid(self, epoch: int, block: int, only: int | None = None) -> list[int]:
        """Return the first leaves of runs in which a block left money neither paid nor swept.

        Args:
            epoch: a final or expired one.
            block: at the end of which.
            only: the first leaf of the one run to look at; None for all.
        """
        tree = self.tree(epoch)
        size = _size(tree)
        first, end = (0, len(tree.leaves)) if only is None else (only, only + size)
        allotted = [
            first + place for place, leaf in enumerate(tree.leaves[first:end]) if leaf.sums & HALF
        ]
        paid = self._chain.rewards.are_paid(epoch, allotted, block)
        left = (place for place, done in zip(allotted, paid, strict=True) if not done)
        return sorted({place // size * size for place in left})

    def run(self, epoch: int, start: int) -> Run:
        """Return the run that begins with a leaf."""
        tree = self.tree(epoch)
        leaves = tree.leaves[start : start + _size(tree)]
        height = (len(leaves) - 1).bit_length()
        dues = [(leaf.operator, leaf.detail(), leaf.sums) for leaf in leaves]
        arguments = (epoch, start, dues, tree.proof(start >> height, height))
        wei = sum(leaf.sums & HALF for leaf in leaves)
        return Run(start, start + len(leaves) - 1, wei, arguments)


def _size(tree: PostedTree) -> int:
    return 1 << min(RUN_DEPTH, tree.depth)
