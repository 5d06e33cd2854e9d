# SPDX-License-Identifier: Apache-2.0
"""Prints the rewards' figures of docs/performance.md; `--study` makes those of docs/rewards.md."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.rewards import plots, study_file
from benchmarks.rewards.peers import LEAST_TIMES, compare
from benchmarks.rewards.speed import (
    MOST_MEGABYTES,
    MOST_SECONDS,
    WORST_NODES,
    EpochCosts,
    epoch_costs,
    extraction_cost,
    tree_cost,
)
from benchmarks.rewards.tables import tables


def main() -> int:
    """Run it; returns 0 if every target is met, 1 if not."""
    parser = ArgumentParser(prog="python -m benchmarks.rewards", description=__doc__)
    parser.add_argument("--nodes", type=int, default=100_000, help="nodes of the epoch")
    parser.add_argument("--rows", type=int, default=5_000_000, help="records of the epoch")
    parser.add_argument("--batches", type=int, default=200, help="thousands of receipts to read")
    parser.add_argument("--leaves", type=int, default=1_000_000, help="leaves of the large tree")
    parser.add_argument("--peers", type=int, default=20_000, help="leaves of the compared trees")
    parser.add_argument("--study", action="store_true", help="run the tuning study, an hour of CPU")
    given = parser.parse_args()
    if given.study:
        figures = study_file.all_figures()
        study_file.write(figures)
        plots.write(figures)
        for name, table in tables(figures).items():
            say(f"{name}\n{table}")
        return 0
    say(
        f"epochs of {given.nodes:,} nodes and {given.rows:,} records (targets {MOST_SECONDS} s, "
        f"{MOST_MEGABYTES:,} MB)"
    )
    epochs = [measured_epoch(given.nodes, given.rows, network) for network in WORST_NODES]
    read, peak_mb = extraction_cost(given.batches)
    say(
        f"{read.receipts:,} receipts of five replicas read: {read.each_us} us each "
        f"({read.leaves_s:.1f} s for leaves, {read.bodies_s:.1f} s for bodies, "
        f"{read.rows_s:.1f} s for {read.rows:,} rows), {peak_mb:,} MB"
    )
    tree = tree_cost(given.leaves)
    say(
        f"sum tree of {given.leaves:,} leaves and every proof: {tree.cpu_s:.1f} s of CPU, "
        f"{tree.peak_mb:,} MB (target {MOST_SECONDS} s)"
    )
    peers = compare(given.peers)
    say(
        f"standard tree of {peers.leaves:,} values: ours {peers.ours_s:.2f} s, OpenZeppelin "
        f"{peers.openzeppelin_s:.2f} s, multiproof {peers.multiproof_s:.2f} s; same root; "
        f"sum tree {peers.sum_tree_s:.2f} s; at least {peers.lead:.1f} times (target {LEAST_TIMES})"
    )
    costs = [cost for each in epochs for cost in (each.write, each.verify)]
    is_met = (
        all(cost.cpu_s < MOST_SECONDS and cost.peak_mb < MOST_MEGABYTES for cost in costs)
        and tree.cpu_s < MOST_SECONDS
        and peers.lead >= LEAST_TIMES
    )
    return 0 if is_met else 1


def measured_epoch(nodes: int, rows: int, network: str) -> EpochCosts:
    """Measure one epoch, and print what it took."""
    with TemporaryDirectory() as folder:
        found = epoch_costs(Path(folder), nodes, rows, network)
    say(
        f"  {network}: {found.contested:,} contested, {sum(found.history):,} of "
        f"{len(found.history)} earlier epochs beside; folder written in "
        f"{found.write.cpu_s:.1f} s of CPU, {found.write.peak_mb:,} MB; verified from its inputs "
        f"in {found.verify.cpu_s:.1f} s, {found.verify.peak_mb:,} MB"
    )
    return found


def say(text: str) -> None:
    """Print."""
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
