# SPDX-License-Identifier: Apache-2.0
"""The tree of an epoch as its proposer publishes it, believed as far as it leads to the root.

Magic, the number of leaves (u64), a byte that is 1 if the rows follow, then 160 bytes a leaf:
operator, node, facts, tally, sums, each a word. Rows are only there where leaves alone would not
give them, in a tree that somebody built wrong: from the leaves' row up, 64 bytes a node (hash,
sums), each row as long as the tree is wide at its height.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cortensor.epochs.packed_tree import (
    LEAF_BYTES,
    NO_LEAF,
    Entry,
    PackedLeaves,
    PackedRow,
    entry_of,
    pack_rows,
)
from cortensor.errors import VerificationFailed
from cortensor.receipts.keccak import WORD_BYTES, keccak256
from cortensor.rewards.sum_tree import ENTRY_BYTES, Leaf, seal

if TYPE_CHECKING:
    from collections.abc import Sequence

MAGIC = b"cortensor-reward-tree/1\n"
MAX_DEPTH = 24
COUNT_BYTES = 8
HEADER_BYTES = len(MAGIC) + COUNT_BYTES + 1

Siblings = list[tuple[bytes, int]]
PlaceTuple = tuple[tuple[str, str, int, int, int], int, Siblings]
"""The contract's `Place`: leaf, index, proof."""


_EMPTY = Entry(bytes(WORD_BYTES), 0)


class PostedTree(NamedTuple):
    """A tree by its rows, from the leaves' up; built right or wrong."""

    leaves: Sequence[Leaf]
    rows: Sequence[Sequence[Entry]]

    @property
    def top(self) -> Entry:
        """The uppermost node."""
        return self.rows[-1][0]

    @property
    def depth(self) -> int:
        """How many steps a leaf is below the top."""
        return len(self.rows) - 1

    @property
    def seal(self) -> bytes:
        """What the contract keeps of it, once it is final."""
        return seal(self.top.hashed, self.top.sums, self.depth)

    def proof(self, index: int, height: int = 0) -> Siblings:
        """Return a node's siblings from below, as the contracts take them."""
        beside = [
            self.rows[level][(index >> (level - height)) ^ 1] for level in range(height, self.depth)
        ]
        return [(entry.hashed, entry.sums) for entry in beside]

    def place(self, index: int) -> PlaceTuple:
        """Return the contract's `Place` of a leaf; of an empty one, whose leaf is all zero."""
        leaf = self.leaves[index] if index < len(self.leaves) else NO_LEAF
        return leaf_tuple(leaf), index, self.proof(index)


NOWHERE: PlaceTuple = (
    ("0x" + "00" * 20, "0x" + "00" * 20, 0, 0, 0),
    0,
    [],
)
"""The contract's `Place` of no leaf."""


def leaf_tuple(leaf: Leaf) -> tuple[str, str, int, int, int]:
    """Return the contract's `Leaf`; operator and node must be addresses."""
    return (address(leaf.operator), address(leaf.node), leaf.facts, leaf.tally, leaf.sums)


def address(number: int) -> str:
    """Return the lower-case address that an integer stands for."""
    return f"0x{number:040x}"


def seal_of(root: bytes, sums: int, count: int) -> bytes:
    """Return what the contract keeps of a final tree."""
    return seal(root, sums, depth_of(count))


def depth_of(count: int) -> int:
    """Return how deep the row of so many leaves lies."""
    return (count - 1).bit_length() if count > 1 else 0


def most_bytes(count: int) -> int:
    """Return how long the file of so many leaves can be, rows included, where a contract allows it.

    NodeReward takes no root of more than 2**MAX_DEPTH leaves.
    """
    count = min(count, 1 << MAX_DEPTH)
    return HEADER_BYTES + count * LEAF_BYTES + ((2 << depth_of(count)) - 1) * ENTRY_BYTES


