# SPDX-License-Identifier: Apache-2.0
"""lib/dispute_words.vy: what is packed comes out again, and nothing spills."""

from __future__ import annotations

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.profile import examples
from tests.contracts.protocol import CONTRACTS, U96

U40 = 2**40 - 1
SOURCE = """
from contracts.lib import dispute_words as words

@external
@pure
def record(a: uint256, b: uint256, c: uint256, d: uint256) -> uint256[5]:
    word: uint256 = words._pack_record(a, b, c, d)
    return [
        word,
        words._refunded(word),
        words._first_proven_at(word),
        words._last_proven_at(word),
        words._demands_until(word),
    ]

@external
@pure
def mark(a: uint256, b: uint256, c: bool, d: bool) -> (uint256, uint256, uint256, bool, bool):
    word: uint256 = words._pack_mark(a, b, c, d)
    return (
        word,
        words._part(word, False),
        words._part(word, True),
        words._is_proven(word, False),
        words._is_proven(word, True),
    )

@external
@pure
def ask(a: address, b: uint256) -> (uint256, address, uint256):
    word: uint256 = words._pack_ask(a, b)
    return (word, words._challenger(word), words._settled(word))

@external
@pure
def state(a: uint256, b: uint256, c: uint256) -> uint256[4]:
    word: uint256 = words._pack_state(a, b, c)
    return [word, words._held(word), words._answer_by(word), words._challengeable_until(word)]
"""
WEI = st.one_of(st.just(0), st.just(U96), st.integers(0, U96))
TIMES = st.one_of(st.just(0), st.just(U40), st.integers(0, U40))


@pytest.fixture(scope="module")
def words():
    boa.interpret.set_search_paths([str(CONTRACTS.parent)])
    return boa.loads(SOURCE)


def property_of(count: int):
    """Return the settings of a property that gets `count` examples in CI."""
    return settings(
        max_examples=examples(count),
        suppress_health_check=[HealthCheck.function_scoped_fixture],
        deadline=None,
    )


@property_of(100)
@given(refunded=WEI, first=TIMES, last=TIMES, until=TIMES)
def test_the_record(words, refunded, first, last, until):
    packed, *fields = words.record(refunded, first, last, until)
    assert fields == [refunded, first, last, until]
    assert packed == refunded | first << 96 | last << 136 | until << 176


@property_of(100)
@given(charge=WEI, gap=WEI, is_charge=st.booleans(), is_gap=st.booleans())
def test_the_mark(words, charge, gap, is_charge, is_gap):
    packed, *fields = words.mark(charge, gap, is_charge, is_gap)
    assert fields == [charge, gap, is_charge, is_gap]
    assert packed == charge | gap << 96 | is_charge << 192 | is_gap << 193


@property_of(100)
@given(challenger=st.integers(0, 2**160 - 1), settled=WEI)
def test_the_ask(words, challenger, settled):
    packed, *fields = words.ask("0x" + challenger.to_bytes(20, "big").hex(), settled)
    assert (int(fields[0], 16), fields[1]) == (challenger, settled)
    assert packed == challenger | settled << 160


@property_of(100)
@given(held=WEI, answer_by=TIMES, until=TIMES)
def test_the_state(words, held, answer_by, until):
    packed, *fields = words.state(held, answer_by, until)
    assert fields == [held, answer_by, until]
    assert packed == held | answer_by << 96 | until << 136
