# SPDX-License-Identifier: Apache-2.0
"""The base fee: never below its floor, up with what is used, down with time."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.gas.base_fee import (
    BPS,
    Constraint,
    Constraints,
    Controller,
    OneBacklog,
    exp_bps,
    next_block,
)

FLOOR = 20_000_000
ONE = OneBacklog(FLOOR, 7_000_000, 102, 10, 0)
SIX = Constraints.of(
    FLOOR,
    [
        Constraint(target, window, 0)
        for target, window in (
            (60_000_000, 9),
            (41_000_000, 52),
            (29_000_000, 329),
            (20_000_000, 2105),
            (14_000_000, 13_485),
            (10_000_000, 86_400),
        )
    ],
)
BLOCKS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 32_000_000)), max_size=40)
MODELS = st.sampled_from([ONE, SIX])


def run(model: Controller, blocks: list[tuple[int, int]]) -> tuple[list[int], Controller]:
    fees = []
    for seconds, gas in blocks:
        fee, model = next_block(model, seconds, gas)
        fees.append(fee)
    return fees, model


def test_the_exponential_as_the_chain_computes_it() -> None:
    assert [exp_bps(x) for x in (0, 1, 5_000, 10_000, 20_000)] == [
        10_000,
        10_001,
        16_484,
        27_083,
        70_000,
    ]


@pytest.mark.parametrize("x", range(0, 10_000, 500))
def test_the_exponential_is_near_the_real_one(x: int) -> None:
    assert exp_bps(x) / BPS == pytest.approx(math.exp(x / BPS), rel=0.005)


def test_a_quiet_chain_stays_at_its_floor() -> None:
    fees, after = run(ONE, [(1, 6_900_000)] * 100)
    assert set(fees) == {FLOOR}
    assert after == ONE._replace(backlog=6_900_000)


def test_ten_seconds_of_backlog_cost_nothing_and_then_it_rises() -> None:
    at_tolerance = ONE._replace(backlog=70_000_000)
    assert at_tolerance.base_fee() == FLOOR
    # one e-fold: 102 seconds of excess at 7M a second
    assert (
        at_tolerance._replace(backlog=70_000_000 + 714_000_000).base_fee() == FLOOR * 27_083 // BPS
    )


@given(MODELS, BLOCKS)
def test_the_fee_is_never_below_the_floor(model: Controller, blocks: list[tuple[int, int]]) -> None:
    fees, _ = run(model, blocks)
    assert all(fee >= FLOOR for fee in fees)


@given(MODELS, BLOCKS, st.integers(0, 10**9), st.integers(0, 1000))
def test_more_gas_never_lowers_it_and_more_time_never_raises_it(
    model: Controller, blocks: list[tuple[int, int]], gas: int, seconds: int
) -> None:
    _, after = run(model, blocks)
    assert after.with_used(gas).base_fee() >= after.base_fee() >= after.after(seconds).base_fee()


@given(MODELS, BLOCKS)
def test_an_hour_of_nothing_ends_every_backlog_of_an_hour(
    model: Controller, blocks: list[tuple[int, int]]
) -> None:
    _, after = run(model, blocks)
    rested = after.after(24 * 3600)
    assert rested.base_fee() == FLOOR
