# SPDX-License-Identifier: Apache-2.0
"""Rate cards: forms, limits, and one clear error a field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from cortensor.errors import InvalidInput
from cortensor.pricing import RateCard
from tests.python.pricing.strategies import cards
from tests.python.pricing.test_quote import CARD


@given(cards())
def test_json_and_abi_round_trip(card: RateCard) -> None:
    assert RateCard.from_json(card.to_json()) == card
    assert RateCard.from_abi(card.abi_tuple()) == card
    assert RateCard.from_abi([list(v) if isinstance(v, tuple) else v for v in card.abi_tuple()])


def test_abi_order_is_the_contracts() -> None:
    assert CARD.abi_tuple()[:4] == (1_000, (1, 2, 3, 4), (10, 20, 30, 40), 5)
    assert CARD.abi_tuple()[-2:] == (7_000, 1_000)
    assert len(CARD.abi_tuple()) == 18


def test_json_writes_integers_as_text() -> None:
    data = CARD.to_json()
    assert data["task_wei"] == "1000"
    assert data["sla_bps"] == ["0", "500", "1000", "2500"]


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("task_wei", 2**96, "card.task_wei"),
        ("task_wei", -1, "card.task_wei"),
        ("task_wei", "1.5", "card.task_wei"),
        ("task_wei", "-1", "card.task_wei"),
        ("task_wei", "01", "card.task_wei"),
        ("task_wei", True, "card.task_wei"),
        ("task_wei", 1.0, "card.task_wei"),
        ("input_unit_wei", [1, 2, 3], "card.input_unit_wei"),
        ("input_unit_wei", "1234", "card.input_unit_wei"),
        ("input_unit_wei", [1, 2, 3, 2**64], "card.input_unit_wei[3]"),
        ("output_unit_wei", [1, "x", 3, 4], "card.output_unit_wei[1]"),
        ("validator_unit_wei", 2**64, "card.validator_unit_wei"),
        ("sla_bps", [0, 0, 0, 2**16], "card.sla_bps[3]"),
        ("redundancy_bps", [5, 4, 6], "card.redundancy_bps"),
        ("redundancy_bps", [5, 6, 5], "card.redundancy_bps"),
        ("consensus_bps", [0] * 7, "card.consensus_bps"),
        ("disagreement_bps", [0] * 4, "card.disagreement_bps"),
        ("failed_rebate_bps", 9_501, "card.failed_rebate_bps"),
        ("missing_rebate_bps", 8_999, "card.failed_rebate_bps"),
        ("missing_rebate_bps", 10_001, "card.missing_rebate_bps"),
        ("late_rebate_bps", 9_001, "card.late_rebate_bps"),
        ("volume_rebate_bps", [0, 0, 10_001, 0], "card.volume_rebate_bps[2]"),
        ("node_share_bps", 10_001, "card.node_share_bps"),
        ("validator_share_bps", 3_001, "card.validator_share_bps"),
    ],
)
def test_each_limit_names_its_field(name: str, value: Any, field: str) -> None:
    data: dict[str, Any] = dict(CARD.to_json())
    data[name] = value
    with pytest.raises(InvalidInput) as caught:
        RateCard.from_json(data)
    assert caught.value.field == field


def test_missing_and_unknown_fields_are_named() -> None:
    data: dict[str, Any] = dict(CARD.to_json())
    del data["tool_depth_bps"]
    with pytest.raises(InvalidInput, match=r"card\.tool_depth_bps: is missing"):
        RateCard.from_json(data)
    with pytest.raises(InvalidInput, match=r"card\.discount"):
        RateCard.from_json({**CARD.to_json(), "discount": 1})
    with pytest.raises(InvalidInput, match="must be an object"):
        RateCard.from_json([1])
    with pytest.raises(InvalidInput, match="18 fields"):
        RateCard.from_abi((1, 2))


def _toml(data: dict[str, Any]) -> str:
    lines = ["[card]"]
    for key, value in data.items():
        items = ", ".join(f'"{item}"' for item in value) if isinstance(value, list) else None
        lines.append(f"{key} = [{items}]" if items is not None else f'{key} = "{value}"')
    return "\n".join(lines)


def test_load_card_reads_toml(tmp_path: Path) -> None:
    path = tmp_path / "card.toml"
    path.write_text(_toml(CARD.to_json()))
    assert RateCard.load(path) == CARD
    path.write_text(_toml(CARD.to_json()).replace('task_wei = "1000"', "task_wei = 1000"))
    assert RateCard.load(str(path)) == CARD


@pytest.mark.parametrize(
    ("content", "message"),
    [("[card", "not TOML"), ("x = 1", r"no \[card\]"), ("card = 3", "must be an object")],
)
def test_load_card_says_what_is_wrong(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "card.toml"
    path.write_text(content)
    with pytest.raises(InvalidInput, match=message):
        RateCard.load(path)


def test_load_card_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot read"):
        RateCard.load(tmp_path / "none.toml")
