# SPDX-License-Identifier: Apache-2.0
"""The words of a leaf: widths, order of fields, what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given

from cortensor.errors import InvalidInput
from cortensor.rewards import Facts, Sums, Tally
from tests.python.rewards.strategies import FACTS, SUMS, TALLIES


@pytest.mark.fuzz
@given(FACTS)
def test_facts_survive_packing(facts: Facts) -> None:
    word = facts.pack()
    assert word < 1 << 216
    assert Facts.unpack(word) == facts


@pytest.mark.fuzz
@given(TALLIES)
def test_tally_survives_packing(tally: Tally) -> None:
    assert Tally.unpack(tally.pack()) == tally


@pytest.mark.fuzz
@given(SUMS)
def test_sums_survive_packing(sums: Sums) -> None:
    assert Sums.unpack(sums.pack()) == sums


def test_fields_stand_where_the_design_says() -> None:
    facts = Facts(
        level_before=1, level_after=2, flags=1, models=4, tasks=5, streak_before=6, streak_after=7,
        rate_bps=8, agreement_bps=9, consistency_bps=10, answered_bps=11, uptime_bps=12,
    )  # fmt: skip
    expected = "000c000b000a000900080000000700000006000000050004010201"
    assert f"{facts.pack():054x}" == expected
    assert Tally(work=1, operator_score=2).pack() == 2 << 96 | 1
    assert Sums(amount=1, score=2).pack() == 2 << 128 | 1


@pytest.mark.parametrize(
    ("word", "field"),
    [
        (11, "facts.level_before"),
        (11 << 8, "facts.level_after"),
        (2 << 16, "facts.flags"),
        (10_001 << 136, "facts.rate_bps"),
        (10_001 << 200, "facts.uptime_bps"),
        (1 << 216, "facts"),
        (1 << 256, "facts"),
        (-1, "facts"),
    ],
)
def test_facts_without_a_meaning_are_refused(word: int, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Facts.unpack(word)
    assert caught.value.field == field


def test_a_tally_with_stray_bits_is_refused() -> None:
    with pytest.raises(InvalidInput, match="from 224 on"):
        Tally.unpack(1 << 224)


@pytest.mark.parametrize("facts", [Facts(level_after=11), Facts(rate_bps=10_001), Facts(flags=2)])
def test_what_cannot_be_read_is_not_packed(facts: Facts) -> None:
    with pytest.raises(InvalidInput):
        facts.pack()


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        (Facts(tasks=2**32), "facts.tasks"),
        (Facts(models=2**16), "facts.models"),
        (Facts(streak_before=-1), "facts.streak_before"),
    ],
)
def test_a_field_beyond_its_width_is_refused(facts: Facts, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        facts.pack()
    assert caught.value.field == field
