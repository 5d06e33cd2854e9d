# SPDX-License-Identifier: Apache-2.0
"""The price of a unit: what each step must keep, where it settles, and steps worked by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.errors import InvalidInput
from cortensor.gas.parent import steady_price
from cortensor.gas.poster_price import BatchReport, PosterPrice, PricerSettings, batch_gas, step

SETTINGS = PricerSettings(arbos=40)
GWEI = 10**9

reports = st.builds(
    BatchReport,
    posted_at=st.integers(1_000, 2_000),
    zero_bytes=st.integers(0, 50_000),
    nonzero_bytes=st.integers(0, 90_000),
    base_fee=st.integers(0, 100 * GWEI),
    extra_gas=st.integers(0, 10**6),
)
states = st.builds(
    PosterPrice,
    price_per_unit=st.integers(0, 100 * GWEI),
    units=st.integers(0, 10**9),
    updated_at=st.integers(0, 1_000),
    surplus=st.integers(-(10**20), 10**20),
    rewards_due=st.integers(0, 10**18),
    funds_due=st.integers(0, 10**20),
    available=st.integers(0, 10**20),
)


def test_the_gas_of_a_batch() -> None:
    report = BatchReport(0, zero_bytes=100, nonzero_bytes=900, base_fee=GWEI, extra_gas=5)
    by_hand = 100 * 4 + 900 * 16 + 30 + 6 * 32 + 40_000 + 5 + 210_000
    assert batch_gas(report, SETTINGS) == by_hand
    floored = PricerSettings(arbos=50, floor_per_token=10)
    large = report._replace(nonzero_bytes=90_000)
    assert batch_gas(large, floored) == 10 * (90_100 + 3 * 90_000 + 172) + 21_000
    assert batch_gas(large, floored._replace(arbos=40)) == batch_gas(large, SETTINGS)


def test_a_step_worked_by_hand() -> None:
    # 1,000,000 units were charged at 1 gwei; the batch cost 2e15 - rather more than came in.
    state = PosterPrice(GWEI, units=1_000_000, updated_at=1_000, available=10**15)
    settings = SETTINGS._replace(batch_gas=2_000_000 - 40_030)
    after = step(state, BatchReport(1_100, 0, 0, GWEI), settings, now=1_100)
    reward = 10 * 1_000_000
    owed = 2 * 10**15 - (10**15 - reward)
    wanted = owed // 160_000_000
    seen = -owed // 1_000_000
    change = (wanted - seen) * 1_000_000 // (16_000_000 + 1_000_000)
    assert after == PosterPrice(
        price_per_unit=GWEI + change,
        units=0,
        updated_at=1_100,
        surplus=-owed,
        rewards_due=0,
        funds_due=owed,
        available=0,
    )
    assert change > 0


@given(states, reports, st.integers(0, 1_000), st.integers(0, 20_000))
def test_no_money_is_made_or_lost(
    state: PosterPrice, report: BatchReport, later: int, cap: int
) -> None:
    settings = SETTINGS._replace(cost_cap_bps=cap)
    after = step(state, report, settings, report.posted_at + later)
    units = state.units - after.units
    cost = report.base_fee * batch_gas(report, settings)
    if cap:
        cost = min(cost, report.base_fee * units * cap // 10_000)
    paid = state.available - after.available
    owed_more = after.funds_due + after.rewards_due - state.funds_due - state.rewards_due
    assert paid + owed_more == cost + 10 * units
    assert (
        min(after.available, after.funds_due, after.rewards_due, after.units, after.price_per_unit)
        >= 0
    )
    assert after.available == 0 or after.funds_due == 0, "who is owed is paid as far as it goes"


@given(states, reports)
def test_a_report_at_once_takes_every_unit(state: PosterPrice, report: BatchReport) -> None:
    assert step(state, report, SETTINGS, report.posted_at).units == 0


@given(states, reports)
def test_without_units_the_price_stands(state: PosterPrice, report: BatchReport) -> None:
    idle = state._replace(units=0)
    after = step(idle, report, SETTINGS, report.posted_at)
    assert (after.price_per_unit, after.surplus) == (idle.price_per_unit, idle.surplus)


def settled(units: int, report: BatchReport, price: int) -> int:
    """Return the price after many equal batches, each charged at the price of its time."""
    state = PosterPrice(price, updated_at=1)
    for number in range(2, 4_000):
        state = state.charged(units, units * state.price_per_unit)
        state = step(state, report._replace(posted_at=number * 60), SETTINGS, number * 60)
    return state.price_per_unit


@pytest.mark.parametrize("start", [0, 10 * GWEI])
def test_it_settles_where_charges_cover_costs(start: int) -> None:
    report = BatchReport(0, 1_000, 20_000, GWEI // 10)
    units = 1_000_000
    target = steady_price(report.base_fee * batch_gas(report, SETTINGS), units, 10)
    assert settled(units, report, start) == pytest.approx(target, rel=0.01)


@pytest.mark.parametrize("posted_at", [999, 1_201])
def test_a_report_out_of_time_is_refused(posted_at: int) -> None:
    state = PosterPrice(GWEI, units=1, updated_at=1_000)
    with pytest.raises(InvalidInput) as caught:
        step(state, BatchReport(posted_at, 0, 0, 1), SETTINGS, now=1_200)
    assert caught.value.code == "out_of_time"


def test_the_rule_before_arbos_10_is_not_here() -> None:
    with pytest.raises(InvalidInput, match="before ArbOS 10"):
        step(PosterPrice(1), BatchReport(1, 0, 0, 1), PricerSettings(arbos=9), now=1)
