# SPDX-License-Identifier: Apache-2.0
"""The parts of the router's benchmark: load against the fake server, medians, targets, verdicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.router import endurance, processes, report, rounds, subjects
from benchmarks.router.books import Books
from benchmarks.router.load import Measured, quantile
from benchmarks.router.rounds import Sample
from cortensor.errors import Unavailable


def sample(name: str, level: int, number: int, *, rps: float, p50: float) -> Sample:
    measured = Measured(
        count=int(rps), seconds=1.0, p50_ms=p50, p99_ms=2 * p50, load_cpu=0.2, failures={}
    )
    return Sample(name, level, number, measured, cpu_ms=1.0, rss_mib=80.0)


def samples(*, ours: float, added: float) -> list[Sample]:
    """Three rounds; the machine is half as fast in each as in the one before."""
    found = []
    for number, slower in enumerate((1.0, 2.0, 4.0)):
        for name, rps, p50 in (
            (report.DIRECT, 10_000.0, 0.2),
            (report.PEER, 50.0, 0.2 + 20.0),
            (report.ONE, 50.0 * ours, 0.2 + added),
            (report.THREE, 300.0, 3.0),
        ):
            found += [
                sample(name, level, number, rps=rps / slower, p50=p50 * slower)
                for level in (1, report.BUSY)
            ]
    return found


def test_ratios_are_of_one_round_and_do_not_see_a_slow_machine() -> None:
    rows = rounds.medians(samples(ours=16, added=1.0), report.DIRECT, report.PEER)
    by_name = {(row.name, row.concurrency): row for row in rows}
    ours = by_name[report.ONE, report.BUSY]
    assert ours.ratio == pytest.approx(16)
    assert ours.added_p50_ms == pytest.approx(2.0)  # of the round in the middle
    assert by_name[report.PEER, 1].ratio == pytest.approx(1)
    assert len(report.table(rows)) == 2 + len(rows)


@pytest.mark.parametrize(
    ("ours", "added", "met"), [(16, 1.0, [True] * 4), (14, 1.0, [False, True, True, True]),
                               (16, 3.0, [True, True, False, False])],
)  # fmt: skip
def test_targets_are_those_of_the_issue(ours: float, added: float, met: list[bool]) -> None:
    rows = rounds.medians(samples(ours=ours, added=added), report.DIRECT, report.PEER)
    told = report.targets(rows)
    assert [one.is_met for one in told] == met
    assert [" no |" in line for line in report.target_table(told)[2:]] == [not one for one in met]


def test_without_a_peer_there_are_no_targets() -> None:
    alone = [each for each in samples(ours=1, added=1) if each.name != report.PEER]
    assert report.targets(rounds.medians(alone, report.DIRECT, None)) == []


def test_books_are_sound_only_if_all_three_agree() -> None:
    good = Books(
        answers=9, receipts=10, charged_wei=70, spent_wei=70, reserved_wei=0, settled_wei=70,
        violations=[],
    )  # fmt: skip
    assert good.is_sound
    for field, value in (
        ("answers", 11), ("charged_wei", 69), ("reserved_wei", 1), ("settled_wei", 71),
        ("violations", ["x"]),
    ):  # fmt: skip
        data = {name: getattr(good, name) for name in good.__struct_fields__}
        bad = Books(**(data | {field: value}))
        assert not bad.is_sound
        assert "NOT SOUND" in report.book_line(bad)


def test_memory_is_flat_within_a_twentieth_after_warm_up() -> None:
    warm = [50.0, 80.0]
    flat = endurance.Memory(requests=200, rss_mib=[*warm, *[81.0] * 18], failures=0)
    grown = endurance.Memory(requests=200, rss_mib=[*warm, *[85.0] * 18], failures=0)
    assert (flat.is_flat, grown.is_flat) == (True, False)
    assert "NOT FLAT" in report.memory(grown)[-1]
    assert not endurance.Memory(requests=1, rss_mib=flat.rss_mib, failures=1).is_flat


def test_quantiles() -> None:
    assert (quantile([], 0.5), quantile([1.0], 0.99)) == (0.0, 1.0)
    assert quantile([float(i) for i in range(100)], 0.99) == 99.0


def test_load_is_measured_against_the_fake_server(tmp_path: Path) -> None:
    with subjects.backend(tmp_path, 20.0) as direct:
        sent = rounds.load(direct.order(8, requests=40))
        timed = rounds.measure(direct, 2, 0.3, 0)
    assert (sent.count, sent.failures) == (40, {})
    assert 18 < sent.p50_ms < 500  # its delay is seen
    assert timed.measured.count > 0
    assert timed.rss_mib > 5


def test_failures_are_counted_by_kind(tmp_path: Path) -> None:
    with subjects.backend(tmp_path, 0.0) as direct:
        order = direct.order(2, requests=4)
    gone = rounds.load(order)
    assert gone.count == 0
    assert sum(gone.failures.values()) == 4


def test_a_child_that_does_not_start_says_why(tmp_path: Path) -> None:
    log = tmp_path / "thing.log"
    with (
        processes.child(["sh", "-c", "echo because >&2"], log) as process,
        pytest.raises(Unavailable, match="thing did not start; its log ends:\nbecause"),
    ):
        processes.first_line(process, log)
