# SPDX-License-Identifier: Apache-2.0
"""The benchmark runs on any vote files; on the real ones the promises of the rules hold."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.consensus import report, votes

ROOT = Path(__file__).resolve().parents[3]
REAL = ROOT.parent / "shared" / "data" / "votes"
HEADER = "dataset,item,rater,vote,gold,latency_ms,model,method\n"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.consensus", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def write(folder: Path, name: str, rows: list[str]) -> None:
    with gzip.open(folder / f"{name}.csv.gz", "wt", encoding="utf-8", newline="") as file:
        file.write(HEADER + "".join(row + "\n" for row in rows))


def made_up(folder: Path, items: range, name: str = "made-up") -> None:
    """Six raters, the first of which are right most often; scores beside verdicts."""
    verdicts, scores = [], []
    for item in items:
        gold = item % 2
        for rater in range(6):
            wrong = item % (5 - rater // 2) == 0
            vote = 1 - gold if wrong else gold
            verdicts.append(f"{name},i{item},r{rater},{vote},{gold},5,m{rater % 2},p{rater // 2}")
            scores.append(f"{name}-score,i{item},r{rater},{item % 50 + rater},{item % 50},,,")
    write(folder, name, verdicts)
    write(folder, f"{name}-score", scores)


def test_without_votes_it_is_skipped_with_the_reason(tmp_path: Path) -> None:
    done = run("--data", str(tmp_path))
    assert (done.returncode, done.stdout.startswith("skipped: no vote files in ")) == (0, True)


def test_it_prints_its_tables(tmp_path: Path) -> None:
    made_up(tmp_path, range(80))
    done = run("--data", str(tmp_path), "--draws", "2")
    assert done.stderr == ""
    for title in ("class prior", "one of five lies", "adaptive", "target", "RMSE"):
        assert title in done.stdout
    assert "targets missed" in done.stdout


def test_held_out_items_are_tested_with_all_others_as_history(tmp_path: Path) -> None:
    known, more = tmp_path / "known", tmp_path / "more"
    known.mkdir()
    more.mkdir()
    made_up(known, range(40))
    made_up(more, range(30, 60))
    made_up(more, range(10), name="new")
    sets = {one.name: one for one in votes.datasets(known, more)}
    assert (len(sets["made-up"].history), len(sets["made-up"].test)) == (40, 20)
    assert (len(sets["new"].history), len(sets["new"].test)) == (5, 5)
    assert sets["made-up"].is_binary
    assert not sets["made-up-score"].is_binary


def test_three_replicas_are_the_first_of_five(tmp_path: Path) -> None:
    made_up(tmp_path, range(10))
    (one, *_) = votes.datasets(tmp_path)
    drawn = list(votes.draws(one.name, one.test, 3))
    assert len(drawn) == 3 * len(one.test)
    assert all(len(set(raters)) == 5 for _, raters in drawn)


@pytest.mark.skipif(not any(REAL.glob("*.csv.gz")), reason=f"no vote files in {REAL.name}")
def test_the_rules_keep_their_promises_on_real_votes() -> None:
    (rte,) = (one for one in votes.datasets(REAL) if one.name == "snow-rte")
    measured = report.measure(rte, 6)
    assert [target for target in measured.targets() if not target[-1]] == []
    # The reference values published with the votes are for 20 draws; six are close.
    assert abs(measured.scores[5, report.MAJORITY].accuracy - 0.867) < 0.01
