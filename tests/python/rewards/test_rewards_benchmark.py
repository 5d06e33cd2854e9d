# SPDX-License-Identifier: Apache-2.0
"""The benchmark runs, small; what it makes up is what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.rewards.extraction import extraction
from benchmarks.rewards.made_up import FIVE, made_up_records, made_up_roster
from benchmarks.rewards.speed import WORST_NODES, epoch_costs, tree_cost
from cortensor.rewards.collusion import find_pairs
from cortensor.rewards.records import AGREED, DISSENTED


@pytest.mark.parametrize("network", WORST_NODES)
def test_an_epochs_folder_is_measured_in_processes_of_their_own(
    tmp_path: Path, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.rewards.speed.WINDOW_ROWS", 7_000)
    found = epoch_costs(tmp_path, 200, 10_000, network)
    assert min(found.write.peak_mb, found.verify.peak_mb) > 0
    assert found.write.root == found.verify.root
    (folder,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    assert {path.name for path in folder.iterdir()} >= {"report.html", "tree.bin", "metrics.csv"}
    assert len(list((folder / "inputs" / "history").glob("*.bin"))) == len(found.history)
    assert bool(found.history) == (network == "quiet")
    assert found.contested + sum(found.history) <= 7_000


def test_a_tree_is_measured_in_a_process_of_its_own() -> None:
    tree = tree_cost(1_000)
    assert tree.peak_mb > 0
    assert len(tree.root) == 64


def test_receipts_are_read_to_rows() -> None:
    found = extraction(1)
    assert (found.receipts, found.rows) == (1_000, 5_000)
    assert found.each_us > 0


def test_what_is_made_up_has_tasks_that_agree_with_themselves() -> None:
    rows = made_up_records(made_up_roster(50), 2_000)
    assert len(rows) == 2_000
    for _, task in rows.group_by("task"):
        sides = task["outcome"].to_list()
        assert sides.count(AGREED) >= sides.count(DISSENTED)


def test_what_is_made_up_has_copiers_to_be_found() -> None:
    pairs = find_pairs(made_up_records(made_up_roster(500), 40_000)).pairs
    copying = {(pair.node, pair.other) for pair in pairs}
    assert copying
    assert {(node % FIVE, other - node) for node, other in copying} == {(0, 1)}
