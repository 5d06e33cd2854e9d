# SPDX-License-Identifier: Apache-2.0
"""Deep JSON is refused before a parser can overrun the stack."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.consensus import parse_json
from cortensor.errors import Error, InvalidInput
from cortensor.nesting import check_nesting
from cortensor.receipts import Bundle

values = st.recursive(
    st.none() | st.integers() | st.text(st.sampled_from('[]{}"\\ax')),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("[{a"), inner, max_size=3),
    max_leaves=15,
)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


@given(values)
def test_the_depth_is_the_values(value: Any) -> None:
    text = json.dumps(value)
    found = depth(value)
    check_nesting(text, found)
    check_nesting(text.encode(), found)
    if found:
        for data in (text, text.encode()):
            with pytest.raises(InvalidInput, match=f"nests deeper than {found - 1}"):
                check_nesting(data, found - 1)


@pytest.fixture
def raised_limit() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)  # as py_ecc does when eth_account is imported
    yield
    sys.setrecursionlimit(before)


@pytest.mark.usefixtures("raised_limit")
@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, '[{"a":' * 100_000])
def test_hostile_depth_is_an_error_and_no_crash(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_json(text)
    with pytest.raises(Error):
        Bundle.load(text)


@pytest.mark.parametrize("text", ['"' + '\\"' * 500_000, '"' * 500_001, "\\" * 500_000])
def test_hostile_strings_take_linear_time(text: str) -> None:
    started = time.monotonic()
    check_nesting(text)
    assert time.monotonic() - started < 5
