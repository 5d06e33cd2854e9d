# SPDX-License-Identifier: Apache-2.0
"""Canonical JSON: RFC 8785's own cases, and everything that has no canonical form."""

from __future__ import annotations

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from cortensor.errors import InvalidInput
from cortensor.receipts import canonical_bytes, load_json, receipt_id, receipt_urn
from cortensor.receipts.canonical import plain_bytes

text = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_canonical_bytes_parse_back_and_are_stable(value: Any) -> None:
    data = canonical_bytes(value)
    assert load_json(data) == value
    assert canonical_bytes(json.loads(data)) == data


@given(values)
def test_the_quick_way_writes_what_the_slow_one_writes(value: Any) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)


def test_every_character_is_written_as_the_rfc_says() -> None:
    plane = [chr(code) for code in range(0x11000) if not 0xD800 <= code < 0xE000]
    astral = [chr(code) for code in range(0x11000, 0x110000, 0x101)]
    assert plain_bytes(plane + astral) == rfc8785.dumps(plane + astral)


@pytest.mark.parametrize(
    "value", [1.5, 2**53, {"\u20ac": 1}, {1: 2}, b"x", "\ud800", [[[b""]]], (1,)]
)
def test_the_quick_way_leaves_the_rest_to_the_slow_one(value: object) -> None:
    assert plain_bytes(value) is None


def test_keys_sort_by_utf16_and_text_is_escaped_as_the_rfc_says() -> None:
    # The RFC's own sorting example, with its integers.
    keys = {
        "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7,
    }  # fmt: skip
    order = [key for key, _ in json.loads(canonical_bytes(keys), object_pairs_hook=list)]
    assert order == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert canonical_bytes({"a": '\u20ac$\u000f\nA\'B"\\\\"/'}) == (
        b'{"a":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (1.5, "$"),
        ({"a": [1, 2.0]}, "$.a[1]"),
        ({"a": float("nan")}, "$.a"),
        (2**53, "$"),
        ({"a": {"b": -(2**53)}}, "$.a.b"),
        ({1: "x"}, "$"),
        (b"x", "$"),
        ({"a": "\ud800"}, "$.a"),
        ({"\udfff": 1}, "$"),
        ({1, 2}, "$"),
    ],
)
def test_values_without_a_canonical_form(value: object, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        canonical_bytes(value)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "data",
    [
        '{"a":1,"a":1}',
        '{"a":{"b":1,"b":2}}',
        "1.0",
        "1e2",
        "NaN",
        "-Infinity",
        "9007199254740992",
        "{",
        "",
        "[1] x",
        '"\\ud800"',
        "[" * 100_000,
        "[" * 40 + "]" * 40,
        b"\xff\xfe\xff",
        "1" * 5_000,
    ],
)
def test_json_that_two_readers_would_read_differently(data: str | bytes) -> None:
    with pytest.raises(InvalidInput):
        load_json(data)


def test_the_id_is_keccak256_of_the_canonical_bytes() -> None:
    # keccak256 of "{}", as any Ethereum library gives it.
    empty = "0xb48d38f93eaa084033fc5970bf96e559c33c4cdc07d889ab00b4d63f9590739d"
    assert receipt_id({}) == empty
    assert receipt_urn(empty) == f"urn:cortensor:receipt:{empty}"
    assert receipt_id({"b": 1, "a": 2}) == receipt_id({"a": 2, "b": 1})
