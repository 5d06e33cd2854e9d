# SPDX-License-Identifier: Apache-2.0
"""Proofs that a posted tree is no tree of that kind: wrong sums, wrong places, a wrong depth.

What a node is, its hash says: nothing, a leaf, or two nodes. The contract takes each of these for
a fault where it must not stand, whatever else was published around it. It is looked for from the
top down, and only below nodes that add up: no path leads through one that does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cortensor.epochs.tree_file import PostedTree, depth_of
from cortensor.receipts.keccak import WORD_BYTES, keccak256
from cortensor.rewards.sum_tree import Leaf
from cortensor.rewards.words import HALF, HALF_BITS

if TYPE_CHECKING:
    from cortensor.chain.rewards import Header
    from cortensor.epochs.tree_file import Entry

_NO_HASH = bytes(WORD_BYTES)


class Challenge(NamedTuple):
    """A proof: the contract's function, what it takes after epoch and header, and why."""

    name: str
    arguments: tuple[Any, ...]
    reason: str


class TreeLook:
    """What a published tree shows of a posted one.

    Args:
        header: as posted.
        tree: as published; its top is the posted one.

    Attributes:
        faults: the proofs, those of the highest nodes first.
        shown: what stands at each place of the leaves' row that a proof leads to, None for nothing;
            without places whose leaf was not published, and empty where the row does not lie as
            deep as the contract takes it to.
    """

    def __init__(self, header: Header, tree: PostedTree) -> None:
        self._count = header.count
        # Rows as the hashes give them, from whatever place of the file.
        self._tree = PostedTree(tree.leaves, [list(row) for row in tree.rows])
        # The contract counts heights in a tree as deep as `count` leaves need.
        self._lift = depth_of(header.count) - tree.depth
        self._leaves = {leaf.hash(): leaf for leaf in tree.leaves}
        self._pairs = _pairs(tree)
        self.faults: list[Challenge] = []
        self.shown: dict[int, Leaf | None] = {}
        reached = [0]
        for height in range(tree.depth, -1, -1):
            reached = [below for index in reached for below in self._look(height, index)]

    @property
    def hides(self) -> bool:
        """Whether something of the tree cannot be told from what was published."""
        return not self.faults and len(self.shown) < len(self._tree.rows[0])

    def standing(self) -> PostedTree:
        """Return the tree with its leaves where they stand, whatever order the file has.

        One that is hidden is taken for the one before it, so that it is not taken for a place
        between two others.
        """
        leaves: list[Leaf] = []
        for place in range(self._count if self.shown else 0):
            before = leaves[-1] if leaves else Leaf(0, 0, 0, 0, 0)
            leaves.append(self.shown.get(place) or before)
        return PostedTree(leaves, self._tree.rows)

    def _look(self, height: int, index: int) -> tuple[int, ...]:
        """Note what is wrong with a node, or what it is; returns the children a proof leads to."""
        node, at = self._tree.rows[height][index], height + self._lift
        if at < 0:
            return ()
        fault = self._wrong(node, height, index)
        if fault is not None:
            self.faults.append(fault)
            return ()
        pair, leaf = self._pairs.get(node.hashed), self._leaves.get(node.hashed)
        if height and pair is not None:
            self._tree.rows[height - 1][2 * index : 2 * index + 2] = pair
            return 2 * index, 2 * index + 1
        if at == 0 and (leaf is not None or node.hashed == _NO_HASH):
            self.shown[index] = leaf
        return ()

    def _wrong(self, node: Entry, height: int, index: int) -> Challenge | None:
        """Return the proof against a node; None where it is what may stand there."""
        at = height + self._lift
        pair, leaf = self._pairs.get(node.hashed), self._leaves.get(node.hashed)
        if node.hashed == _NO_HASH:
            if at or node.sums or index < self._count:
                return self._fault("challenge_padding", height, index, (), "a node is empty")
        elif at == 0 and index >= self._count:
            return self._fault("challenge_padding", height, index, (), "a node is one too many")
        elif pair is not None and (at == 0 or not _adds_up(node, *pair)):
            words: tuple[Any, ...] = tuple(map(tuple, pair))
            return self._fault("challenge_sum", height, index, words, "a node does not add up")
        elif leaf is not None and (at or node.sums != leaf.sums):
            words = (leaf.operator, leaf.detail(), leaf.sums)
            return self._fault("challenge_leaf_sum", height, index, words, "a node is not its leaf")
        return None

    def _fault(
        self, name: str, height: int, index: int, words: tuple[Any, ...], what: str
    ) -> Challenge:
        node, at = self._tree.rows[height][index], height + self._lift
        where = (at, index, tuple(node), self._tree.proof(index, height))
        return Challenge(
            name, (*where, *words), f"is no such tree: {what} at height {at}, place {index}"
        )


def _pairs(tree: PostedTree) -> dict[bytes, tuple[Entry, Entry]]:
    """Return what lies below each node that is the hash of two that were published."""
    found = {}
    for row in tree.rows[:-1]:
        for left, right in zip(row[::2], row[1::2], strict=True):
            found[keccak256(left.to_bytes() + right.to_bytes())] = (left, right)
    return found


def _adds_up(node: Entry, left: Entry, right: Entry) -> bool:
    return (left.sums & HALF) + (right.sums & HALF) == node.sums & HALF and (
        left.sums >> HALF_BITS
    ) + (right.sums >> HALF_BITS) == node.sums >> HALF_BITS
