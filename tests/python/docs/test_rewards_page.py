# SPDX-License-Identifier: Apache-2.0
"""docs/rewards.md says what the study found, and the study finds it again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.rewards import plots, study_file
from benchmarks.rewards.tables import tables
from cortensor.rewards import RewardCard
from cortensor.rewards.collusion import (
    FAMILY_LEVEL_BPS,
    MIN_SHARED,
    MODEL_EXCESS_BPS,
    WINDOW_EPOCHS,
    WINDOW_ROWS,
)
from cortensor.rewards.metrics import MODEL_TASKS
from cortensor.rewards.shares import AVERAGE_BPS, EVIDENCE_BPS, RATE_MEMORY, SLICES

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "rewards.md").read_text(encoding="utf-8")
FIGURES = study_file.read()


@pytest.mark.parametrize("name", sorted(tables(FIGURES)))
def test_the_pages_tables_are_the_studys(name: str) -> None:
    assert tables(FIGURES)[name] in PAGE


@pytest.mark.parametrize("name", sorted(plots.drawn(FIGURES)))
def test_the_plots_are_the_studys(name: str) -> None:
    assert f"images/{name}" in PAGE
    assert (plots.FOLDER / name).read_text(encoding="utf-8") == plots.drawn(FIGURES)[name]


def test_the_example_gives_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    stated = re.findall(r"^(\S.*?)  # (\d+)$", code, re.MULTILINE)
    assert len(stated) == 5
    for expression, value in stated:
        assert eval(expression, names) == int(value)


def test_a_small_run_finds_what_was_committed() -> None:
    assert study_file.small_figures() == FIGURES["small"]


def test_what_the_issue_asks_for_holds() -> None:
    gains = FIGURES["splitting"].values()
    assert all(abs(gain) <= 100 for gain in gains), "splitting or merging gains 1 % at most"
    assert max(FIGURES["copying"][name] for name in ("good", "lazy", "ring")) < 0
    for population in FIGURES["populations"].values():
        assert population["margins"]["node_without_work"] == 0
        assert 0 < population["margins"]["uptime_point"] < 200
    honest = FIGURES["pairs"]["honest"]
    for kind in ("alike", "unlike quality", "same models"):
        flagged, networks = (honest[kind][name] for name in ("networks_flagged", "networks"))
        assert flagged * 10_000 <= networks * FAMILY_LEVEL_BPS


CONSTANTS = {
    "MIN_SHARED": MIN_SHARED,
    "MODEL_EXCESS_BPS": MODEL_EXCESS_BPS,
    "FAMILY_LEVEL_BPS": FAMILY_LEVEL_BPS,
    "WINDOW_EPOCHS": WINDOW_EPOCHS,
    "WINDOW_ROWS": WINDOW_ROWS,
    "MODEL_TASKS": MODEL_TASKS,
    "AVERAGE_BPS": AVERAGE_BPS,
    "EVIDENCE_BPS": EVIDENCE_BPS,
    "RATE_MEMORY": RATE_MEMORY,
    "SLICES": SLICES,
}


def test_the_page_names_every_constant_with_its_value() -> None:
    stated = dict(re.findall(r"^\| `([A-Z_]+)` \| ([0-9,]+) \|", PAGE, re.MULTILINE))
    assert {name: int(text.replace(",", "")) for name, text in stated.items()} == CONSTANTS


def test_the_page_states_the_committed_card() -> None:
    card = RewardCard.load(ROOT / "config" / "reward-card.toml")
    stated = dict(re.findall(r"^\| `([a-z_]+)` \| ([^|]+) \|", PAGE, re.MULTILINE))
    lists = {
        name: ", ".join(values) if isinstance(values, list) else values
        for name, values in card.to_json().items()
    }
    assert stated == lists
