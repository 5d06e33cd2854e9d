# SPDX-License-Identifier: Apache-2.0
"""lib/dispute_words.vy: what is packed comes out again, and nothing spills."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.packed_words import TIMES, WEI, library, property_of

SOURCE = """
from contracts.lib import dispute_words as words

@external
@pure
def record(a: uint256, b: uint256, c: uint256, d: uint256, e: uint256) -> uint256[6]:
    word: uint256 = words._pack_record(a, b, c, d, e)
    return [
        word,
        words._refunded(word),
        words._first_proven_at(word),
        words._demands_until(word),
        words._follow_until(word),
        words._proofs(word),
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
def ask(
    a: address, b: uint256, c: uint256, d: uint256
) -> (uint256, address, uint256, uint256, uint256):
    word: uint256 = words._pack_ask(a, b, c, d)
    return (
        word,
        words._challenger(word),
        words._answer_by(word),
        words._challengeable_until(word),
        words._proofs_before(word),
    )

@external
@pure
def claim(a: uint256, b: uint256, c: uint256) -> uint256[4]:
    word: uint256 = words._pack_claim(a, b, c)
    return [word, words._claimed(word), words._held(word), words._bucket(word)]
"""


@pytest.fixture(scope="module")
def words():
    return library(SOURCE)


@property_of(100)
@given(refunded=WEI, first=TIMES, until=TIMES, follow=TIMES, proofs=TIMES)
def test_the_record(words, refunded, first, until, follow, proofs):
    packed, *fields = words.record(refunded, first, until, follow, proofs)
    assert fields == [refunded, first, until, follow, proofs]
    assert packed == refunded | first << 96 | until << 136 | follow << 176 | proofs << 216


@property_of(100)
@given(charge=WEI, gap=WEI, is_charge=st.booleans(), is_gap=st.booleans())
def test_the_mark(words, charge, gap, is_charge, is_gap):
    packed, *fields = words.mark(charge, gap, is_charge, is_gap)
    assert fields == [charge, gap, is_charge, is_gap]
    assert packed == charge | gap << 96 | is_charge << 192 | is_gap << 193


@property_of(100)
@given(challenger=st.integers(0, 2**160 - 1), by=TIMES, until=TIMES, proofs=st.integers(0, 2**40))
def test_the_ask(words, challenger, by, until, proofs):
    packed, asked, *fields = words.ask(
        "0x" + challenger.to_bytes(20, "big").hex(), by, until, proofs
    )
    assert int(asked, 16) == challenger
    assert fields == [by, until, proofs % 2**16]
    assert packed == challenger | by << 160 | until << 200 | proofs % 2**16 << 240


@property_of(100)
@given(claimed=WEI, held=WEI, bucket=st.integers(0, 2**64 - 1))
def test_the_claim(words, claimed, held, bucket):
    packed, *fields = words.claim(claimed, held, bucket)
    assert fields == [claimed, held, bucket]
    assert packed == claimed | held << 96 | bucket << 192
