# SPDX-License-Identifier: Apache-2.0
"""getSummary, readAllFeedback and lists of clients."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.fresh import deploy_fresh
from tests.contracts.protocol import ZERO_ADDRESS
from tests.contracts.slots import mapped, slot_of, write

NOTHING = ("", "", bytes(32))
MOST = 10**38


@pytest.fixture
def give(reputation, agent):
    """Give (value, decimals, tag1, tag2) as somebody."""

    def given(giver, *feedback):
        reputation.giveFeedback(agent, *feedback, *NOTHING, sender=giver)

    return given


def test_the_mean_has_as_many_decimals_as_most_have(reputation, agent, give, client):
    for feedback in ((9977, 2), (9800, 2), (1, 0)):
        give(client, *feedback, "uptime", "")
    # (99.77 + 98.00 + 1) / 3 = 66.2566...
    assert reputation.getSummary(agent, [client], "", "") == (3, 6625, 2)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # as many with 0 decimals as with 1: the fewer
        ([(7, 0), (75, 1)], (2, 7, 0)),
        ([(75, 1), (7, 0), (81, 1), (9, 0)], (4, 7, 0)),
        # towards zero, from both sides
        ([(-1, 0), (-2, 0)], (2, -1, 0)),
        ([(1, 0), (2, 0)], (2, 1, 0)),
        ([(-199, 2), (0, 0), (0, 0)], (3, 0, 0)),
        ([(5, 0), (-5, 0)], (2, 0, 0)),
        ([(1, 18), (2, 18)], (2, 1, 18)),
        ([(MOST, 0)], (1, MOST, 0)),
        ([(-MOST, 18), (-MOST, 18)], (2, -MOST, 18)),
        # the mean of 10**38 and two small ones, 33.3...e36, has room for no decimal more
        ([(MOST, 0), (1, 18), (1, 18)], (3, MOST // 3, 0)),
        ([(-MOST, 0), (1, 18), (1, 18)], (3, -(MOST // 3), 0)),
        ([(10**36, 0), (1, 18), (1, 18)], (3, 10**38 // 3, 2)),
    ],
)
def test_inv_e6_the_mean_is_rounded_towards_zero_once(
    reputation, agent, give, client, given, expected
):
    for feedback in given:
        give(client, *feedback, "", "")
    assert reputation.getSummary(agent, [client], "", "") == expected


def test_a_summary_counts_what_its_filters_pass(reputation, agent, give, client, other_client):
    give(client, 10, 0, "starred", "day")
    give(client, 20, 0, "starred", "week")
    give(client, 40, 0, "uptime", "week")
    give(other_client, 80, 0, "starred", "week")
    both = [client, other_client]

    def summary(clients, tag1="", tag2=""):
        return reputation.getSummary(agent, clients, tag1, tag2)

    assert summary(both) == (4, 37, 0)
    assert summary([client]) == (3, 23, 0)
    assert summary(both, "starred") == (3, 36, 0)
    assert summary(both, "", "week") == (3, 46, 0)
    assert summary(both, "starred", "week") == (2, 50, 0)
    assert summary(both, "uptime", "day") == (0, 0, 0)
    assert summary(both, "never used") == (0, 0, 0)
    assert summary(both, "", "never used") == (0, 0, 0)
    # "day" is known, but nobody's tag1.
    assert summary(both, "day") == (0, 0, 0)
    assert summary([ZERO_ADDRESS]) == (0, 0, 0)
    assert summary([client, client]) == (6, 23, 0)


def test_a_summary_skips_what_was_revoked(reputation, agent, give, client):
    give(client, 10, 0, "", "")
    give(client, 90, 0, "", "")
    reputation.revokeFeedback(agent, 1, sender=client)
    assert reputation.getSummary(agent, [client], "", "") == (1, 90, 0)


def test_a_summary_names_its_clients(reputation, agent):
    with boa.reverts("clientAddresses required"):
        reputation.getSummary(agent, [], "", "")


def test_all_feedback_is_read_client_by_client(reputation, agent, give, client, other_client):
    give(client, 10, 0, "starred", "day")
    give(other_client, -80, 1, "starred", "")
    give(client, 20, 2, "uptime", "")
    reputation.revokeFeedback(agent, 1, sender=client)

    def read(clients, tag1="", tag2="", *, revoked):
        return list(
            zip(
                *reputation.readAllFeedback(agent, clients, tag1, tag2, revoked),
                strict=True,
            )
        )

    first = (client, 1, 10, 0, "starred", "day", True)
    second = (client, 2, 20, 2, "uptime", "", False)
    third = (other_client, 1, -80, 1, "starred", "", False)
    assert read([], revoked=True) == [first, second, third]
    assert read([], revoked=False) == [second, third]
    assert read([other_client, client], revoked=False) == [third, second]
    assert read([], "starred", revoked=True) == [first, third]
    assert read([], "", "day", revoked=True) == [first]
    assert read([], "never used", revoked=True) == []
    assert read([ZERO_ADDRESS], revoked=True) == []


def test_an_agent_without_feedback_has_empty_lists(reputation, agent):
    assert reputation.readAllFeedback(agent, [], "", "", True) == ([], [], [], [], [], [], [])
    assert reputation.getClients(agent) == []
    assert reputation.getClients(99) == []


def test_clients_are_read_in_pages(reputation, agent, give):
    clients = [boa.env.generate_address() for _ in range(5)]
    for client in clients:
        give(client, 1, 0, "", "")
    assert reputation.getClients(agent) == clients
    assert reputation.getClients(agent, 3) == clients[3:]
    assert reputation.getClients(agent, 1, 2) == clients[1:3]
    assert reputation.getClients(agent, 4, 2**256 - 1) == clients[4:]
    assert reputation.getClients(agent, 5) == []
    assert reputation.getClients(agent, 2**256 - 1, 2**256 - 1) == []
    assert reputation.getClients(agent, 0, 0) == []


def test_more_than_a_page_of_clients_is_refused_and_read_in_parts(reputation, agent):
    write(reputation, mapped(slot_of(reputation, "_clients"), agent), 1025)
    with boa.reverts("reputation: more than a page"):
        reputation.getClients(agent)
    assert len(reputation.getClients(agent, 1)) == 1024
    assert len(reputation.getClients(agent, 0, 1024)) == 1024
    assert len(reputation.getClients(agent, 1024)) == 1


def test_more_than_a_page_of_feedback_is_refused(reputation, agent, give, client, other_client):
    for giver in (client, other_client):
        give(giver, 1, 0, "", "")
    write(reputation, mapped(slot_of(reputation, "_given"), agent, client), 1024)
    with boa.reverts("reputation: more than a page"):
        reputation.readAllFeedback(agent, [], "", "", True)
    whole = reputation.readAllFeedback(agent, [client], "", "", True)
    assert [len(part) for part in whole] == [1024] * 7
    assert len(reputation.readAllFeedback(agent, [other_client], "", "", True)[0]) == 1


def test_a_registry_stands_beside_an_identity_registry(reputation, identity):
    assert reputation.getIdentityRegistry() == identity.address
    assert reputation.getVersion() == "2.0.0"
    for nothing in (ZERO_ADDRESS, boa.env.generate_address()):
        with boa.reverts("bad identity"):
            deploy_fresh("erc8004/ReputationRegistry", nothing)
