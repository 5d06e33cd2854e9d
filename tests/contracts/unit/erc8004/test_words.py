# SPDX-License-Identifier: Apache-2.0
"""What the packed words of feedback and validations hold, and numbers for tags."""

from __future__ import annotations

import boa
import pytest
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.profile import examples
from tests.contracts.protocol import CONTRACTS, ZERO_ADDRESS

HEADER = "# pragma version 0.4.3\n# pragma evm-version cancun\n"
FEEDBACK = """
from contracts.lib import feedback_words as words

@external
@pure
def pack(rating: int128, decimals: uint8, tag1: uint256, tag2: uint256) -> uint256:
    return words._pack(rating, decimals, tag1, tag2)

@external
@pure
def unpack(word: uint256) -> (int128, uint256, uint256, uint256, bool, uint256):
    return (
        words._rating(word), words._decimals(word), words._tag1(word), words._tag2(word),
        words._is_revoked(word), words._answers(word)
    )

@external
@pure
def revoked(word: uint256) -> uint256:
    return words._revoked(word)

@external
@pure
def answered(word: uint256) -> uint256:
    return words._answered(word)
"""
VALIDATION = """
from contracts.lib import validation_words as words

@external
@pure
def asked(validator: address, agent: uint256, now: uint256) -> uint256:
    return words._asked(validator, agent, now)

@external
@pure
def answered(word: uint256, verdict: uint256, tag: uint256, now: uint256) -> uint256:
    return words._answered(word, verdict, tag, now)

@external
@pure
def unpack(word: uint256) -> (address, uint256, uint256, uint256, bool, uint256):
    return (
        words._validator(word), words._agent(word), words._updated_at(word),
        words._verdict(word), words._is_answered(word), words._tag(word)
    )
"""
U32 = 2**32 - 1


def harness(source: str):
    boa.interpret.set_search_paths([str(CONTRACTS.parent)])
    return boa.loads(HEADER + source)


@pytest.mark.fuzz
def test_feedback_packs_and_unpacks():
    words = harness(FEEDBACK)
    tag = st.integers(0, 2**40 - 1)

    @settings(max_examples=examples(60))
    @given(st.integers(-(2**127), 2**127 - 1), st.integers(0, 255), tag, tag, st.integers(0, 2))
    def round_trip(rating, decimals, tag1, tag2, answers):
        word = words.pack(rating, decimals, tag1, tag2)
        assert words.unpack(word) == (rating, decimals, tag1, tag2, False, 0)
        for _ in range(answers):
            word = words.answered(word)
        assert words.unpack(word) == (rating, decimals, tag1, tag2, False, answers)
        word = words.revoked(word)
        assert words.unpack(word) == (rating, decimals, tag1, tag2, True, answers)

    round_trip()
    full = words.pack(-1, 255, 2**40 - 1, 2**40 - 1) + (U32 << 224)
    with boa.reverts():
        words.answered(full)


@pytest.mark.fuzz
def test_a_validation_packs_and_unpacks():
    words = harness(VALIDATION)
    time = st.integers(0, U32)
    address = st.integers(1, 2**160 - 1).map(lambda number: f"0x{number:040x}")

    @settings(max_examples=examples(60))
    @given(address, st.integers(0, U32), time, time, st.integers(0, 100), st.integers(0, 2**24 - 1))
    def round_trip(validator, agent, asked_at, answered_at, verdict, tag):
        word = words.asked(validator, agent, asked_at)
        unpacked = words.unpack(word)
        assert unpacked[0].lower() == validator
        assert unpacked[1:] == (agent, asked_at, 0, False, 0)
        # A second answer leaves nothing of the first.
        for again in (words.answered(word, 100, 2**24 - 1, U32), word):
            unpacked = words.unpack(words.answered(again, verdict, tag, answered_at))
            assert unpacked[0].lower() == validator
            assert unpacked[1:] == (agent, answered_at, verdict, True, tag)

    round_trip()
    assert words.unpack(0) == (ZERO_ADDRESS, 0, 0, 0, False, 0)


@pytest.mark.parametrize("size", [1, 30, 31, 32, 33, 64])
def test_a_tag_is_read_as_it_was_written(validation, agent, owner, validator, size):
    key = keccak(text="tags")
    validation.validationRequest(validator, agent, "", key, sender=owner.address)
    tag = ("0123456789" * 7)[:size]
    for verdict in (1, 2):
        validation.validationResponse(key, verdict, "", bytes(32), tag, sender=validator)
        assert validation.getValidationStatus(key)[4] == tag
        assert validation.getSummary(agent, [], tag) == (1, verdict)
        assert validation.getSummary(agent, [], tag[:-1] + "x") == (0, 0)
