# SPDX-License-Identifier: Apache-2.0
"""Who was registered all through an epoch, as NodeReputation's `was_active` has it."""

from __future__ import annotations

import pytest

from cortensor.chain.node_register import NodeEvent
from cortensor.epochs.roster_view import active_pairs

START, END = 100, 200
A, B, N = "0xaa", "0xbb", "0x01"


def events(*what: tuple[str, str, int]) -> list[NodeEvent]:
    return [NodeEvent(name, N, operator, moment) for name, operator, moment in what]


def active(*what: tuple[str, str, int]) -> list[tuple[str, str]]:
    return active_pairs(events(*what), lambda block: block, START, END)


@pytest.mark.parametrize(("began", "is_in"), [(99, True), (100, True), (101, False)])
def test_who_came_by_the_first_second_is_in(began: int, is_in: bool) -> None:
    assert active(("NodeRegistered", A, began)) == ([(A, N)] if is_in else [])


@pytest.mark.parametrize(("name", "operator"), [("NodeRetired", A), ("NodeDisqualified", "")])
@pytest.mark.parametrize(("left", "is_in"), [(150, False), (199, False), (200, True)])
def test_who_left_before_the_end_is_out(name: str, operator: str, left: int, is_in: bool) -> None:
    found = active(("NodeRegistered", A, 50), (name, operator, left))
    assert found == ([(A, N)] if is_in else [])


def test_who_came_back_under_another_counts_by_the_stay_at_the_start() -> None:
    back = (("NodeRegistered", A, 10), ("NodeRetired", A, 40), ("NodeRegistered", B, 90))
    assert active(*back) == [(B, N)]
    late = (("NodeRegistered", A, 10), ("NodeRetired", A, 120), ("NodeRegistered", B, 180))
    assert active(*late) == []


def test_who_is_disqualified_stays_so() -> None:
    found = active(
        ("NodeRegistered", A, 10), ("NodeDisqualified", "", 20), ("NodeRegistered", A, 30)
    )
    assert found == []
