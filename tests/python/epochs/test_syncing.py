# SPDX-License-Identifier: Apache-2.0
"""Levels of many nodes are synced by the cheapest calls, by what those were measured to take."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.epochs.syncing import ONE_GAS, RUN_GAS, RUN_LEAF_GAS, Part, cheapest

ROOT = Path(__file__).parents[3]
HEIGHT = 7


def gas(parts: list[Part]) -> int:
    return sum(ONE_GAS if part.size == 1 else RUN_GAS + RUN_LEAF_GAS * part.size for part in parts)


def plan(behind: list[int], count: int, closed: frozenset[int] = frozenset()) -> list[Part]:
    def may_run(part: Part) -> bool:
        return closed.isdisjoint(range(part.first, part.first + part.size))

    return cheapest(behind, count, HEIGHT, may_run)


def test_what_calls_take_is_what_was_measured() -> None:
    measured = json.loads((ROOT / "gas" / "scenarios.json").read_text())["scenarios"]
    one, ten, hundred, most = (
        measured[f"node.sync{size}"]["gas_used"] for size in ("", ".10", ".100", ".128")
    )
    assert one == ONE_GAS
    assert (hundred - ten) // 90 == RUN_LEAF_GAS
    assert ten - 10 * RUN_LEAF_GAS == RUN_GAS
    # It holds for the longest run, too: to one per cent.
    assert abs(RUN_GAS + 128 * RUN_LEAF_GAS - most) * 100 < most


@pytest.mark.parametrize(
    ("behind", "count", "expected"),
    [
        ([], 1000, []),
        ([77], 1000, [(77, 1)]),
        ([3, 4], 1000, [(3, 1), (4, 1)]),  # side by side, but in no run of two
        ([4, 5], 1000, [(4, 2)]),
        ([4, 7], 1000, [(4, 4)]),
        ([*range(300)], 300, [(0, 128), (128, 128), (256, 44)]),
        ([0, 100], 1000, [(0, 1), (100, 1)]),
        ([*range(8), 100], 1000, [(0, 8), (100, 1)]),
    ],
)
def test_what_is_synced_together(
    behind: list[int], count: int, expected: list[tuple[int, int]]
) -> None:
    assert plan(behind, count) == [Part(*each) for each in expected]


def test_what_names_no_address_is_in_no_run() -> None:
    parts = plan([*range(5), *range(6, 16)], 16, frozenset({5}))
    assert parts == [Part(0, 4), Part(4, 1), Part(6, 2), Part(8, 8)]


@given(st.sets(st.integers(0, 299)), st.frozensets(st.integers(0, 299), max_size=4))
def test_all_are_synced_once_and_not_for_more_than_one_by_one(
    behind: set[int], closed: frozenset[int]
) -> None:
    behind -= closed
    parts = plan(sorted(behind), 300, closed)
    places = [place for part in parts for place in range(part.first, part.first + part.size)]
    assert places == sorted(set(places))
    assert behind <= set(places)
    assert closed.isdisjoint(places)
    assert gas(parts) <= ONE_GAS * len(behind)
    for part in parts:
        width = 1 << (part.size - 1).bit_length()
        assert part.first % width == 0
        assert part.size == min(width, 300 - part.first)