def rows_of(leaves: Sequence[Leaf]) -> list[list[Entry]]:
    """Return the rows that leaves give, whatever their order; padded with empty ones.

    Raises:
        VerificationFailed: their sums do not fit in 128 bits.
    """
    row = [entry_of(leaf.entry()) for leaf in leaves]
    row += [_EMPTY] * ((1 << depth_of(len(leaves))) - len(row))
    rows = [row]
    while len(row) > 1:
        row = [_parent(row[at], row[at + 1]) for at in range(0, len(row), 2)]
        rows.append(row)
    return rows


def encode(leaves: Sequence[Leaf], rows: Sequence[Sequence[Entry]] | None = None) -> bytes:
    """Return the file of a tree; `rows` only where the leaves do not give them."""
    parts = [MAGIC, len(leaves).to_bytes(COUNT_BYTES, "big"), bytes([rows is not None])]
    parts += [b"".join(word.to_bytes(WORD_BYTES, "big") for word in leaf) for leaf in leaves]
    parts += [entry.to_bytes() for row in rows or () for entry in row]
    return b"".join(parts)


def decode_leaves(data: bytes) -> Sequence[Leaf]:
    """Return the leaves of a file. Raises VerificationFailed."""
    return _split(data)[0]


def read_tree(data: bytes, root: bytes, sums: int) -> PostedTree:
    """Return a published tree that has the posted root; what is below it may be anything.

    The top has the sums that were posted, whatever the file says: they are what is held to account.

    Raises:
        VerificationFailed: it is another tree, or none.
    """
    leaves, rows = _split(data)
    if rows[-1][0].hashed != root:
        raise VerificationFailed("is not the tree of the posted root", field="tree")
    rows[-1].put(0, Entry(root, sums).to_bytes())
    return PostedTree(leaves, rows)


def read_sealed(data: bytes, seal: bytes) -> PostedTree:
    """Return a published tree whose every leaf is in the tree that a seal is of.

    Raises:
        VerificationFailed: it is another tree, or none, or not whole.
    """
    leaves, rows = _split(data)
    tree = PostedTree(leaves, rows)
    if tree.seal != seal:
        raise VerificationFailed("is not the tree that was sealed", field="tree")
    for height in range(tree.depth):
        for index, above in enumerate(rows[height + 1]):
            if keccak256(rows[height].pair(index)) != above.hashed:
                raise VerificationFailed(f"has a gap at height {height}", field="tree")
    for index, entry in enumerate(rows[0]):
        if entry.hashed != (leaves[index].hash() if index < len(leaves) else _EMPTY.hashed):
            raise VerificationFailed(f"has another leaf {index}", field="tree")
    return tree


def _split(data: bytes) -> tuple[PackedLeaves, list[PackedRow]]:
    start = HEADER_BYTES
    count = int.from_bytes(data[len(MAGIC) : start - 1], "big")
    end = start + count * LEAF_BYTES
    has_rows = data[start - 1 : start] == b"\x01"
    if (
        not data.startswith(MAGIC)
        or count > 1 << MAX_DEPTH
        or len(data) < end
        or (len(data) != end and not has_rows)
    ):
        raise VerificationFailed("is no file of a tree", field="tree")
    leaves = PackedLeaves(memoryview(data)[start:end])
    if has_rows:
        return leaves, _rows(memoryview(data)[end:])
    try:
        return leaves, pack_rows(leaves, 1 << depth_of(count))
    except OverflowError as error:
        raise VerificationFailed("adds up to nothing: sums do not fit", field="tree") from error


def _rows(data: memoryview) -> list[PackedRow]:
    count = len(data) // ENTRY_BYTES
    # A whole binary tree has one node less than a power of two.
    if len(data) % ENTRY_BYTES or count == 0 or count & (count + 1):
        raise VerificationFailed("has rows that are no tree's", field="tree")
    rows, at, width = [], 0, (count + 1) // 2
    while width:
        end = at + width * ENTRY_BYTES
        rows.append(PackedRow(data[at:end]))
        at, width = end, width // 2
    return rows


def _parent(left: Entry, right: Entry) -> Entry:
    sums = left.sums + right.sums
    if sums >> (8 * WORD_BYTES):
        raise VerificationFailed("sums do not fit", field="tree")
    return Entry(keccak256(left.to_bytes() + right.to_bytes()), sums)
