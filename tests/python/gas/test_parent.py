# SPDX-License-Identifier: Apache-2.0
"""A batch on the parent: what it costs, and what of it a transaction bears."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.errors import InvalidInput
from cortensor.gas.arbitrum import poster_units
from cortensor.gas.parent import (
    CERTIFICATE_BYTES,
    Batches,
    ParentFees,
    Shares,
    poster_cost,
    shares_of,
    steady_price,
)
from cortensor.gas.poster_price import PricerSettings
from tests.python.gas.signed import signed

PARENT = ParentFees(base_fee=200_000_000, price_per_unit=986_426, brotli_level=1)
SETTINGS = PricerSettings(arbos=40)


def test_what_a_batch_costs_its_poster() -> None:
    raw = signed(bytes(range(256)) * 40)
    for_bytes = 986_426 * poster_units(raw, 1) // 200_000_000
    assert poster_cost(raw, 300_000, PARENT) == (300_000 + for_bytes) * 200_000_000


def test_with_a_committee_only_the_fixed_share_remains() -> None:
    batches = Batches(transactions=100, is_anytrust=True)
    gas = 16 * (CERTIFICATE_BYTES + 40) + 30 + 6 * 7 + 40_000 + 210_000
    assert shares_of(150, batches, PARENT, SETTINGS) == Shares(gas * 200_000_000 // 100, 0)


def test_without_one_each_byte_is_posted() -> None:
    batches = Batches(transactions=64, is_anytrust=False)
    fixed, for_bytes = shares_of(150, batches, PARENT, SETTINGS)
    assert fixed == -(-(16 * 40 + 30 + 6 * 2 + 250_000) * 200_000_000 // 64)
    # 16 gas a byte, and 6 for each 32 of all that is hashed
    assert for_bytes == -(-(16 * 150 * 64 + 6 * 300) * 200_000_000 // 64)


@given(st.integers(1, 10_000), st.integers(0, 2_000), st.booleans())
def test_the_shares_cover_the_batch(transactions: int, size: int, is_anytrust: bool) -> None:
    batches = Batches(transactions, is_anytrust)
    alone = shares_of(size, batches._replace(transactions=1), PARENT, SETTINGS)
    shared = shares_of(size, batches, PARENT, SETTINGS)
    assert shared.fixed_wei * transactions >= alone.fixed_wei
    assert shared.fixed_wei <= alone.fixed_wei


def test_a_rate_turns_the_parents_coin_into_the_chains() -> None:
    dear = PARENT._replace(rate=300_000 * 10**18)  # 300,000 COR for 1 ETH
    assert dear.base_fee_here == 300_000 * PARENT.base_fee
    batches = Batches(100, is_anytrust=True)
    here = shares_of(0, batches, dear, SETTINGS).fixed_wei
    assert here == 300_000 * shares_of(0, batches, PARENT, SETTINGS).fixed_wei


def test_the_price_that_covers_costs() -> None:
    assert steady_price(1_000, 3, 10) == 344
    with pytest.raises(InvalidInput, match="at least 1"):
        steady_price(1, 0, 10)


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(InvalidInput, match="at least 1") as caught:
        shares_of(1, Batches(0, is_anytrust=True), PARENT, SETTINGS)
    assert caught.value.field == "transactions"
