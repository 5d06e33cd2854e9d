# SPDX-License-Identifier: Apache-2.0
"""Scores are read exactly, and what is none is told apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.consensus import read_score


@pytest.mark.parametrize(
    ("text", "field", "decimals", "score"),
    [
        ("7", None, 0, 7),
        (" -3.5 ", None, 1, -35),
        ('{"total": 19.50, "name": "x"}', "total", 2, 1950),
        ('```json\n{"total": 1e2}\n```', "total", 0, 100),
        ("2.5", None, 0, 2),  # half to even
        ("3.5", None, 0, 4),
        ("-2.5", None, 0, -2),
        ("9007199254740993", None, 0, 9007199254740993),
        ("1e30", None, 0, 10**30),
        ("1e31", None, 0, None),
        ("seven", None, 0, None),
        ('"7"', None, 0, None),
        ("true", None, 0, None),
        ("NaN", None, 0, None),
        ("[7]", None, 0, None),
        ('{"total": 1}', None, 0, None),
        ('{"total": 1}', "sum", 0, None),
        ('{"total": 1, "total": 2}', "total", 0, None),
        ("7", "total", 0, None),
    ],
)
def test_score(text: str, field: str | None, decimals: int, score: int | None) -> None:
    assert read_score(text, field, decimals) == score


@given(st.integers(-(10**20), 10**20), st.integers(0, 9))
def test_decimals_are_exact(number: int, decimals: int) -> None:
    sign, digits = "-" if number < 0 else "", str(abs(number)).zfill(decimals + 1)
    point = len(digits) - decimals
    text = f"{sign}{digits[:point]}.{digits[point:]}" if decimals else f"{sign}{digits}"
    assert read_score(text, decimals=decimals) == number
