# SPDX-License-Identifier: Apache-2.0
"""lib/position_words.vy: what is packed comes out again, and nothing spills."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.packed_words import TIMES, WEI, library, property_of

SOURCE = """
from contracts.lib import position_words as words

@external
@pure
def hot(amount: uint256, owner: address) -> (uint256, uint256, address):
    word: uint256 = words._pack_hot(amount, owner)
    return (word, words._amount(word), words._owner(word))

@external
@pure
def exit(leaving: uint256, at: uint256) -> (uint256, uint256, uint256):
    word: uint256 = words._pack_exit(leaving, at)
    return (word, words._amount(word), words._withdrawable_at(word))

@external
@pure
def slash(
    amount: uint256,
    executable_at: uint256,
    lapses_at: uint256,
    ended_at: uint256,
    is_appealed: bool,
) -> (uint256, uint256, uint256, uint256, uint256, bool):
    word: uint256 = words._pack_slash(amount, executable_at, lapses_at, ended_at, is_appealed)
    return (
        word,
        words._amount(word),
        words._executable_at(word),
        words._lapses_at(word),
        words._ended_at(word),
        words._is_appealed(word),
    )
"""


@pytest.fixture(scope="module")
def words():
    return library(SOURCE)


@property_of(100)
@given(amount=WEI, owner=st.integers(0, 2**160 - 1))
def test_the_hot_word(words, amount, owner):
    packed, *fields = words.hot(amount, "0x" + owner.to_bytes(20, "big").hex())
    assert packed == amount | owner << 96
    assert (fields[0], int(fields[1], 16)) == (amount, owner)


@property_of(100)
@given(leaving=WEI, at=TIMES)
def test_the_exit_word(words, leaving, at):
    assert words.exit(leaving, at) == (leaving | at << 96, leaving, at)


@property_of(100)
@given(amount=WEI, executable=TIMES, lapses=TIMES, ended=TIMES, is_appealed=st.booleans())
def test_the_slash_word(words, amount, executable, lapses, ended, is_appealed):
    packed, *fields = words.slash(amount, executable, lapses, ended, is_appealed)
    assert fields == [amount, executable, lapses, ended, is_appealed]
    assert packed == amount | executable << 96 | lapses << 136 | ended << 176 | is_appealed << 216
