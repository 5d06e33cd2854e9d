# SPDX-License-Identifier: Apache-2.0
"""A reward tree as docs/spec/node-reward.md states it: whole rows in lists, no cleverness.

Written from the page and not from the contract or the package. Any entry of any row can be replaced
by what a cheat would put there; what is above it is then computed from that.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from eth_utils import keccak

from tests.model import reward_model

U128 = 2**128 - 1

#: Low bits first.
FACTS = (
    ("level_before", 8),
    ("level_after", 8),
    ("flags", 8),
    ("models", 16),
    ("tasks", 32),
    ("streak_before", 32),
    ("streak_after", 32),
    ("rate_bps", 16),
    ("agreement_bps", 16),
    ("consistency_bps", 16),
    ("answered_bps", 16),
    ("uptime_bps", 16),
)


class Sum(NamedTuple):
    """A node of the tree, as the contract takes it."""

    hashed: bytes
    sums: int


EMPTY = Sum(bytes(32), 0)


@dataclass(frozen=True)
class Facts:
    """What the receipts show of a node; a good one unless changed."""

    level_before: int = 0
    level_after: int = 0
    flags: int = 1
    models: int = 2
    tasks: int = 200
    streak_before: int = 0
    streak_after: int = 60
    rate_bps: int = 9_500
    agreement_bps: int = 9_000
    consistency_bps: int = 9_600
    answered_bps: int = 9_900
    uptime_bps: int = 9_800

    def word(self) -> int:
        """Return them packed."""
        packed, at = 0, 0
        for name, bits in FACTS:
            packed |= getattr(self, name) << at
            at += bits
        return packed


class Leaf(NamedTuple):
    """A leaf, as the contract takes it."""

    operator: str
    node: str
    facts: int
    tally: int
    sums: int

    def hash(self) -> bytes:
        """Return its hash."""
        return leaf_hash(int(self.operator, 16), self.detail(), self.sums)

    def detail(self) -> bytes:
        """Return the hash of what a payment need not know."""
        return words(int(self.node, 16), self.facts, self.tally)

    def entry(self) -> Sum:
        """Return it as a node of the tree."""
        return Sum(self.hash(), self.sums)

    def end(self) -> tuple[int, int]:
        """Return the level and streak that the node has after it: none where it cannot be."""
        said, rest = {}, self.facts
        for name, bits in FACTS:
            said[name] = rest % 2**bits
            rest >>= bits
        shares = [value for name, value in said.items() if name.endswith("_bps")]
        levels = said["level_before"], said["level_after"]
        if rest or self.tally >= 2**224 or max(shares) > 10_000 or max(levels) > 10:
            return 0, 0
        return (0, 0) if said["flags"] > 1 else (said["level_after"], said["streak_after"])

    @property
    def key(self) -> tuple[int, int]:
        """What leaves are sorted by."""
        return int(self.operator, 16), int(self.node, 16)


NOBODY = Leaf("0x" + "00" * 20, "0x" + "00" * 20, 0, 0, 0)


class Place(NamedTuple):
    """A leaf with its proof, as the contract takes it."""

    leaf: Leaf
    index: int
    proof: list[Sum]


NOWHERE = Place(NOBODY, 0, [])


class Work(NamedTuple):
    """What a node did in an epoch, before it is priced."""

    operator: str
    node: str
    facts: Facts
    work: int


def words(*numbers: int) -> bytes:
    """Return the hash of whole words."""
    return keccak(b"".join(number.to_bytes(32, "big") for number in numbers))


def leaf_hash(operator: int, detail: bytes, sums: int) -> bytes:
    """Return the hash of a leaf."""
    return words(operator, int.from_bytes(detail, "big"), sums)


def parent_hash(left: Sum, right: Sum) -> bytes:
    """Return the hash of an inner node."""
    return keccak(
        left.hashed + left.sums.to_bytes(32, "big") + right.hashed + right.sums.to_bytes(32, "big")
    )


def add(left: int, right: int) -> int:
    """Return packed sums added half by half; what does not fit is cut, as a cheat would."""
    amount = (left & U128) + (right & U128)
    score = (left >> 128) + (right >> 128)
    return (amount & U128) | (score & U128) << 128


@dataclass
class Tree:
    """Rows of nodes, the leaves first.

    Attributes:
        leaves: what stands in the row, without padding.
        wrong: (height, index) -> what stands there in place of what should.
        more: (height, index) -> what is added to the sums that should stand there.
    """

    leaves: list[Leaf]
    wrong: dict[tuple[int, int], Sum] = field(default_factory=dict)
    more: dict[tuple[int, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        width = 1
        while width < len(self.leaves):
            width *= 2
        row = [leaf.entry() for leaf in self.leaves]
        row += [EMPTY] * (width - len(row))
        self.rows = [self._replaced(0, row)]
        while len(row) > 1:
            row = self.rows[-1]
            pairs = zip(row[::2], row[1::2], strict=True)
            row = [Sum(parent_hash(a, b), add(a.sums, b.sums)) for a, b in pairs]
            self.rows.append(self._replaced(len(self.rows), row))

    def _replaced(self, height: int, row: list[Sum]) -> list[Sum]:
        found = [self.wrong.get((height, index), entry) for index, entry in enumerate(row)]
        return [
            entry._replace(sums=entry.sums + self.more.get((height, index), 0))
            for index, entry in enumerate(found)
        ]

    @property
    def depth(self) -> int:
        return len(self.rows) - 1

    @property
    def top(self) -> Sum:
        return self.rows[-1][0]

    @property
    def seal(self) -> bytes:
        """What the contract keeps of it."""
        return words(int.from_bytes(self.top.hashed, "big"), self.top.sums, self.depth)

    def proof(self, index: int, height: int = 0) -> list[Sum]:
        """Return a node's siblings, from below."""
        siblings = []
        for row in self.rows[height:-1]:
            siblings.append(row[index ^ 1])
            index //= 2
        return siblings

    def place(self, index: int) -> Place:
        """Return a leaf with its proof, or an empty one."""
        leaf = self.leaves[index] if index < len(self.leaves) else NOBODY
        return Place(leaf, index, self.proof(index))

    def around(self, key: tuple[int, int]) -> tuple[Place, Place]:
        """Return the two places between which a pair of operator and node would be."""
        index = sum(leaf.key < key for leaf in self.leaves)
        left = self.place(index - 1) if index else NOWHERE
        right = self.place(index) if index < len(self.rows[0]) else NOWHERE
        return left, right


def priced(card: Any, budget: int, works: list[Work]) -> list[Leaf]:
    """Return the leaves that follow from an epoch's works: the honest tree's."""
    works = sorted(works, key=lambda work: (int(work.operator, 16), int(work.node, 16)))
    scores = [reward_model.score(card, work.facts, work.work) for work in works]
    operators: defaultdict[str, int] = defaultdict(int)
    for work, score in zip(works, scores, strict=True):
        operators[work.operator] += score
    leaves = []
    for work, score in zip(works, scores, strict=True):
        own = operators[work.operator]
        amount = reward_model.amount(card, budget, score, own, sum(scores))
        level = reward_model.next_level(card, work.facts)
        facts = replace(work.facts, level_after=level).word()
        tally = work.work | own << 96
        leaves.append(Leaf(work.operator, work.node, facts, tally, amount | score << 128))
    return leaves
