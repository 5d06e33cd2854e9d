# SPDX-License-Identifier: Apache-2.0
"""Units and fees of transactions of our own, and four of Arbitrum One that its explorer shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.errors import InvalidInput
from cortensor.gas.arbitrum import (
    SEQUENCER,
    UNITS_PER_BYTE,
    Fee,
    fee_of,
    pays_poster,
    poster_gas,
    poster_units,
    total_fee,
)
from tests.python.gas.signed import signed

# Random bytes do not shrink; words of a contract call do.
NOISE = bytes(range(256)) * 2
CALL = bytes.fromhex("a9059cbb") + b"\0" * 12 + b"\x33" * 20 + (10**18).to_bytes(32, "big")
OWN = {
    "transfer of coin": (b"", {0: 1808, 1: 1808, 11: 1808}),
    "token transfer": (CALL, {0: 2912, 1: 2912, 11: 2528}),
    "no pattern, then itself": (NOISE, {0: 7216, 1: 6880, 11: 6080}),
    "zeros": (b"\0" * 1000, {0: 3744, 1: 2848, 11: 2144}),
}

# block, price per unit, base fee, compressed bytes -> poster gas, gas used, execution
REAL = [
    (70_000_000, 11_981_400_037, 100_000_000, 181, 346_981, 407_364, 60_383),
    (180_000_000, 16_903_058_620, 100_000_000, 182, 492_217, 536_988, 44_771),
    (200_000_000, 197_525_821, 10_000_000, 108, 34_132, 55_132, 21_000),
    (476_510_037, 4_139_976, 20_000_000, 187, 619, 62_790, 62_171),
]


@pytest.mark.parametrize(("data", "units"), OWN.values(), ids=OWN)
def test_units_of_our_own_transactions(data: bytes, units: dict[int, int]) -> None:
    raw = signed(data)
    assert {level: poster_units(raw, level) for level in units} == units


@pytest.mark.parametrize("row", REAL, ids=[str(row[0]) for row in REAL])
def test_fees_of_transactions_of_arbitrum_one(row: tuple[int, ...]) -> None:
    _, price, base_fee, size, for_bytes, used, execution = row
    assert poster_gas(UNITS_PER_BYTE * size, price, base_fee) == for_bytes
    assert total_fee(execution, for_bytes, base_fee) == used * base_fee


def test_who_pays_for_bytes() -> None:
    assert pays_poster(2, SEQUENCER, 1)
    assert pays_poster(0, SEQUENCER.upper().replace("0X", "0x"), 1)
    assert not pays_poster(2, "0x30a9415757620b543a52e61c46b32eb192620a95", 1), "by the inbox"
    assert not pays_poster(0x6A, SEQUENCER, 1), "of ArbOS"
    assert not pays_poster(2, SEQUENCER, 0), "without a base fee"


def test_nothing_is_charged_at_a_price_of_nothing() -> None:
    assert poster_gas(1600, 0, 10**7) == 0
    assert poster_gas(1600, 10**9, 0) == 0
    told = fee_of(signed(), 21_000, brotli_level=1, price_per_unit=10**9, base_fee=0)
    assert told == Fee(0, 21_000, 0, 0)


def test_the_parts_of_a_fee_add_up() -> None:
    told = fee_of(signed(CALL), 45_000, brotli_level=1, price_per_unit=10**6, base_fee=10**7)
    assert told.execution_wei + told.data_wei == told.total_wei == told.gas_used * 10**7
    assert told.poster_gas == 10**6 * told.units // 10**7


@given(st.integers(0, 10**7), st.integers(0, 10**14), st.integers(1, 10**12))
def test_poster_gas_never_charges_more_than_the_cost(units: int, price: int, base_fee: int) -> None:
    charged = poster_gas(units, price, base_fee) * base_fee
    assert charged <= units * price < charged + base_fee


@pytest.mark.parametrize("level", [2, 3, 4])
def test_levels_without_an_exact_answer_are_refused(level: int) -> None:
    with pytest.raises(InvalidInput, match="differ at levels 2 to 4") as caught:
        poster_units(signed(), level)
    assert (caught.value.code, caught.value.field) == ("inexact_level", "brotli_level")


@pytest.mark.parametrize("level", [-1, 12])
def test_levels_that_do_not_exist_are_refused(level: int) -> None:
    with pytest.raises(InvalidInput, match="from 0 to 11"):
        poster_units(signed(), level)


def test_no_bytes_are_refused() -> None:
    with pytest.raises(InvalidInput, match="bytes of a signed transaction"):
        poster_units(b"", 1)


@pytest.mark.parametrize(
    ("name", "values"), [("units", (-1, 1, 1)), ("price", (1, -1, 1)), ("base_fee", (1, 1, -1))]
)
def test_negative_values_are_refused(name: str, values: tuple[int, int, int]) -> None:
    with pytest.raises(InvalidInput, match="must not be negative") as caught:
        poster_gas(*values)
    assert caught.value.field == name
