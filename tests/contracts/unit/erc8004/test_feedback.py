# SPDX-License-Identifier: Apache-2.0
"""giveFeedback, revokeFeedback, appendResponse, and reading one feedback or its answers."""

from __future__ import annotations

import boa
import pytest
from eth_utils import keccak

from tests.contracts.custom_errors import refuses
from tests.contracts.protocol import ZERO_ADDRESS
from tests.contracts.raw_events import assert_event

HASH = keccak(text="feedback file")
FULL = (9977, 2, "uptime", "week", "https://agents.example/a2a", "ipfs://feedback", HASH)
PLAIN = (87, 0, "", "", "", "", bytes(32))
MOST = 10**38


def test_feedback_is_kept_and_told(reputation, agent, client):
    reputation.giveFeedback(agent, *FULL, sender=client)
    assert_event(
        reputation,
        "NewFeedback",
        agentId=agent,
        clientAddress=client,
        feedbackIndex=1,
        value=9977,
        valueDecimals=2,
        indexedTag1=keccak(text="uptime"),
        tag1="uptime",
        tag2="week",
        endpoint="https://agents.example/a2a",
        feedbackURI="ipfs://feedback",
        feedbackHash=HASH,
    )
    assert reputation.readFeedback(agent, client, 1) == (9977, 2, "uptime", "week", False)
    assert reputation.getLastIndex(agent, client) == 1
    assert reputation.getClients(agent) == [client]


def test_inv_e4_a_clients_feedback_counts_from_1(reputation, agent, client, other_client):
    for index, value in enumerate((5, -5, 0), start=1):
        reputation.giveFeedback(agent, value, *PLAIN[1:], sender=client)
        assert reputation.getLastIndex(agent, client) == index
    reputation.giveFeedback(agent, *PLAIN, sender=other_client)
    assert reputation.getClients(agent) == [client, other_client]
    assert [reputation.readFeedback(agent, client, i)[0] for i in (1, 2, 3)] == [5, -5, 0]
    assert reputation.readFeedback(agent, other_client, 1) == (87, 0, "", "", False)


@pytest.mark.parametrize(("value", "decimals"), [(MOST, 18), (-MOST, 0), (1, 18), (-1, 18)])
def test_the_largest_and_smallest_ratings_are_kept(reputation, agent, client, value, decimals):
    reputation.giveFeedback(agent, value, decimals, *PLAIN[2:], sender=client)
    assert reputation.readFeedback(agent, client, 1)[:2] == (value, decimals)


def test_what_is_too_large_is_refused(reputation, agent, client):
    for value in (MOST + 1, -MOST - 1, 2**127 - 1, -(2**127)):
        with boa.reverts("value too large"):
            reputation.giveFeedback(agent, value, *PLAIN[1:], sender=client)
    for decimals in (19, 255):
        with boa.reverts("too many decimals"):
            reputation.giveFeedback(agent, 1, decimals, *PLAIN[2:], sender=client)


@pytest.mark.parametrize("who", ["owner", "operator", "approved"])
def test_inv_e5_nobody_rates_its_own_agent(reputation, agent, acting, who):
    with boa.reverts("Self-feedback not allowed"):
        reputation.giveFeedback(agent, *PLAIN, sender=acting[who])


def test_an_agent_that_does_not_exist_is_not_rated(reputation, client):
    with refuses(reputation, "ERC721NonexistentToken(uint256)", 5):
        reputation.giveFeedback(5, *PLAIN, sender=client)


def test_texts_have_bounds(reputation, agent, client):
    most = (1, 0, "a" * 64, "b" * 64, "e" * 2048, "u" * 8192, HASH)
    reputation.giveFeedback(agent, *most, sender=client)
    assert reputation.readFeedback(agent, client, 1) == (1, 0, "a" * 64, "b" * 64, False)
    for place in (2, 3, 4, 5):
        longer = (*most[:place], most[place] + "x", *most[place + 1 :])
        with boa.reverts():
            reputation.giveFeedback(agent, *longer, sender=client)


