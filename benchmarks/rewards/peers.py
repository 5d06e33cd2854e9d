# SPDX-License-Identifier: Apache-2.0
"""Standard trees of one batch: ours, OpenZeppelin's in JavaScript, `multiproof` in Python."""

from __future__ import annotations

from hashlib import sha256
from importlib import import_module
from time import process_time

import msgspec

from benchmarks.receipts.openzeppelin import library_tree
from benchmarks.rewards.speed import some_leaves
from cortensor.receipts import StandardMerkleTree, receipt_leaf, to_hex
from cortensor.rewards import SumTree

TYPES = ["bytes32", "uint64", "uint96"]
LEAST_TIMES = 20
ROUNDS = 5


class Peers(msgspec.Struct, frozen=True, kw_only=True):
    """CPU seconds from values to root, all of one batch; the sum tree's is of as many leaves."""

    leaves: int
    ours_s: float
    sum_tree_s: float
    openzeppelin_s: float
    multiproof_s: float

    @property
    def lead(self) -> float:
        """How many times as long the quicker peer takes as the slower of our trees."""
        return min(self.openzeppelin_s, self.multiproof_s) / max(self.ours_s, self.sum_tree_s)


def compare(leaves: int) -> Peers:
    """Build the same tree by each, in turn; returns the round of the median lead.

    Raises:
        SystemExit: a root differs, or a peer is not installed.
    """
    rounds = sorted((_round(leaves) for _ in range(ROUNDS)), key=lambda each: each.lead)
    return rounds[ROUNDS // 2]


def _round(leaves: int) -> Peers:
    theirs = library_tree(leaves, [])
    other, multiproof_s = _multiproof(leaves)
    values = batch_values(leaves)
    start = process_time()
    ours = to_hex(StandardMerkleTree([receipt_leaf(*value) for value in values]).root)
    ours_s = process_time() - start
    if len(roots := {ours, theirs.root, other}) != 1:
        raise SystemExit(f"the roots differ: {roots}")
    full = some_leaves(leaves)
    start = process_time()
    SumTree(full)
    return Peers(
        leaves=leaves,
        ours_s=ours_s,
        sum_tree_s=process_time() - start,
        openzeppelin_s=theirs.root_s,
        multiproof_s=multiproof_s,
    )


def batch_values(count: int) -> list[tuple[bytes, int, int]]:
    """Return the values that `benchmarks.receipts.openzeppelin` describes."""
    return [
        (sha256(f"digest-{count}-{i}".encode()).digest(), i + 1, (i + 1) * 10**18 + 7)
        for i in range(count)
    ]


def _multiproof(count: int) -> tuple[str, float]:
    try:
        library = import_module("multiproof")
    except ImportError as error:
        raise SystemExit("multiproof is in .venv-contracts: run this with its Python") from error
    values = [list(value) for value in batch_values(count)]
    start = process_time()
    root = library.StandardMerkleTree.of(values, TYPES).root
    seconds = process_time() - start
    return to_hex(root) if isinstance(root, bytes) else root, seconds
