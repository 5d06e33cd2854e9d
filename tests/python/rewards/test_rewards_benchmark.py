# SPDX-License-Identifier: Apache-2.0
"""The benchmark runs, small; what it makes up is what it says."""

from __future__ import annotations

from pathlib import Path

from benchmarks.rewards.made_up import made_up_records, made_up_roster
from benchmarks.rewards.speed import epoch_cost, tree_cost
from cortensor.rewards.records import AGREED, DISSENTED


def test_an_epoch_and_a_tree_are_measured_in_processes_of_their_own(tmp_path: Path) -> None:
    epoch, tree = epoch_cost(tmp_path, 200, 10_000), tree_cost(1_000)
    assert min(epoch.peak_mb, tree.peak_mb) > 0
    assert len(epoch.root) == len(tree.root) == 64


def test_what_is_made_up_has_tasks_that_agree_with_themselves() -> None:
    rows = made_up_records(made_up_roster(50), 2_000)
    assert len(rows) == 2_000
    for _, task in rows.group_by("task"):
        sides = task["outcome"].to_list()
        assert sides.count(AGREED) >= sides.count(DISSENTED)
