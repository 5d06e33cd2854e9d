# SPDX-License-Identifier: Apache-2.0
"""`cortensor gas diff`: growth past a budget fails, and every change is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cortensor.cli import main
from cortensor.gas.baseline import WHAT_MATTERS, Change, percent

HEADER = dict.fromkeys(WHAT_MATTERS, "x")


def write(path: Path, scenarios: dict[str, int], **header: str) -> Path:
    entries = {
        name: {"gas_used": gas, "items": 1, "gas_per_item": gas, "note": ""}
        for name, gas in scenarios.items()
    }
    data = {"header": HEADER | header, "code_bytes": {}, "scenarios": entries}
    path.write_text(json.dumps(data))
    return path


def run(before: Path, after: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["gas", "diff", str(before), "--to", str(after), *words])


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write(tmp_path / "base.json", {"open": 100_000, "close": 50_000, "old": 10})


def told(result: Result) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(result.stdout)
    return data


def test_nothing_moved(base: Path) -> None:
    done = run(base, base)
    assert done.exit_code == 0
    assert done.stdout == "0 changed; all that both have: 150,010 -> 150,010 (0.00 %)\n"


def test_changes_new_and_gone_are_shown(base: Path, tmp_path: Path) -> None:
    now = write(tmp_path / "now.json", {"open": 99_000, "close": 50_500, "new": 7})
    done = run(base, now, "--gone-ok")
    assert done.exit_code == 0, done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[1] == ["open", "100,000", "99,000", "-1,000", "-1.00", "%"]
    assert rows[2] == ["close", "50,000", "50,500", "+500", "1.00", "%"]
    assert rows[3:5] == [
        ["1", "new,", "7", "gas", "in", "all"],
        ["1", "gone,", "10", "gas", "in", "all"],
    ]
    assert (len(rows), rows[5][:2]) == (6, ["4", "changed;"])
    rows = [line.split() for line in run(base, now).stdout.splitlines()]
    assert ["old", "10", "gone"] in rows
    assert ["new", "7", "new"] in rows
    data = told(run(base, now, "--json"))
    assert data["over"] == ["old is gone"]
    assert (data["before"], data["after"], data["total_bps"]) == (150_000, 149_500, -33)


def test_one_scenario_over_its_budget_fails(base: Path, tmp_path: Path) -> None:
    now = write(tmp_path / "now.json", {"open": 100_000, "close": 50_501, "old": 10})
    done = run(base, now)
    assert done.exit_code == 1
    assert "over budget: close grew by 1.01 %, more than 1.00 %" in done.stdout
    assert run(base, now, "--scenario-bps", "101").exit_code == 0


def test_many_small_ones_over_the_sums_budget_fail(base: Path, tmp_path: Path) -> None:
    now = write(tmp_path / "now.json", {"open": 100_900, "close": 50_450, "old": 10})
    assert run(base, now).exit_code == 0
    done = run(base, now, "--total-bps", "50")
    assert done.exit_code == 1
    assert "all together grew by 0.90 %, more than 0.50 %" in done.stdout


def test_a_unit_more_is_more_than_nothing(base: Path, tmp_path: Path) -> None:
    now = write(tmp_path / "now.json", {"open": 100_001, "close": 50_000, "old": 10})
    assert run(base, now, "--scenario-bps", "0").exit_code == 1
    assert Change("x", 100_000, 99_999).bps == 0


@pytest.mark.parametrize("name", WHAT_MATTERS)
def test_what_was_measured_otherwise_is_not_compared(base: Path, tmp_path: Path, name: str) -> None:
    other = write(tmp_path / "other.json", {"open": 1}, **{name: "y"})
    done = run(base, other)
    assert done.exit_code == 2
    assert f'header.{name}: was "x" and is "y"' in done.stderr
    assert "[other_measure]" in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not JSON"),
        ("[]", "Expected `object`"),
        ('{"header": {}, "code_bytes": {}}', "missing required field `scenarios`"),
        ('{"header": {}, "code_bytes": {"a": "1"}, "scenarios": {}}', "Expected `int`"),
    ],
)
def test_a_file_that_is_none(base: Path, tmp_path: Path, text: str, words: str) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text(text)
    done = run(base, broken)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert words in done.stderr


def test_a_baseline_that_is_not_there() -> None:
    done = CliRunner().invoke(main, ["gas", "diff", "1999"])
    assert done.exit_code == 2
    assert "no gas/baselines/1999.json; there are 2026-11, 2026-11-27, phase2" in done.stderr


def test_outside_the_project_it_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["gas", "diff", "phase2"])
    assert done.exit_code == 2
    assert "run this in the project's folder, or name a JSON file" in done.stderr


NEWEST, FIRST = "2026-11-27", "2026-11"


def test_the_committed_scenarios_are_within_the_budget_of_the_newest_baseline() -> None:
    done = CliRunner().invoke(main, ["gas", "diff", NEWEST])
    assert done.exit_code == 0, done.stdout


def test_what_small_steps_come_to_since_the_first_baseline_has_a_budget_too() -> None:
    budgets = ["--scenario-bps", "1300", "--total-bps", "0"]
    done = CliRunner().invoke(main, ["gas", "diff", FIRST, *budgets])
    assert done.exit_code == 0, done.stdout


def test_the_newest_baseline_is_what_was_measured() -> None:
    """Every number, so that a change that moves one commits it there too."""
    before, now = (
        json.loads(Path(path).read_text())
        for path in (f"gas/baselines/{NEWEST}.json", "gas/scenarios.json")
    )
    moved = [
        name
        for name in before["scenarios"] | now["scenarios"]
        if before["scenarios"].get(name) != now["scenarios"].get(name)
    ]
    assert moved == [], f"cp gas/scenarios.json gas/baselines/{NEWEST}.json"
    assert before == now


def test_a_scenario_that_is_gone_or_has_more_units_is_over_budget(tmp_path: Path) -> None:
    document = json.loads(Path("gas/scenarios.json").read_text())
    del document["scenarios"]["settle.escrow.512"]
    document["scenarios"]["settle.escrow.100"]["poster_units"] *= 3
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(document))
    done = CliRunner().invoke(main, ["gas", "diff", NEWEST, "--to", str(changed)])
    assert done.exit_code == 1
    assert "settle.escrow.512 is gone" in done.stdout
    assert "settle.escrow.100: poster units grew by 200.00 %" in done.stdout


def test_phase_2_is_a_baseline() -> None:
    done = CliRunner().invoke(main, ["gas", "diff", "phase2", "--gone-ok", "--json"])
    assert done.exit_code == 0, done.stdout
    changes = {each["name"]: each for each in json.loads(done.stdout)["changes"]}
    assert changes["session.100x3x1"]["bps"] < -9_900


@pytest.mark.parametrize(("bps", "text"), [(0, "0.00 %"), (125, "1.25 %"), (-33, "-0.33 %")])
def test_percent(bps: int, text: str) -> None:
    assert percent(bps) == text
