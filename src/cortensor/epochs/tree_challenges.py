# SPDX-License-Identifier: Apache-2.0
"""Proofs that a posted tree is no tree of that kind: wrong sums, wrong places, a wrong depth.

What a node is, its hash says: nothing, a leaf, or two nodes. The contract takes each of these for
a fault where it must not stand, whatever else was published around it. It is looked for from the
top down, and only below nodes that add up: no path leads through one that does not.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Mapping
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from cortensor.epochs.packed_tree import HashIndex, PackedRow, PickedLeaves, entry_of
from cortensor.epochs.tree_file import PostedTree, depth_of
from cortensor.receipts.keccak import WORD_BYTES, keccak256
from cortensor.rewards.sum_tree import ENTRY_BYTES, Leaf
from cortensor.rewards.words import HALF, HALF_BITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cortensor.chain.rewards import Header
    from cortensor.epochs.packed_tree import Entry

MOST_FAULTS = 64
"""Proofs of wrong nodes that are kept: each has a whole path, and one is enough."""
_NO_HASH = bytes(WORD_BYTES)
_NOTHING = -1
_NOT_SHOWN = -2


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
        faults: the proofs, those of the highest nodes first, so many as are kept.
        shown: what stands at each place of the leaves' row that a proof leads to, None for nothing;
            without places whose leaf was not published, and empty where the row does not lie as
            deep as the contract takes it to.
    """

    def __init__(self, header: Header, tree: PostedTree) -> None:
        self._count = header.count
        self._given = _Given(tree)
        # Rows as the hashes give them, from whatever place of the file.
        self._rows = [PackedRow.of(row) for row in tree.rows]
        self._tree = PostedTree(tree.leaves, self._rows)
        # The contract counts heights in a tree as deep as `count` leaves need.
        self._lift = depth_of(header.count) - tree.depth
        self.faults: list[Challenge] = []
        self.shown = Shown(tree.leaves, len(tree.rows[0]))
        reached = array("I", [0])
        for height in range(tree.depth, -1, -1):
            found = (below for index in reached for below in self._look(height, index))
            reached = array("I", found)

    @property
    def hides(self) -> bool:
        """Whether something of the tree cannot be told from what was published."""
        return not self.faults and len(self.shown) < len(self._tree.rows[0])

    def standing(self) -> PostedTree:
        """Return the tree with its leaves where they stand, whatever order the file has.

        One that is hidden is taken for the one before it, so that it is not taken for a place
        between two others.
        """
        numbers = self.shown.filled(self._count) if self.shown else array("i")
        return PostedTree(PickedLeaves(self._tree.leaves, numbers), self._rows)

    def _look(self, height: int, index: int) -> tuple[int, ...]:
        """Note what is wrong with a node, or what it is; returns the children a proof leads to."""
        node, at = self._rows[height][index], height + self._lift
        if at < 0:
            return ()
        pair, number = self._given.below(node.hashed, height, index)
        fault = self._wrong(node, height, index, pair, number)
        if fault is not None:
            if len(self.faults) < MOST_FAULTS:
                self.faults.append(self._fault(height, index, *fault))
            return ()
        if height and pair is not None:
            if pair != self._rows[height - 1].pair(index):
                self._rows[height - 1].put(2 * index, pair)
            return 2 * index, 2 * index + 1
        if at == 0 and (number is not None or node.hashed == _NO_HASH):
            self.shown.note(index, number)
        return ()

    def _wrong(
        self, node: Entry, height: int, index: int, pair: bytes | None, number: int | None
    ) -> tuple[str, tuple[Any, ...], str] | None:
        """Return what proves a node wrong; None where it is what may stand there."""
        at = height + self._lift
        if node.hashed == _NO_HASH:
            if at or node.sums or index < self._count:
                return "challenge_padding", (), "a node is empty"
        elif at == 0 and index >= self._count:
            return "challenge_padding", (), "a node is one too many"
        elif pair is not None:
            left, right = entry_of(pair[:ENTRY_BYTES]), entry_of(pair[ENTRY_BYTES:])
            if at == 0 or not _adds_up(node, left, right):
                return "challenge_sum", (tuple(left), tuple(right)), "a node does not add up"
        elif number is not None:
            leaf = self._tree.leaves[number]
            if at or node.sums != leaf.sums:
                words = (leaf.operator, leaf.detail(), leaf.sums)
                return "challenge_leaf_sum", words, "a node is not its leaf"
        return None

    def _fault(
        self, height: int, index: int, name: str, words: tuple[Any, ...], what: str
    ) -> Challenge:
        node, at = self._rows[height][index], height + self._lift
        where = (at, index, tuple(node), self._tree.proof(index, height))
        return Challenge(
            name, (*where, *words), f"is no such tree: {what} at height {at}, place {index}"
        )


