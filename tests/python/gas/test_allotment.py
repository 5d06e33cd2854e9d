# SPDX-License-Identifier: Apache-2.0
"""Costs and who bears them: nothing is lost, nothing is made, and ranks are of sessions."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.errors import InvalidInput
from cortensor.gas.allotment import DIMENSIONS, Allotment, Bearer, nearest_rank, spread
from cortensor.pricing.attribution import split

NAMES = st.sampled_from(["a", "b", "c"])
BEARERS = st.builds(Bearer, NAMES, NAMES, NAMES, NAMES)
SHARED = st.tuples(
    st.lists(BEARERS, min_size=1, max_size=8, unique=True),
    st.integers(0, 10**12),
    st.integers(0, 10**20),
)


@given(st.lists(SHARED, min_size=1, max_size=10), st.integers(0, 10**9))
def test_every_table_and_the_overhead_sum_to_the_transactions(
    transactions: list[tuple[list[Bearer], int, int]], nobodys: int
) -> None:
    found = Allotment(["gas", "wei"])
    for number, (bearers, gas, wei) in enumerate(transactions):
        shares = partial(split, weights=list(range(number, number + len(bearers))))
        found.bear(f"kind {number % 2}", {"gas": gas, "wei": wei}, bearers, shares)
    found.bear("nobody's", {"gas": nobodys, "wei": 0}, [])
    for measure, place in (("gas", 1), ("wei", 2)):
        paid = sum(each[place] for each in transactions)
        extra = nobodys if measure == "gas" else 0
        assert sum(whole.cost[measure] for whole in found.kinds.values()) == paid + extra
        assert sum(whole.cost[measure] for whole in found.overhead.values()) == extra
        for dimension in DIMENSIONS:
            assert sum(row.spreads[measure].sum for row in found.table(dimension)) == paid


def test_a_sessions_parts_are_one_session_in_a_group() -> None:
    found = Allotment(["gas"])
    fast, safe = Bearer("1", "escrow", "fast", "x"), Bearer("1", "escrow", "safe", "x")
    other = Bearer("2", "escrow", "safe", "x")
    for bearer, gas in ((fast, 10), (safe, 20), (other, 40)):
        found.bear("own", {"gas": gas}, [bearer])
        found.ask(bearer, 3)
    (everything,) = found.table("session")
    assert (everything.sessions, everything.requests) == (2, 9)
    assert everything.spreads["gas"] == (70, 30, 40, 40)
    assert [(row.name, row.sessions) for row in found.table("tier")] == [("safe", 2), ("fast", 1)]


def test_shares_that_do_not_sum_are_refused() -> None:
    found = Allotment(["gas"])
    pair = [Bearer(name, "", "", "") for name in "ab"]
    for shares in ([1, 1], [3], [1, 1, 1]):
        with pytest.raises(InvalidInput):
            found.bear("x", {"gas": 3}, pair, lambda _amount, shares=shares: shares)


def test_who_only_asks_bears_nothing_and_counts() -> None:
    found = Allotment(["gas"])
    found.ask(Bearer("1", "", "", ""), 0)
    found.bear("own", {"gas": 8}, [Bearer("2", "", "", "")])
    (row,) = found.table("session")
    assert (row.sessions, row.spreads["gas"]) == (2, (8, 0, 8, 8))


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=60), st.integers(1, 100))
def test_a_rank_is_the_least_value_that_so_many_stay_within(
    amounts: list[int], percent: int
) -> None:
    ordered = sorted(amounts)
    rank = nearest_rank(ordered, percent)
    assert sum(each <= rank for each in ordered) * 100 >= percent * len(ordered)
    assert sum(each < rank for each in ordered) * 100 < percent * len(ordered)


def test_a_spread() -> None:
    assert spread(range(1, 101)) == (5050, 50, 95, 100)
    assert spread([7]) == (7, 7, 7, 7)
