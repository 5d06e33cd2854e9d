# SPDX-License-Identifier: Apache-2.0
"""The reward card: the committed one, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from cortensor.errors import InvalidInput
from cortensor.rewards import RewardCard
from tests.python.rewards.strategies import CARDS

ROOT = Path(__file__).resolve().parents[3]
COMMITTED = ROOT / "config" / "reward-card.toml"


def test_the_committed_card_loads() -> None:
    card = RewardCard.load(COMMITTED)
    assert (card.level_bps[0], card.level_bps[10]) == (10_000, 15_000)
    assert card.budget_cap_wei == 50_000 * 10**18


@pytest.mark.fuzz
@given(CARDS)
def test_a_card_survives_json_and_abi(card: RewardCard) -> None:
    assert RewardCard.from_json(card.to_json()) == card
    assert RewardCard.from_abi(card.abi_tuple()) == card


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"level_bps": [1] * 10}, "card.level_bps"),
        ({"level_bps": [*range(1, 11), 65_536]}, "card.level_bps[10]"),
        ({"level_bps": [2, 1, *range(2, 11)]}, "card.level_bps"),
        ({"level_bps": 7}, "card.level_bps"),
        ({"level_bps": ["x"] * 11}, "card.level_bps[0]"),
        ({"min_streak": [1] * 11}, "card.min_streak[0]"),
        ({"min_rate_bps": [0] * 10 + [10_001]}, "card.min_rate_bps[10]"),
        ({"breadth_half": 0}, "card.breadth_half"),
        ({"max_models": 0}, "card.max_models"),
        ({"cap_bps": 0}, "card.cap_bps"),
        ({"cap_bps": 10_001}, "card.cap_bps"),
        ({"min_uptime_bps": 10_001}, "card.min_uptime_bps"),
        ({"margin_bps": 10_001}, "card.margin_bps"),
        ({"budget_cap_wei": 2**96}, "card.budget_cap_wei"),
        ({"min_tasks": -1}, "card.min_tasks"),
        ({"min_tasks": 0}, "card.min_tasks"),
        ({"budget_cap_wei": 0}, "card.budget_cap_wei"),
        ({"breadth_gain_bps": 10_001}, "card.breadth_gain_bps"),
        ({"level_bps": [0, *range(1, 11)]}, "card.level_bps[0]"),
        ({"max_modles": 1}, "card.max_modles"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        RewardCard.from_json(RewardCard.load(COMMITTED).to_json() | change)
    assert caught.value.field == field


def test_a_missing_field_is_named() -> None:
    data = RewardCard.load(COMMITTED).to_json()
    del data["cap_bps"]
    with pytest.raises(InvalidInput, match=r"card\.cap_bps: is missing"):
        RewardCard.from_json(data)


@pytest.mark.parametrize(
    ("text", "reason"), [("[card", "is not TOML"), ("[cards]", "has no .card. table")]
)
def test_a_file_that_is_no_card_says_why(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "card.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=reason):
        RewardCard.load(path)
    with pytest.raises(InvalidInput, match="cannot read"):
        RewardCard.load(tmp_path / "absent.toml")


@pytest.mark.parametrize("data", [None, [], "card"])
def test_what_is_no_mapping_is_refused(data: object) -> None:
    with pytest.raises(InvalidInput, match="must be an object"):
        RewardCard.from_json(data)
    with pytest.raises(InvalidInput, match="must have 11 fields"):
        RewardCard.from_abi(())
