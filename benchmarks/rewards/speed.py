# SPDX-License-Identifier: Apache-2.0
"""What one epoch, and one tree, take: CPU seconds and peak memory of a process of their own."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

import msgspec

from benchmarks.rewards.made_up import (
    MODELS,
    SECONDS,
    START,
    made_up_records,
    made_up_roster,
)
from cortensor.rewards import Leaf, RewardCard, Sums, SumTree
from cortensor.rewards.concentration import gini_bps, hhi_bps, lorenz_bps, top_share_bps
from cortensor.rewards.epoch import EpochInputs, compute_epoch
from cortensor.rewards.records import from_bytes, to_bytes

if TYPE_CHECKING:
    from cortensor.rewards.epoch import EpochResult

ROOT = Path(__file__).resolve().parents[2]
MOST_SECONDS, MOST_MEGABYTES = 60, 1_500


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """CPU seconds of all cores, peak resident MB, and the root that it came to."""

    cpu_s: float
    peak_mb: int
    root: str


def epoch_cost(folder: Path, nodes: int, rows: int) -> Cost:
    """Make an epoch up in this process, compute it in another."""
    records = folder / "records.bin"
    records.write_bytes(to_bytes(made_up_records(made_up_roster(nodes), rows)))
    return _in_a_process("epoch", str(records), str(nodes))


def tree_cost(leaves: int) -> Cost:
    """Build a tree of so many leaves and each of its proofs, in a process of its own."""
    return _in_a_process("tree", str(leaves))


def _in_a_process(*arguments: str) -> Cost:
    done = subprocess.run(  # noqa: S603 -- this very program
        [sys.executable, "-m", "benchmarks.rewards.speed", *arguments],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr.decode(errors="replace"))
    return msgspec.json.decode(done.stdout, type=Cost)


def _epoch(records: Path, nodes: int) -> bytes:
    card = RewardCard.load(ROOT / "config" / "reward-card.toml")
    result = compute_epoch(
        EpochInputs(
            epoch=START // SECONDS,
            start=START,
            end=START + SECONDS,
            budget=card.budget_cap_wei,
            card=card,
            roster=made_up_roster(nodes),
            prior={},
            records=from_bytes(records.read_bytes()),
            models=MODELS,
        )
    )
    report_of(result, nodes)
    return result.tree.root


def report_of(result: EpochResult, nodes: int) -> dict[str, Any]:
    """Return what an epoch's report shows of the whole of it."""
    by_operator: dict[int, int] = {}
    for leaf in result.leaves:
        amount = Sums.unpack(leaf.sums).amount
        by_operator[leaf.operator] = by_operator.get(leaf.operator, 0) + amount
    amounts = list(by_operator.values())
    return {
        "nodes": nodes,
        "gini_bps": gini_bps(amounts),
        "hhi_bps": hhi_bps(amounts),
        "top5_bps": top_share_bps(amounts),
        "lorenz_bps": lorenz_bps(amounts),
        "pairs": result.collusion.pairs,
    }


def some_leaves(count: int) -> list[Leaf]:
    """Return leaves with words as full as real ones."""
    facts, tally, sums = (1 << 215) // 3, (1 << 223) // 3, (1 << 90) // 3
    return [Leaf(1 + n // 7, n + 1, facts + n, tally + n, sums + n) for n in range(count)]


def _tree(count: int) -> tuple[bytes, float]:
    leaves = some_leaves(count)
    start = process_time()
    tree = SumTree(leaves)
    size = sum(map(len, tree.proofs()))
    if size != count * tree.depth * 64:
        raise SystemExit("a proof is missing: nothing was measured")
    return tree.root, process_time() - start


def main() -> None:
    """Run one measurement and print its cost as JSON."""
    kind, *arguments = sys.argv[1:]
    if kind == "epoch":
        start = process_time()
        root = _epoch(Path(arguments[0]), int(arguments[1]))
        seconds = process_time() - start
    else:
        root, seconds = _tree(int(arguments[0]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_000
    cost = Cost(cpu_s=round(seconds, 2), peak_mb=peak, root=root.hex())
    sys.stdout.buffer.write(msgspec.json.encode(cost))


if __name__ == "__main__":
    main()
