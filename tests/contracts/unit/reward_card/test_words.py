# SPDX-License-Identifier: Apache-2.0
"""lib/reward_words.vy and lib/reward_card_words.vy: what is packed comes out, nothing spills."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.rewards import RewardCard, Sums
from tests.contracts.packed_words import TIMES, library, property_of
from tests.contracts.reward_cards import cards, facts, tallies

SOURCE = """
from contracts.interfaces import IRewardCard
from contracts.lib import reward_card_words as cards
from contracts.lib import reward_words as words

@external
@pure
def facts(f: words.Facts) -> (uint256, words.Facts):
    word: uint256 = words._pack_facts(f)
    return (word, words._facts(word))

@external
@pure
def tally(work: uint256, operator_score: uint256) -> (uint256, uint256, uint256):
    word: uint256 = words._pack_tally(work, operator_score)
    return (word, words._work(word), words._operator_score(word))

@external
@pure
def sums(amount: uint256, score: uint256) -> (uint256, uint256, uint256):
    word: uint256 = words._pack_sums(amount, score)
    return (word, words._amount(word), words._score(word))

@external
@pure
def card(card: IRewardCard.RewardCard, at: uint256) -> (IRewardCard.RewardCard, uint256):
    packed: uint256[4] = cards._pack(card, at)
    return (cards._unpack(packed), cards._effective_at(packed[0]))
"""
HALVES = st.integers(0, 2**128 - 1) | st.just(2**128 - 1)


@pytest.fixture(scope="module")
def words():
    return library(SOURCE)


@property_of(100)
@given(seen=facts())
def test_facts(words, seen):
    fields = tuple(getattr(seen, name) for name in seen.__struct_fields__)
    word, found = words.facts(fields)
    assert word == seen.pack()
    assert tuple(found) == fields


@property_of(60)
@given(tally=tallies())
def test_tallies(words, tally):
    found = words.tally(tally.work, tally.operator_score)
    assert found == (tally.pack(), tally.work, tally.operator_score)


@property_of(60)
@given(amount=HALVES, score=HALVES)
def test_sums(words, amount, score):
    assert words.sums(amount, score) == (Sums(amount=amount, score=score).pack(), amount, score)


@property_of(60)
@given(card=cards(), at=TIMES)
def test_cards(words, card, at):
    found, moment = words.card(card.abi_tuple(), at)
    assert RewardCard.from_abi(found) == card
    assert moment == at
