# SPDX-License-Identifier: Apache-2.0
"""COR amounts as text are exact in both directions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.errors import InvalidInput
from cortensor.pricing import format_cor, parse_cor, parse_wei


@pytest.mark.parametrize(
    ("wei", "text"),
    [
        (0, "0"),
        (1, "0.000000000000000001"),
        (10**18, "1"),
        (15 * 10**17, "1.5"),
        (10**20, "100"),
        (10**27 + 10, "1000000000.00000000000000001"),
        (-25 * 10**16, "-0.25"),
    ],
)
def test_format_is_exact(wei: int, text: str) -> None:
    assert format_cor(wei) == text


@given(st.integers(0, 2**96 - 1))
def test_round_trip(wei: int) -> None:
    assert parse_cor(format_cor(wei)) == wei


@pytest.mark.parametrize(
    "text", ["", ".5", "1.", "1e3", "+1", "-1", "1,000", "0.0000000000000000001", "1 000", "\u0661"]
)
def test_parse_refuses_what_is_not_plain(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_cor(text)


@pytest.mark.parametrize("value", ["", "01", "-1", "1.0", "0x1", " 1", "1\n", True, None, 1.0, -1])
def test_wei_has_one_spelling(value: object) -> None:
    with pytest.raises(InvalidInput, match="amount"):
        parse_wei(value, "amount")
    assert parse_wei("12", "amount") == parse_wei(12, "amount") == 12
