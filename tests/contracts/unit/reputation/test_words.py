# SPDX-License-Identifier: Apache-2.0
"""lib/node_words.vy: what is packed comes out again, and nothing spills."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.packed_words import TIMES, library, property_of

SOURCE = """
from contracts.lib import node_words as words

@external
@pure
def node(
    word: uint256, level: uint256, streak: uint256, epoch: uint256, models: uint256
) -> uint256:
    return words._with_model_count(words._with_level(word, level, streak, epoch), models)

@external
@pure
def disqualified(word: uint256, epoch: uint256, moment: uint256) -> uint256:
    return words._with_disqualified_at(words._with_stay(word, epoch), moment)

@external
@pure
def fields(word: uint256) -> (uint256, uint256, uint256, uint256, uint256, uint256):
    return (
        words._stays(word),
        words._disqualified_at(word),
        words._level(word),
        words._streak(word),
        words._level_epoch(word),
        words._model_count(word),
    )

@external
@pure
def stay(operator: address, at: uint256, end: uint256) -> (uint256, address, uint256, uint256):
    word: uint256 = words._pack_stay(operator, at, end)
    return (word, words._operator(word), words._registered_at(word), words._retired_at(word))

@external
@pure
def accusation(
    executable: uint256, lapses: uint256, ended: uint256, is_appealed: bool
) -> (uint256, uint256, uint256, uint256, bool):
    word: uint256 = words._pack_accusation(executable, lapses, ended, is_appealed)
    return (
        word,
        words._executable_at(word),
        words._lapses_at(word),
        words._ended_at(word),
        words._is_appealed(word),
    )
"""
U16S = st.integers(0, 2**16 - 1) | st.just(2**16 - 1)
U32S = st.integers(0, 2**32 - 1) | st.just(2**32 - 1)
LEVELS = st.integers(0, 10)


@pytest.fixture(scope="module")
def words():
    return library(SOURCE)


@property_of(60)
@given(
    stays=U16S,
    old=st.tuples(LEVELS, U32S, TIMES, U16S),
    new=st.tuples(LEVELS, U32S, TIMES, U16S),
    begun=TIMES,
    moment=TIMES,
)
def test_the_node_word(words, stays, old, new, begun, moment):
    word = words.node(stays, *old)
    assert words.fields(word) == (stays, 0, *old)
    word = words.node(word, *new)
    level, streak, epoch, models = new
    assert word == stays | level << 56 | streak << 64 | epoch << 96 | models << 136
    if stays < 2**16 - 1:
        # A new stay begins with neither level nor streak.
        fields = (stays + 1, moment, 0, 0, begun, models)
        assert words.fields(words.disqualified(word, begun, moment)) == fields


@property_of(60)
@given(operator=st.integers(0, 2**160 - 1), at=TIMES, end=TIMES)
def test_the_stay_word(words, operator, at, end):
    packed, *fields = words.stay("0x" + operator.to_bytes(20, "big").hex(), at, end)
    assert packed == operator | at << 160 | end << 200
    assert (int(fields[0], 16), *fields[1:]) == (operator, at, end)


@property_of(60)
@given(executable=TIMES, lapses=TIMES, ended=TIMES, is_appealed=st.booleans())
def test_the_accusation_word(words, executable, lapses, ended, is_appealed):
    packed, *fields = words.accusation(executable, lapses, ended, is_appealed)
    assert packed == executable | lapses << 40 | ended << 80 | is_appealed << 120
    assert fields == [executable, lapses, ended, is_appealed]
