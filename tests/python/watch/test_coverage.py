# SPDX-License-Identifier: Apache-2.0
"""A settled total rests on leaves from index 1 to its own; what is not shown is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.watch.coverage import MAX_MISSING, find_missing, settled_as

S = 7 << 128 | 1
MICRO = 10**12


def kinds(settled: int, places: list[tuple[int, int]], *, stake: bool = False) -> list[str]:
    found = find_missing(S, settled, places, is_stake=stake)
    return [f"{finding.kind} {finding.index}" for finding in found]


@pytest.mark.fuzz
@given(st.lists(st.integers(0, 100), min_size=1, max_size=30), st.data())
def test_a_whole_chain_has_nothing_missing_and_a_hole_is_found(
    charges: list[int], data: st.DataObject
) -> None:
    total, places = 0, []
    for index, charge in enumerate(charges, 1):
        total += charge
        places.append((index, total))
    last = data.draw(st.sampled_from(places))
    shuffled = data.draw(st.permutations(places))
    assert kinds(last[1], shuffled) == []
    hole = data.draw(st.sampled_from(places))
    found = kinds(last[1], [place for place in shuffled if place != hole])
    first = next(index for index, cumulative in places if cumulative == last[1])
    if last[1] == 0 or hole[0] > first:
        assert found == []
    elif hole[0] < first:
        assert found == [f"missing {hole[0]}"]
    elif charges[hole[0] : hole[0] + 1] == [0]:
        # The leaf after it has the same total, so the hole lies below it.
        assert found == [f"missing {hole[0]}"]
    else:
        assert found == ["no_total 0"]


def test_nothing_settled_needs_nothing() -> None:
    assert kinds(0, []) == []
    assert kinds(5, []) == ["no_total 0"]


def test_a_leaf_at_index_zero_stands_for_nothing() -> None:
    assert kinds(5, [(0, 5)]) == ["no_total 0"]
    assert kinds(5, [(0, 5), (1, 5)]) == []


def test_stake_settles_in_whole_micro_cor() -> None:
    assert settled_as(1, is_stake=True) == MICRO
    assert settled_as(MICRO, is_stake=True) == MICRO
    assert settled_as(0, is_stake=True) == 0
    assert settled_as(1, is_stake=False) == 1
    assert kinds(2 * MICRO, [(1, MICRO), (2, MICRO + 1)], stake=True) == []
    assert kinds(2 * MICRO, [(1, MICRO), (2, MICRO + 1)]) == ["no_total 0"]


def test_leaves_beyond_the_settled_total_are_not_asked_for() -> None:
    assert kinds(5, [(1, 5), (9, 80)]) == []


def test_a_huge_index_names_a_bounded_number_of_holes() -> None:
    found = kinds(5, [(2**63, 5)])
    assert len(found) == MAX_MISSING
    assert found[0] == f"missing {2**63 - 1}"


def test_what_was_missing_before_is_named_while_it_is_however_much_is_missing_above() -> None:
    noted = {1, 2, 3, 500}
    found = find_missing(S, 5, [(2, 1), (500, 5)], is_stake=False, noted=noted)
    indexes = [finding.index for finding in found]
    # Not 2, which is shown by now, and not 500, where the total is.
    assert indexes == [*range(499, 499 - MAX_MISSING, -1), 3, 1]
    # Whichever it is, all of the total rests on it.
    assert {finding.excess for finding in found} == {5}
