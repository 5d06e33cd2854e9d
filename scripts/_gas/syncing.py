# SPDX-License-Identifier: Apache-2.0
"""The register is told the levels of many nodes at once."""

from __future__ import annotations

from collections.abc import Iterator

from scripts._gas.bench import Bench
from scripts._gas.reward_stage import Stage, finalise, post
from scripts._gas.reward_trees import DEPTH, RUN, Tree, good_leaves, tree_ending_with, tree_of
from scripts._gas.scenario import Scenario
from scripts._gas.used import Used

SIZES = (10, 100)


def run_syncs(
    bench: Bench, stage: Stage, before: tuple[int, Tree], epoch: int
) -> Iterator[Scenario]:
    """Sync runs of an open epoch's nodes, all of them known since the final one before.

    Args:
        bench: the chain.
        stage: the contracts.
        before: the last final epoch and its tree, with the same nodes.
        epoch: the open one.
    """
    with bench.aside():
        used = _sync(bench, stage, *before)
        note = f"levels of a run, proven at depth {DEPTH}, of nodes that had no word"
        yield Scenario(f"node.sync.{RUN}.first", used, RUN, note)
        for size in SIZES:
            with bench.aside():
                tree = tree_ending_with(good_leaves()[:size])
                used = _final(bench, stage, epoch, tree)
                note = "levels of the epoch's last run; by anyone"
                yield Scenario(f"node.sync.{size}", used, size, note)
        used = _final(bench, stage, epoch, tree_of(good_leaves()))
        note = f"levels of a run, proven at depth {DEPTH}; by anyone"
        yield Scenario(f"node.sync.{RUN}", used, RUN, note)


def _final(bench: Bench, stage: Stage, epoch: int, tree: Tree) -> Used:
    post(bench, stage, epoch, tree)
    finalise(bench, stage, epoch, tree)
    return _sync(bench, stage, epoch, tree)


def _sync(bench: Bench, stage: Stage, epoch: int, tree: Tree) -> Used:
    leaves = [tree.place(index)[0] for index in range(len(tree.leaves))]
    call = stage.reputation.functions.sync_run(epoch, tree.start, leaves, tree.path.pairs())
    return bench.send(call, bench.actors.anchorer)
