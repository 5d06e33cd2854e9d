# SPDX-License-Identifier: Apache-2.0
"""Prints the receipts' figures of docs/performance.md: CPU time of one core."""

from __future__ import annotations

import json
import math
import sys
from argparse import ArgumentParser
from time import process_time
from typing import TYPE_CHECKING, Any

from benchmarks.receipts.openzeppelin import LibraryTree, batch_leaves, library_tree
from benchmarks.receipts.samples import bundles
from cortensor.receipts import Bundle, StandardMerkleTree, to_hex, verify_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RECEIPTS = 500
LEAVES = 100_000
ROUNDS = 10
PROOF_EACH = 50
"""One proof of so many is compared with OpenZeppelin's."""
PIECE = 25
"""Receipts that are timed together."""
LEAST_PER_SECOND = 2_000
MOST_BATCH_SECONDS = 3.0


def main() -> int:
    """Run it all; returns 0 if every target is met, 1 if not."""
    parser = ArgumentParser(prog="python -m benchmarks.receipts", description=__doc__)
    parser.add_argument("--receipts", type=int, default=RECEIPTS, help="different receipts")
    parser.add_argument("--leaves", type=int, default=LEAVES, help="leaves of the batch")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="rounds; the best counts")
    given = parser.parse_args()
    data = bundles(given.receipts)
    texts = [json.dumps(each).encode() for each in data]

    theirs = library_tree(given.leaves, range(0, given.leaves, PROOF_EACH))
    leaves = batch_leaves(given.leaves)
    _compare(leaves, theirs)

    per_second = given.receipts / _best(_verify, data, given.rounds)
    from_text = given.receipts / _best(_verify_text, texts, given.rounds)
    root = _best(StandardMerkleTree, [leaves], given.rounds)
    batch = _best(_build, [leaves], given.rounds)
    whole = _best(_from_values, [given.leaves], given.rounds)
    say(f"verify, parsed JSON: {per_second:,.0f} receipts/s (target {LEAST_PER_SECOND:,})")
    say(f"verify, from a file's bytes: {from_text:,.0f} receipts/s")
    say(f"batch of {given.leaves:,}: root {root:.2f} s, root and every proof {batch:.2f} s")
    say(f"from values to root: {whole:.2f} s, OpenZeppelin's {theirs.root_s:.1f} s")
    say(f"root and {len(theirs.proofs):,} proofs are OpenZeppelin's")
    return 0 if per_second >= LEAST_PER_SECOND and batch < MOST_BATCH_SECONDS else 1


def say(text: str) -> None:
    """Print."""
    sys.stdout.write(text + "\n")


def _verify(data: dict[str, Any]) -> None:
    _require(verify_bundle(data).verdict == "consistent")


def _verify_text(text: bytes) -> None:
    _require(verify_bundle(Bundle.load(text)).verdict == "consistent")


def _from_values(count: int) -> None:
    StandardMerkleTree(batch_leaves(count))


def _compare(leaves: Sequence[bytes], theirs: LibraryTree) -> None:
    tree = StandardMerkleTree(leaves)
    numbers = range(0, len(leaves), PROOF_EACH)
    proofs = [[to_hex(node) for node in tree.proof(number)] for number in numbers]
    if (to_hex(tree.root), proofs) != (theirs.root, theirs.proofs):
        raise SystemExit("root or proofs are not OpenZeppelin's: nothing was measured")


def _build(leaves: Sequence[bytes]) -> None:
    tree = StandardMerkleTree(leaves)
    for number in range(len(leaves)):
        tree.proof(number)


def _best(work: Callable[[Any], object], items: Sequence[Any], rounds: int) -> float:
    """Return the CPU seconds for all items: of every few together, the best of the rounds.

    Short pieces, so that what else runs on the machine disturbs some of their rounds and not all.
    """
    pieces = [items[at : at + PIECE] for at in range(0, len(items), PIECE)]
    best = [math.inf] * len(pieces)
    for _ in range(rounds):
        for number, piece in enumerate(pieces):
            start = process_time()
            for item in piece:
                work(item)
            best[number] = min(best[number], process_time() - start)
    return sum(best)


def _require(is_right: bool) -> None:
    if not is_right:
        raise SystemExit("a receipt did not verify: nothing was measured")


if __name__ == "__main__":
    sys.exit(main())
