# SPDX-License-Identifier: Apache-2.0
"""Leaves and rows of a published tree as the bytes of its file, made into objects when asked for.

A posted count costs its proposer nothing. As objects a leaf and what stands above it take about
1,900 bytes, as bytes 288.
"""

from __future__ import annotations

from abc import abstractmethod
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar, overload

from cortensor.receipts.keccak import WORD_BYTES, keccak256
from cortensor.rewards.sum_tree import ENTRY_BYTES, Leaf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LEAF_BYTES = 5 * WORD_BYTES
NO_LEAF: Final = Leaf(0, 0, 0, 0, 0)
_PAIR_BYTES = 2 * ENTRY_BYTES

T = TypeVar("T")


class Entry(NamedTuple):
    """A node of a tree."""

    hashed: bytes
    sums: int

    def to_bytes(self) -> bytes:
        """Return the 64 bytes that a parent hashes."""
        return self.hashed + self.sums.to_bytes(WORD_BYTES, "big")


def entry_of(data: bytes) -> Entry:
    """Return the node that 64 bytes are."""
    return Entry(data[:WORD_BYTES], int.from_bytes(data[WORD_BYTES:], "big"))


class _Made(Sequence[T]):
    """Items made when they are asked for; equal to any sequence of equal items."""

    __hash__ = None  # type: ignore[assignment]

    @abstractmethod
    def _make(self, index: int) -> T:
        """Return the item of a number that there is."""

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self._make(each) for each in range(*index.indices(len(self)))]
        return self._make(range(len(self))[index])

    def __iter__(self) -> Iterator[T]:
        return map(self._make, range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))


class PackedLeaves(_Made[Leaf]):
    """Leaves over the bytes of a file, 160 each."""

    def __init__(self, data: memoryview) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data) // LEAF_BYTES

    def _make(self, index: int) -> Leaf:
        at = index * LEAF_BYTES
        data, read = bytes(self._data[at : at + LEAF_BYTES]), int.from_bytes
        return Leaf(
            read(data[:32], "big"),
            read(data[32:64], "big"),
            read(data[64:96], "big"),
            read(data[96:128], "big"),
            read(data[128:], "big"),
        )


class PickedLeaves(_Made[Leaf]):
    """Leaves of a sequence by their numbers in it; a negative one is the leaf of zeros."""

    def __init__(self, leaves: Sequence[Leaf], numbers: array[int]) -> None:
        self._leaves, self._numbers = leaves, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def _make(self, index: int) -> Leaf:
        number = self._numbers[index]
        return NO_LEAF if number < 0 else self._leaves[number]


class PackedRow(_Made[Entry]):
    """A row of nodes over bytes, 64 each; they are copied by who first writes to them."""

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._data = memoryview(data).toreadonly()

    @classmethod
    def of(cls, row: Sequence[Entry]) -> PackedRow:
        """Return a row that can be written to without a change to the given one."""
        if isinstance(row, PackedRow):
            return cls(row._data)  # noqa: SLF001 - of its own kind
        return cls(b"".join(entry.to_bytes() for entry in row))

    def __len__(self) -> int:
        return len(self._data) // ENTRY_BYTES

    def _make(self, index: int) -> Entry:
        at = index * ENTRY_BYTES
        return entry_of(bytes(self._data[at : at + ENTRY_BYTES]))

    def pair(self, index: int) -> bytes:
        """Return the 128 bytes that the node above, with this place in its row, is to hash."""
        return bytes(self._data[index * _PAIR_BYTES : (index + 1) * _PAIR_BYTES])

    def put(self, at: int, data: bytes) -> None:
        """Write the bytes of one node or more from a place on."""
        if self._data.readonly:
            self._data = memoryview(bytearray(self._data))
        self._data[at * ENTRY_BYTES : at * ENTRY_BYTES + len(data)] = data


def pack_rows(leaves: Iterable[Leaf], width: int) -> list[PackedRow]:
    """Return the rows over leaves in their order, padded with empty nodes to a power of two.

    Raises:
        OverflowError: sums that do not fit in a word.
    """
    row = bytearray(width * ENTRY_BYTES)
    for index, leaf in enumerate(leaves):
        row[index * ENTRY_BYTES : (index + 1) * ENTRY_BYTES] = leaf.entry()
    rows = [PackedRow(row)]
    read = int.from_bytes
    while len(row) > ENTRY_BYTES:
        above = bytearray(len(row) // 2)
        for at in range(0, len(above), ENTRY_BYTES):
            pair = bytes(row[2 * at : 2 * at + _PAIR_BYTES])
            total = read(pair[32:64], "big") + read(pair[96:], "big")
            above[at : at + ENTRY_BYTES] = keccak256(pair) + total.to_bytes(WORD_BYTES, "big")
        row = above
        rows.append(PackedRow(row))
    return rows


class HashIndex:
    """Which of many things has a hash, in 4 bytes a slot: each is hashed again when looked up.

    Slots follow Python's keyed hash, so that nobody can choose things that fall into one.

    Args:
        count: how many things.
        hash_of: gives the hash of one by its number; equal ones are kept once.
    """

    def __init__(self, count: int, hash_of: Callable[[int], bytes]) -> None:
        self._hash_of = hash_of
        self._mask = (1 << (2 * count).bit_length()) - 1
        self._slots = array("I", bytes(4 * (self._mask + 1)))
        for number in range(count):
            slot, found = self._find(hash_of(number))
            if found is None:
                self._slots[slot] = number + 1

    def get(self, hashed: bytes) -> int | None:
        """Return the number of what has a hash; None for nothing."""
        return self._find(hashed)[1]

    def _find(self, hashed: bytes) -> tuple[int, int | None]:
        slot = hash(hashed) & self._mask
        while number := self._slots[slot]:
            if self._hash_of(number - 1) == hashed:
                return slot, number - 1
            slot = (slot + 1) & self._mask
        return slot, None
