# SPDX-License-Identifier: Apache-2.0
"""lib/reward_words.vy and lib/reward_card_words.vy: what is packed comes out, nothing spills."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.rewards import RewardCard, Sums
from cortensor.rewards.words import possible_facts
from tests.contracts.packed_words import TIMES, library, property_of
from tests.contracts.reward_cards import cards, facts, tallies
from tests.model.reward_tree_model import FACTS

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
def is_valid(facts: uint256, tally: uint256) -> bool:
    return words._is_valid(facts, tally)

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


@property_of(150)
@given(seen=facts(), tally=tallies(), data=st.data())
def test_what_cannot_be_is_the_same_in_the_package(words, seen, tally, data):
    """Of valid words a field at an edge, or a bit flipped; or any words at all."""
    place = data.draw(st.integers(0, len(FACTS) - 1))
    at, bits = sum(width for _, width in FACTS[:place]), FACTS[place][1]
    rest = seen.pack() & ~((2**bits - 1) << at)
    edge = data.draw(st.sampled_from((0, 1, 2, 10, 11, 10_000, 10_001, 2**bits - 1)))
    flips = st.integers(0, 255).map(lambda bit: 1 << bit) | st.just(0)
    said = data.draw(
        st.just(rest | edge % 2**bits << at)
        | flips.map(lambda flip: seen.pack() ^ flip)
        | st.integers(0, 2**256 - 1)
    )
    counted = data.draw(flips.map(lambda flip: tally.pack() ^ flip) | st.integers(0, 2**256 - 1))
    found = possible_facts(said, counted)
    assert words.is_valid(said, counted) == (found is not None)
    assert found is None or found.pack() == said


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
