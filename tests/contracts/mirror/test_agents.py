# SPDX-License-Identifier: Apache-2.0
"""AgentValidator and the package agree on scores, subjects and requests, and what scores mean."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortensor.receipts.agent_subject import AgentAt
from cortensor.receipts.typed import OUTCOMES
from cortensor.receipts.validation_score import ADVERSE, FAVOURABLE, validation_score
from tests.contracts.agents import Agents
from tests.contracts.profile import examples
from tests.contracts.protocol import CHAIN_ID

CONFIDENCES = (0, 1, 99, 100, 4_999, 5_000, 5_099, 5_100, 5_199, 5_200, 9_999, 10_000)
WORDS = st.binary(min_size=32, max_size=32).filter(any)


@pytest.fixture(scope="module")
def agents():
    return Agents()


def score(agents, outcome: str, confidence_bps: int) -> int:
    """Return the contract's score, which must be the package's."""
    given_by_contract = agents.validator.score(OUTCOMES.index(outcome), confidence_bps)
    assert given_by_contract == validation_score(outcome, confidence_bps)
    return given_by_contract


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_scores_at_the_edges(agents, outcome):
    scores = [score(agents, outcome, confidence) for confidence in CONFIDENCES]
    expected = [51, 51, 51, 51, 51, 51, 51, 51, 51, 52, 99, 100]
    if outcome in ADVERSE:
        expected = [100 - each for each in expected]
    elif outcome not in FAVOURABLE:
        expected = [50] * len(CONFIDENCES)
    assert scores == expected


@pytest.mark.fuzz
def test_scores_say_no_more_than_the_receipt(agents):
    @settings(max_examples=examples(60))
    @given(st.sampled_from(OUTCOMES), st.integers(0, 10_000), st.integers(0, 10_000))
    def hold(outcome, one, other):
        low, high = sorted((one, other))
        weak, strong = score(agents, outcome, low), score(agents, outcome, high)
        # More confidence never moves a score towards the middle, nor over it.
        assert abs(strong - 50) >= abs(weak - 50)
        assert (strong - 50) * (weak - 50) >= 0
        assert 100 * abs(strong - 50) <= max(high - 5_000, 100)
        assert (strong > 50) == (outcome in FAVOURABLE)
        assert (strong < 50) == (outcome in ADVERSE)

    hold()


@pytest.mark.fuzz
def test_subjects_and_requests(agents):
    validator = agents.validator

    @settings(max_examples=examples(25))
    @given(st.integers(0, 2**256 - 1), WORDS, WORDS)
    def agree(agent_id, first, second):
        at = agents.at(agent_id)
        assert validator.subject_of(agent_id, first) == at.subject(first)
        assert validator.self_subject_of(agent_id, first) == at.self_subject(first)
        assert validator.request_of(agent_id, first, second) == at.request(first, second)

    agree()


def test_a_subject_is_of_one_agent_kind_request_validator_registry_and_chain(agents):
    word = b"\x07" * 32
    plain = agents.at()
    others = [
        agents.at(agents.other_agent),
        AgentAt(CHAIN_ID, plain.registry, plain.registry, plain.agent_id),
        AgentAt(CHAIN_ID, plain.validator, plain.validator, plain.agent_id),
        AgentAt(1, plain.registry, plain.validator, plain.agent_id),
    ]
    subjects = [at.subject(word) for at in (plain, *others)]
    subjects += [plain.self_subject(word), plain.subject(b"\x08" * 32), plain.request(word, word)]
    assert len(set(subjects)) == len(subjects)
