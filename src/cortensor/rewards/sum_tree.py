# SPDX-License-Identifier: Apache-2.0
"""The Merkle-sum tree of an epoch: every node commits to the wei and the score under it.

A level is one run of bytes, 64 an entry (hash, sums), so that a pair of neighbours is the
128 bytes their parent hashes. Leaves rise by (operator, node) and are padded to a power of two
with empty entries; whole empty subtrees are not stored, since each level has one value for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sha3 import keccak_256

from cortensor.errors import InvalidInput
from cortensor.receipts.keccak import WORD_BYTES
from cortensor.rewards.words import HALF, HALF_BITS, Sums

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ENTRY_BYTES = 2 * WORD_BYTES
EMPTY = bytes(ENTRY_BYTES)
"""The entry of a leaf that pads: hash 0 and sums 0."""
MAX_DEPTH = 24
"""The contract takes proofs of so many siblings."""
_ADDRESS_BITS = 160


class Leaf(NamedTuple):
    """One node's part of an epoch; the words are `Facts`, `Tally` and `Sums`, packed."""

    operator: int
    node: int
    facts: int
    tally: int
    sums: int

    def key(self) -> int:
        """Return what leaves are sorted by."""
        return self.operator << _ADDRESS_BITS | self.node

    def detail(self) -> bytes:
        """Return the hash of node, facts and tally."""
        return _hash(
            b"".join(
                value.to_bytes(WORD_BYTES, "big") for value in (self.node, self.facts, self.tally)
            )
        )

    def hash(self) -> bytes:
        """Return the leaf's hash."""
        sums = self.sums.to_bytes(WORD_BYTES, "big")
        return _hash(self.operator.to_bytes(WORD_BYTES, "big") + self.detail() + sums)

    def entry(self) -> bytes:
        """Return hash and sums, as the tree holds them."""
        return self.hash() + self.sums.to_bytes(WORD_BYTES, "big")


class Proof(NamedTuple):
    """Where an entry stands: its siblings' entries from `depth` up to below the root.

    `place` counts entries of that depth: leaves at 0, runs of 2**depth leaves above.
    """

    place: int
    siblings: tuple[bytes, ...]

    def pairs(self) -> list[tuple[bytes, int]]:
        """Return (hash, sums) of each sibling, as the contract takes them."""
        return [
            (entry[:WORD_BYTES], int.from_bytes(entry[WORD_BYTES:], "big"))
            for entry in self.siblings
        ]


class SumTree:
    """The tree over leaves that rise strictly by (operator, node); without any, one empty leaf.

    Raises:
        InvalidInput: if two leaves are out of order or equal, there are more than 2**24, an address
            or a word does not fit, or amounts or scores add up to more than 128 bits.
    """

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        if len(leaves) > 1 << MAX_DEPTH:
            raise InvalidInput(f"must be at most 2**{MAX_DEPTH}", field="leaves")
        self.leaves = leaves
        _check_order(leaves)
        _check_totals(leaves)
        self._levels = [_leaf_level(leaves) or EMPTY]
        self._empty = [EMPTY]
        while len(self._levels[-1]) > ENTRY_BYTES:
            below, empty = self._levels[-1], self._empty[-1]
            if len(below) % (2 * ENTRY_BYTES):
                below += empty
            self._levels.append(_parents(below))
            self._empty.append(_parents(2 * empty))

    @property
    def depth(self) -> int:
        """How many siblings a leaf's proof has."""
        return len(self._levels) - 1

    @property
    def root(self) -> bytes:
        """The 32-byte root."""
        return self._levels[-1][:WORD_BYTES]

    @property
    def sums(self) -> int:
        """The root's packed sums."""
        return int.from_bytes(self._levels[-1][WORD_BYTES:], "big")

    @property
    def seal(self) -> bytes:
        """The 32 bytes that the contract keeps of a final tree: root, sums and depth, hashed."""
        return seal(self.root, self.sums, self.depth)

    def entry(self, depth: int, index: int) -> bytes:
        """Return the entry over leaves `index * 2**depth` and on. Raises InvalidInput."""
        if not 0 <= depth <= self.depth or not 0 <= index < 1 << (self.depth - depth):
            raise InvalidInput("is outside the tree", field="index")
        start = index * ENTRY_BYTES
        return self._levels[depth][start : start + ENTRY_BYTES] or self._empty[depth]

    def proof(self, index: int, depth: int = 0) -> Proof:
        """Return the proof of a leaf, or of an aligned run of 2**depth leaves.

        Args:
            index: of the leaf; of a run, its number among the runs of its size.
            depth: 0 for a leaf.

        Raises:
            InvalidInput: outside the tree. A padding leaf has a proof too: it shows the edge.
        """
        self.entry(depth, index)
        siblings = tuple(
            self.entry(level, (index >> (level - depth)) ^ 1) for level in range(depth, self.depth)
        )
        return Proof(index, siblings)

    def proofs(self) -> Iterator[bytes]:
        """Give each leaf's proof in order: its siblings' entries, one after the other."""
        levels, empty = self._levels[:-1], self._empty
        padded = [level + empty[number] for number, level in enumerate(levels)]
        step = ENTRY_BYTES
        for index in range(len(self.leaves)):
            yield b"".join(
                [
                    level[(start := ((index >> number) ^ 1) * step) : start + step]
                    for number, level in enumerate(padded)
                ]
            )