class Shown(Mapping[int, Leaf | None]):
    """What stands at places of the leaves' row, by the leaves' numbers: 4 bytes a place."""

    def __init__(self, leaves: Sequence[Leaf], width: int) -> None:
        self._leaves = leaves
        self._numbers = array("i", [_NOT_SHOWN]) * width
        self._count = 0

    def note(self, place: int, number: int | None) -> None:
        """Note a leaf's number, None for nothing, at a place that has none yet."""
        self._numbers[place] = _NOTHING if number is None else number
        self._count += 1

    def filled(self, count: int) -> array[int]:
        """Return the numbers of so many places; one without a leaf has that of the one before."""
        numbers, before = array("i"), _NOTHING
        for number in islice(self._numbers, count):
            before = before if number < 0 else number
            numbers.append(before)
        return numbers

    def __getitem__(self, place: int) -> Leaf | None:
        if place not in self:
            raise KeyError(place)
        number = self._numbers[place]
        return None if number == _NOTHING else self._leaves[number]

    def __contains__(self, place: object) -> bool:
        return (
            isinstance(place, int)
            and 0 <= place < len(self._numbers)
            and self._numbers[place] != _NOT_SHOWN
        )

    def __iter__(self) -> Iterator[int]:
        return (place for place, each in enumerate(self._numbers) if each != _NOT_SHOWN)

    def __len__(self) -> int:
        return self._count


class _Given:
    """What was published, by its hash. Looked for at its own place first, then at any other."""

    def __init__(self, tree: PostedTree) -> None:
        self._leaves = tree.leaves
        self._rows = [PackedRow.of(row) for row in tree.rows]
        self._starts = [0]  # the first pair of each row, counted through all rows
        for row in self._rows[:-1]:
            self._starts.append(self._starts[-1] + len(row) // 2)

    def below(self, hashed: bytes, height: int, index: int) -> tuple[bytes | None, int | None]:
        """Return the pair or the number of the leaf that a node hashes; at most one is there."""
        if height:
            pair = self._rows[height - 1].pair(index)
            if keccak256(pair) == hashed:
                return pair, None
        elif index < len(self._leaves) and self._leaves[index].hash() == hashed:
            return None, index
        if hashed == _NO_HASH:
            return None, None
        number = self._anywhere.get(hashed)
        if number is None:
            return None, None
        if number < len(self._leaves):
            return None, number
        return self._pair(number - len(self._leaves)), None

    @cached_property
    def _anywhere(self) -> HashIndex:
        return HashIndex(len(self._leaves) + self._starts[-1], self._hash_of)

    def _hash_of(self, number: int) -> bytes:
        if number < len(self._leaves):
            return self._leaves[number].hash()
        return keccak256(self._pair(number - len(self._leaves)))

    def _pair(self, number: int) -> bytes:
        height = bisect_right(self._starts, number) - 1
        return self._rows[height].pair(number - self._starts[height])


def _adds_up(node: Entry, left: Entry, right: Entry) -> bool:
    return (left.sums & HALF) + (right.sums & HALF) == node.sums & HALF and (
        left.sums >> HALF_BITS
    ) + (right.sums >> HALF_BITS) == node.sums >> HALF_BITS