# --- revoking -------------------------------------------------------------------


def test_a_client_takes_its_word_back(reputation, agent, client):
    reputation.giveFeedback(agent, *FULL, sender=client)
    reputation.revokeFeedback(agent, 1, sender=client)
    assert_event(
        reputation, "FeedbackRevoked", agentId=agent, clientAddress=client, feedbackIndex=1
    )
    assert reputation.readFeedback(agent, client, 1) == (9977, 2, "uptime", "week", True)
    assert reputation.getLastIndex(agent, client) == 1


def test_inv_e4_a_word_is_taken_back_once_by_its_client(
    reputation, agent, client, other_client, owner
):
    reputation.giveFeedback(agent, *PLAIN, sender=client)
    for somebody in (other_client, owner.address):
        with boa.reverts("index out of bounds"):
            reputation.revokeFeedback(agent, 1, sender=somebody)
    reputation.revokeFeedback(agent, 1, sender=client)
    with boa.reverts("Already revoked"):
        reputation.revokeFeedback(agent, 1, sender=client)


def test_feedback_that_was_not_given_is_not_there(reputation, agent, client):
    reputation.giveFeedback(agent, *PLAIN, sender=client)
    for call in (
        lambda index: reputation.revokeFeedback(agent, index, sender=client),
        lambda index: reputation.appendResponse(agent, client, index, "u", HASH),
        lambda index: reputation.readFeedback(agent, client, index),
    ):
        with boa.reverts("index must be > 0"):
            call(0)
        for index in (2, 2**64 - 1):
            with boa.reverts("index out of bounds"):
                call(index)


# --- answers --------------------------------------------------------------------


def test_anyone_answers(reputation, agent, client, owner, stranger):
    reputation.giveFeedback(agent, *FULL, sender=client)
    for responder in (owner.address, stranger, client):
        reputation.appendResponse(agent, client, 1, "ipfs://refund", HASH, sender=responder)
        assert_event(
            reputation,
            "ResponseAppended",
            agentId=agent,
            clientAddress=client,
            feedbackIndex=1,
            responder=responder,
            responseURI="ipfs://refund",
            responseHash=HASH,
        )
    assert reputation.getResponseCount(agent, client, 1, []) == 3
    # Nothing of the feedback changed, nor does revoking it change its answers.
    assert reputation.readFeedback(agent, client, 1) == (9977, 2, "uptime", "week", False)
    reputation.revokeFeedback(agent, 1, sender=client)
    assert reputation.getResponseCount(agent, client, 1, []) == 3


def test_an_answer_is_somewhere(reputation, agent, client):
    reputation.giveFeedback(agent, *PLAIN, sender=client)
    with boa.reverts("Empty URI"):
        reputation.appendResponse(agent, client, 1, "", HASH)


def test_answers_are_counted_by_client_feedback_and_responder(
    reputation, agent, client, other_client, owner, stranger
):
    for giver in (client, client, other_client):
        reputation.giveFeedback(agent, *PLAIN, sender=giver)
    for giver, index, responder in (
        (client, 1, owner.address),
        (client, 1, owner.address),
        (client, 2, stranger),
        (other_client, 1, stranger),
        (other_client, 1, owner.address),
    ):
        reputation.appendResponse(agent, giver, index, "ipfs://answer", HASH, sender=responder)

    def count(giver=ZERO_ADDRESS, index=0, *responders):
        return reputation.getResponseCount(agent, giver, index, list(responders))

    assert count() == 5
    assert count(client) == 3
    assert count(client, 1) == 2
    assert count(client, 2) == 1
    assert count(client, 3) == 0
    assert count(ZERO_ADDRESS, 1) == 4
    assert count(ZERO_ADDRESS, 0, stranger) == 2
    assert count(ZERO_ADDRESS, 0, owner.address, stranger) == 5
    assert count(client, 1, stranger) == 0
    assert count(other_client, 1, stranger) == 1
    assert count(stranger) == 0
