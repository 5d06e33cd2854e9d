# SPDX-License-Identifier: Apache-2.0
"""What counts as the same answer. Many cases are pairs that likeness measures get wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.consensus import Vote, decide_answers, parse_json
from cortensor.consensus import equivalence as eq
from cortensor.errors import InvalidInput


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("Paris", " paris\n", True),
        ("Caf\u00e9", "Cafe\u0301", True),
        ("stra\u00dfe", "STRASSE", True),
        ("a  b", "a\tb", True),
        ("Paris.", "Paris", False),
        ("19.50", "19.5", False),
    ],
)
def test_exact(left: str, right: str, same: bool) -> None:
    assert eq.exact(left, right) is same
    assert eq.exact(right, left) is same


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ('{"total": 19.50}', '{"total":19.5}', True),
        ('{"a":1,"b":2}', '{"b":2,"a":1}', True),
        ("[1, 2]", "[2, 1]", False),
        ("1e2", "100", True),
        ("-0", "0", True),
        ("1", "true", False),
        ("0", "false", False),
        ("0", "null", False),
        ('"1"', "1", False),
        ("19.50", "195.0", False),
        ("0.1", "0.1000000000000000055511151231257827", False),
        ("9007199254740993", "9007199254740992", False),
        ('```json\n{"a": 1}\n```', '{"a":1}', True),
        ('{"a": 1, "a": 2}', '{"a": 2}', False),
        ("[NaN]", "[nan]", True),  # no JSON: compared as folded text
        ('{"name":"ACME "}', '{"name":"acme"}', True),
        ('{"a":1}', '{"a":1,"b":null}', False),
        ("not json", "NOT  json", True),
        ("not json", "{}", False),
        ("[" * 5_000, "[" * 5_000, True),
        ("1e999999999999", "1e999999999999", True),
        ("1e999", "1e9999", False),
    ],
)
def test_json(left: str, right: str, same: bool) -> None:
    assert eq.json(left, right) is same
    assert eq.json(right, left) is same


@pytest.mark.parametrize(
    ("left", "right", "tolerance", "same"),
    [
        ("100", "101", 9_900, False),
        ("100", "101", 9_901, True),
        ("-100", "-101", 10_000, True),
        ("-1", "1", 999_999, False),
        ("0", "0.0", 0, True),
        ("0", "0.0001", 500_000, False),
        ('{"a":[1.000]}', '{"a":[1.001]}', 1_000, True),
    ],
)
def test_json_tolerance_is_relative_and_exact(
    left: str, right: str, tolerance: int, same: bool
) -> None:
    assert eq.json(left, right, tolerance) is same
    assert eq.json(right, left, tolerance) is same


@pytest.mark.parametrize("tolerance", [-1, 1_000_001])
def test_json_tolerance_has_limits(tolerance: int) -> None:
    with pytest.raises(InvalidInput, match="tolerance_millionths"):
        eq.json("1", "1", tolerance)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("the invoice was paid on time", "the invoice was paid on time.", True),
        ("the claim is valid", "the claim is not valid", False),
        ("the claim is valid", "the claim is invalid", False),
        ("it isn't true that it rained", "it is true that it rained", False),
        ("it isn\u2019t so", "it is so", False),
        ("never said nothing of it", "said of it", False),
        ("the total is 19.50 EUR", "the total is 195.0 EUR", False),
        ("the total is 19.50 EUR", "the total is 19.5 EUR", True),
        ("founded in 1999 in Turin", "founded in 2001 in Turin", False),
        ("1,000 units were shipped", "1000 units were shipped", True),
        ("a b c d e f g h i j k l m", "a b c d e f g h i j k l m n o p q r s t", True),
        ("a b c d e f g h i j k l m", "a b c d e f g h i j k l m n o p q r s t u", False),
        ("", "   ", True),
        ("", "word", False),
    ],
)
def test_overlap_passes_its_gates_first(left: str, right: str, same: bool) -> None:
    assert eq.overlap(left, right) is same
    assert eq.overlap(right, left) is same


@given(st.text(max_size=60), st.sampled_from(["exact", "json", "overlap"]))
def test_every_relation_is_reflexive(text: str, name: str) -> None:
    rung = eq.rung(name)
    assert rung.similarity(rung.prepare(text), rung.prepare(text)) == eq.ONE


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(["exact", "json", "overlap"]))
def test_every_relation_is_symmetric(left: str, right: str, name: str) -> None:
    rung = eq.rung(name)
    a, b = rung.prepare(left), rung.prepare(right)
    assert rung.similarity(a, b) == rung.similarity(b, a)


def test_parse_json_refuses_what_cannot_be_compared() -> None:
    for text in ("", "{", "[1] [2]", '{"a":1,"a":1}', "NaN", "[" * 100 + "]" * 100, "1e500"):
        with pytest.raises(InvalidInput):
            parse_json(text)


def test_a_chain_of_small_steps_is_no_group() -> None:
    # Each text is like the next, the ends are not alike: the medoid takes its neighbours only.
    words = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]
    chain = [" ".join(words[i : i + 6]) for i in range(4)]
    votes = [Vote(index=i, text=text) for i, text in enumerate(chain)]
    decision = decide_answers(votes, policy="return_all", equivalence="overlap")
    assert max(decision.votes.values()) < len(chain)
