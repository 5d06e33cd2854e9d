# SPDX-License-Identifier: Apache-2.0
"""A sequencer keeps a party's transactions out until they can be forced in."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.disputes import (
    ANSWER_SECONDS,
    FORCED_INCLUSION_SECONDS,
    GRACE_SECONDS,
    Disputed,
    answer,
    deploy_dispute,
)
from tests.contracts.protocol import CHALLENGE_WINDOW_SECONDS, SETTLE_WINDOW_SECONDS, travel


@pytest.fixture(scope="module")
def own():
    return Disputed()


def test_an_answer_that_is_forced_in_comes_in_time(own):
    session = own.open()
    leaf = own.worked(session, 1)[0]
    own.dispute.demand(session, 1, sender=own.challenger)
    # Half of the window is left for noticing.
    travel(ANSWER_SECONDS - FORCED_INCLUSION_SECONDS)
    assert ANSWER_SECONDS - FORCED_INCLUSION_SECONDS >= ANSWER_SECONDS // 2
    travel(FORCED_INCLUSION_SECONDS)
    answer(own, leaf)


def test_a_proof_that_is_forced_in_comes_in_time(own):
    session = own.open()
    leaf = own.worked(session, 1, over=5)[0]
    own.dispute.demand(session, 1, sender=own.challenger)
    travel(ANSWER_SECONDS)
    answer(own, leaf)
    travel(GRACE_SECONDS)
    own.dispute.challenge_charge(leaf, sender=own.challenger)
    assert own.dispute.refunded(session) == 5


def test_windows_in_which_it_could_not_are_refused(own):
    longest = (
        min(ANSWER_SECONDS, GRACE_SECONDS, CHALLENGE_WINDOW_SECONDS, SETTLE_WINDOW_SECONDS) // 2
    )
    deploy_dispute(own.payment, forced_inclusion=longest)
    with boa.reverts("dispute: window too short"):
        deploy_dispute(own.payment, forced_inclusion=longest + 1)
