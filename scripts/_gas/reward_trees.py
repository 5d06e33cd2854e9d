# SPDX-License-Identifier: Apache-2.0
"""Trees of reward epochs of which one run exists; what stands beside its path is made up.

A tree has 2**17 leaves, and everything in it is as large as it would be.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from eth_utils import keccak, to_checksum_address

from cortensor.rewards import (
    STAKED,
    Facts,
    Leaf,
    Proof,
    RewardCard,
    Sums,
    Tally,
    amount_of,
    lead_to,
    next_level,
    score_of,
)
from scripts._deploy.compiler import ROOT

CARD = RewardCard.load(ROOT / "config" / "reward-card.toml")
DEPTH, HEIGHT = 17, 7
RUN = 1 << HEIGHT
COUNT = 100_000
#: The run with an index in the middle of the row.
PLACE = 341
WORK = 2_500_000
#: What a leaf of the epoch gets and scores when all did about the same.
TOTAL_SCORE = COUNT * 3 * WORK
EMPTY = bytes(64)
INPUTS, LATER_INPUTS = (keccak(text=f"cortensor bench {which}") for which in ("inputs", "later"))
Pair = tuple[bytes, int]


class Spoilt(NamedTuple):
    """An entry that is not what is below it: at a height of the run, there the index-th."""

    height: int
    index: int
    entry: bytes


@dataclass(frozen=True)
class Tree:
    """A run of leaves, the rows of entries above them, and the path from there to the top.

    Attributes:
        leaves: of the run, without the empty ones that fill it up.
        rows: entries of the run by height, 64 bytes each, the last row has one.
        path: from that to the top.
        count: leaves of the whole tree.
        inputs: the hash of what it follows from.
    """

    leaves: list[Leaf]
    rows: list[list[bytes]]
    path: Proof
    count: int
    inputs: bytes = INPUTS

    @property
    def start(self) -> int:
        """The index of the run's first leaf."""
        return self.path.place << len(self.rows) - 1

    @property
    def header(self) -> tuple[bytes, int, int, bytes]:
        """What is posted of it."""
        entry = lead_to(self.rows[-1][0], self.path)
        return (*pair_of(entry), self.count, self.inputs)

    def proof(self, index: int, height: int = 0) -> list[Pair]:
        """Return the whole proof of an entry of the run: of a leaf, or above."""
        rows = self.rows[height:-1]
        siblings = [pair_of(row[(index >> step) ^ 1]) for step, row in enumerate(rows)]
        return [*siblings, *self.path.pairs()]

    def place(self, index: int) -> tuple[Any, ...]:
        """Return a leaf of the run as a challenge takes it."""
        leaf = self.leaves[index]
        addresses = [to_checksum_address(word.to_bytes(20, "big")) for word in leaf[:2]]
        return ((*addresses, *leaf[2:]), self.start + index, self.proof(index))

    def node(self, index: int, height: int) -> tuple[Any, ...]:
        """Return an entry of the run as a challenge takes it: height, index, itself, proof."""
        whole = (self.start >> height) + index
        return (height, whole, pair_of(self.rows[height][index]), self.proof(index, height))

    @property
    def dues(self) -> list[tuple[int, bytes, int]]:
        """What a payment needs of each leaf."""
        return [(leaf.operator, leaf.detail(), leaf.sums) for leaf in self.leaves]


def pair_of(entry: bytes) -> Pair:
    """Return hash and sums of an entry."""
    return entry[:32], int.from_bytes(entry[32:], "big")


def tree_of(leaves: Sequence[Leaf], spoilt: Spoilt | None = None) -> Tree:
    """Return a tree with a run of 128 leaves in its middle, one entry spoilt if so asked."""
    return Tree(list(leaves), _rows(leaves, HEIGHT, spoilt), Proof(PLACE, _beside(HEIGHT)), COUNT)


def tree_ending_with(leaves: Sequence[Leaf]) -> Tree:
    """Return a tree that ends with a run of fewer leaves: what follows them is empty."""
    height = (len(leaves) - 1).bit_length()
    place = (COUNT >> height) - 1
    siblings, empty = list(_beside(height)), _rows([], height, None)[-1][0]
    for step in range(len(siblings)):
        if not place >> step & 1:
            siblings[step] = empty
        empty = _parent(empty, empty)
    path = Proof(place, tuple(siblings))
    return Tree(list(leaves), _rows(leaves, height, None), path, (place << height) + len(leaves))


@functools.cache
def good_leaves() -> tuple[Leaf, ...]:
    """Return a run of leaves that follow from good work, of an operator each."""
    leaves = []
    for number in range(RUN):
        operator = (
            (0x40 << 152)
            + (number << 144)
            + int.from_bytes(keccak(number.to_bytes(2, "big"))[:18], "big")
        )
        node = int.from_bytes(keccak(text=f"cortensor bench node {number}")[:20], "big")
        leaves.append(good_leaf(operator, node, WORK + 1_000 * number))
    return tuple(leaves)


def good_leaf(operator: int, node: int, work: int = WORK) -> Leaf:
    """Return the leaf of a node that did so many units of work, as well as most."""
    facts = Facts(
        level_before=4,
        level_after=5,
        flags=STAKED,
        models=3,
        tasks=900,
        streak_before=31,
        streak_after=87,
        rate_bps=9_412,
        agreement_bps=9_655,
        consistency_bps=9_787,
        answered_bps=9_931,
        uptime_bps=9_978,
    )
    score = score_of(CARD, facts, work)
    tally = Tally(work=work, operator_score=score)
    facts = msgspec.structs.replace(facts, level_after=next_level(CARD, facts))
    amount = amount_of(CARD, CARD.budget_cap_wei, score, score, TOTAL_SCORE)
    return Leaf(operator, node, facts.pack(), tally.pack(), Sums(amount=amount, score=score).pack())


def _rows(leaves: Sequence[Leaf], height: int, spoilt: Spoilt | None) -> list[list[bytes]]:
    row = [leaf.entry() for leaf in leaves]
    row += [EMPTY] * ((1 << height) - len(row))
    rows = []
    for level in range(height + 1):
        if spoilt is not None and spoilt.height == level:
            row[spoilt.index] = spoilt.entry
        rows.append(row)
        row = [_parent(*row[at : at + 2]) for at in range(0, len(row) - 1, 2)]
    return rows


def _parent(left: bytes, right: bytes) -> bytes:
    total = pair_of(left)[1] + pair_of(right)[1]
    return keccak(left + right) + total.to_bytes(32, "big")


@functools.cache
def _beside(height: int) -> tuple[bytes, ...]:
    """Return entries as they would stand beside a path from a height to the top."""
    sums = Sums.unpack(good_leaves()[1].sums)
    siblings = []
    for level in range(height, DEPTH):
        hashed = keccak(text=f"cortensor bench sibling {level}")
        many = 1 << level
        # The last of the row are empty: a third of the largest.
        if level == DEPTH - 1:
            many = COUNT - many
        beside = Sums(amount=sums.amount * many * 4 // 5, score=sums.score * many * 9 // 10)
        siblings.append(hashed + beside.pack().to_bytes(32, "big"))
    return tuple(siblings)