def seal(root: bytes, sums: int, depth: int) -> bytes:
    """Return what is kept of a tree: a leaf proven against it proves total and depth too."""
    return _hash(root + sums.to_bytes(WORD_BYTES, "big") + depth.to_bytes(WORD_BYTES, "big"))


def run_entry(leaves: Sequence[Leaf], depth: int) -> bytes:
    """Return the entry of a run of 2**depth leaves; those beyond the last one given are empty.

    Raises:
        InvalidInput: for more leaves than the run has, or none.
    """
    if not 0 < len(leaves) <= 1 << depth:
        raise InvalidInput(f"must be 1 to {1 << depth} leaves", field="leaves")
    level = _leaf_level(leaves) + EMPTY * ((1 << depth) - len(leaves))
    while len(level) > ENTRY_BYTES:
        level = _parents(level)
    return level


def lead_to(entry: bytes, proof: Proof) -> bytes:
    """Return the root's entry that an entry and its proof lead to.

    Raises:
        InvalidInput: if sums overflow a half on the way, which the contract refuses too.
    """
    place = proof.place
    for sibling in proof.siblings:
        pair = sibling + entry if place & 1 else entry + sibling
        entry = _checked_parent(pair)
        place >>= 1
    if place:
        raise InvalidInput("is outside the tree", field="index")
    return entry


def verify(root: bytes, sums: int, entry: bytes, proof: Proof) -> bool:
    """Return whether an entry stands where its proof says, under this root and these sums."""
    try:
        return lead_to(entry, proof) == root + sums.to_bytes(WORD_BYTES, "big")
    except InvalidInput:
        return False


def _hash(data: bytes) -> bytes:
    digest: bytes = keccak_256(data).digest()
    return digest


def _check_order(leaves: Sequence[Leaf]) -> None:
    before = -1
    for position, (operator, node, _, _, _) in enumerate(leaves):
        if operator >> _ADDRESS_BITS or node >> _ADDRESS_BITS:
            raise InvalidInput("must have addresses", field=f"leaves[{position}]")
        key = operator << _ADDRESS_BITS | node
        if key <= before:
            raise InvalidInput("must rise by operator and node", field=f"leaves[{position}]")
        before = key


def _check_totals(leaves: Sequence[Leaf]) -> None:
    # No half carries into the other anywhere below, if the totals have room.
    sums = [leaf.sums for leaf in leaves]
    amount = sum([each & HALF for each in sums])
    Sums(amount=amount, score=(sum(sums) - amount) >> HALF_BITS).pack()


def _leaf_level(leaves: Sequence[Leaf]) -> bytes:
    keccak = keccak_256  # bound once: this loop runs for every leaf
    size = WORD_BYTES
    entries = []
    try:
        for operator, node, facts, tally, sums in leaves:
            words = facts.to_bytes(size, "big") + tally.to_bytes(size, "big")
            detail = keccak(node.to_bytes(size, "big") + words).digest()
            tail = sums.to_bytes(size, "big")
            entries.append(keccak(operator.to_bytes(size, "big") + detail + tail).digest() + tail)
    except OverflowError as error:
        raise InvalidInput("must fit uint256", field=f"leaves[{len(entries)}]") from error
    return b"".join(entries)


def _parents(level: bytes) -> bytes:
    keccak = keccak_256
    read = int.from_bytes
    entries = []
    for at in range(0, len(level), 2 * ENTRY_BYTES):
        pair = level[at : at + 2 * ENTRY_BYTES]
        total = read(pair[32:64], "big") + read(pair[96:128], "big")
        entries.append(keccak(pair).digest() + total.to_bytes(WORD_BYTES, "big"))
    return b"".join(entries)


def _checked_parent(pair: bytes) -> bytes:
    left = Sums.unpack(int.from_bytes(pair[32:64], "big"))
    right = Sums.unpack(int.from_bytes(pair[96:128], "big"))
    total = Sums(amount=left.amount + right.amount, score=left.score + right.score)
    return _hash(pair) + total.pack().to_bytes(WORD_BYTES, "big")
