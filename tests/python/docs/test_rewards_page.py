# SPDX-License-Identifier: Apache-2.0
"""docs/rewards.md says what the study found, and the study finds it again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.rewards import plots, study_file
from benchmarks.rewards.bounds import upper_ppm
from benchmarks.rewards.claims import (
    LOSING,
    OWNED,
    QUIET_LOSING,
    QUIET_UNSEEN,
    THIN_LOSING,
    THIN_UNSEEN,
    UNSEEN,
    bounded,
    claims,
)
from benchmarks.rewards.copying import CHEATS
from benchmarks.rewards.false_flags import HONEST
from benchmarks.rewards.study_file import THIN_CHEATS
from benchmarks.rewards.tables import by_seed, tables
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


@pytest.mark.parametrize("name", sorted(claims(FIGURES)))
def test_the_page_says_in_words_what_the_study_found(name: str) -> None:
    assert claims(FIGURES)[name] in " ".join(PAGE.split())


def test_what_the_issue_asks_for_holds() -> None:
    for nodes in FIGURES["splitting"]:
        for kind in ("splitting_bps", "merging_bps"):
            gains = by_seed(FIGURES["splitting"][nodes], kind)
            assert len(gains) >= 10
            assert max(gains) <= 100, "splitting or merging gains 1 % at most"
    for models in FIGURES["joining"]:
        assert max(by_seed(FIGURES["joining"][models])) <= 100
    for population in FIGURES["populations"].values():
        assert population["margins"]["node_without_work"] == 0
        assert 0 < population["margins"]["uptime_point"] < 200


NETWORKS = {
    "copying": tuple(CHEATS),
    "quiet": tuple(CHEATS),
    "thin": THIN_CHEATS,
    "thin quiet": THIN_CHEATS,
}


def drawn(network: str, cheat: str, figure: str) -> list[int]:
    found = by_seed(FIGURES[network], cheat, figure)
    assert len(found) >= (10 if network.startswith("thin") else 16)
    return found


LOSSES = [
    *(("copying", cheat) for cheat in LOSING),
    *(("thin", cheat) for cheat in THIN_LOSING),
    *(("quiet", cheat) for cheat in QUIET_LOSING),
]


@pytest.mark.parametrize(("network", "cheat"), LOSSES)
def test_copying_and_rings_are_found_and_lose_on_every_seed(network: str, cheat: str) -> None:
    assert max(drawn(network, cheat, "gain_bps")) < 0
    assert min(drawn(network, cheat, "first_epoch")) > 0


def test_what_gains_is_bound_and_no_honest_pair_is_flagged_beside_it() -> None:
    assert max(drawn("copying", "third", "gain_bps")) < 250
    for cheat in OWNED:
        assert max(drawn("copying", cheat, "together_bps")) < 100, "1 % at most, as by splitting"
        assert max(drawn("quiet", cheat, "together_bps")) < 200
    for cheat in QUIET_UNSEEN:
        assert max(drawn("quiet", cheat, "gain_bps")) < 800
    for cheat in THIN_CHEATS:
        assert max(drawn("thin", cheat, "gain_bps")) < 500
        assert max(drawn("thin quiet", cheat, "gain_bps")) < 500
    for network, cheats in NETWORKS.items():
        for cheat in cheats:
            assert max(drawn(network, cheat, "innocent_pairs")) == 0


def test_every_cheat_is_said_to_lose_or_to_gain() -> None:
    assert {*LOSING, *UNSEEN, "first"} == {*QUIET_LOSING, *QUIET_UNSEEN, "first"} == set(CHEATS)
    assert {*THIN_LOSING, *THIN_UNSEEN} == set(THIN_CHEATS)
    for network, cheats in NETWORKS.items():
        for draws in FIGURES[network].values():
            assert draws.keys() == set(cheats)


@pytest.mark.parametrize("kind", sorted(bounded(HONEST)))
def test_honest_networks_are_flagged_no_more_often_than_the_level_says(kind: str) -> None:
    once = FIGURES["once"][kind]
    most_ppm = upper_ppm(once["networks_flagged"], once["networks"])
    assert most_ppm * 10_000 <= FAMILY_LEVEL_BPS * 1_000_000
    again = FIGURES["again"][kind]
    tests = again["networks"] * FIGURES["epochs"]
    assert again["networks"] >= 30
    assert again["times_flagged"] * 10_000 <= tests * FAMILY_LEVEL_BPS


def test_the_hardest_honest_kind_is_among_them_and_clones_are_not() -> None:
    assert {"alike", "unlike quality", "same models", "close kin"} <= bounded(HONEST).keys()
    assert FIGURES["once"].keys() == HONEST.keys() <= FIGURES["again"].keys()
    clones = FIGURES["again"]["clones"]
    assert clones["networks_flagged"] == clones["networks"], "the page says that these are flagged"


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
