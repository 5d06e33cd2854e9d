# SPDX-License-Identifier: Apache-2.0
"""The package's own clients of the registries, on our registries on a real node."""

from __future__ import annotations

import pytest

from cortensor.chain.erc8004_registries import (
    NO_HASH,
    Feedback,
    IdentityRegistry,
    ReputationRegistry,
    ValidationRegistry,
    ValidationStatus,
)
from cortensor.chain.rpc import connect
from cortensor.errors import Conflict, NotFound
from scripts._anvil import run_anvil
from tests.ape.agents.registries import deploy_all

pytestmark = pytest.mark.anvil

KEY, ANSWER = "0x" + "ab" * 32, "0x" + "cd" * 32
URI = "https://agents.example/agent.json"
TAG = "receipt/v4:majority:hard"


class World:
    """The registries, an owner with agent 0, a client, a validator and a stranger."""

    def __init__(self, web3) -> None:
        self.web3 = web3
        self.owner, self.client, self.validator, self.stranger = web3.eth.accounts[:4]
        addresses = deploy_all(web3)
        self.identity = IdentityRegistry(web3, addresses["identity"])
        self.reputation = ReputationRegistry(web3, addresses["reputation"])
        self.validation = ValidationRegistry(web3, addresses["validation"])
        data = self.identity.register_data(URI, {"model": b"small"})
        self.registered = self.send(self.owner, self.identity, data)

    def send(self, sender, registry, data):
        """Send calldata to a registry; return the receipt of what went through."""
        sent = self.web3.eth.send_transaction(
            {"from": sender, "to": registry.address, "data": data}
        )
        receipt = self.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
        assert receipt["status"] == 1
        return receipt


@pytest.fixture(scope="module")
def world():
    with run_anvil() as node:
        yield World(connect(node.url))


def test_an_agent_is_registered_and_read(world):
    identity = world.identity
    assert identity.registered_id(world.registered) == 0
    assert identity.owner(0) == identity.wallet(0) == world.owner
    assert identity.uri(0) == URI
    assert identity.may_act(world.owner, 0)
    assert not identity.may_act(world.stranger, 0)
    world.send(world.owner, identity, identity.set_agent_uri_data(0, "ipfs://new"))
    assert identity.uri(0) == "ipfs://new"
    assert identity.wallet(5) is None


def test_operators_come_and_go(world):
    identity = world.identity
    world.send(world.owner, identity, identity.approve_operator_data(world.stranger))
    assert identity.may_act(world.stranger, 0)
    stop = identity.approve_operator_data(world.stranger, is_allowed=False)
    world.send(world.owner, identity, stop)
    assert not identity.may_act(world.stranger, 0)


def test_an_agent_that_does_not_exist_is_a_refusal_in_words(world):
    for read in (world.identity.owner, world.identity.uri):
        with pytest.raises(Conflict) as refused:
            read(7)
        assert refused.value.reason.endswith("ERC721NonexistentToken(7)")


def test_a_transaction_that_registers_nothing_has_no_id(world):
    other = world.send(world.owner, world.identity, world.identity.set_agent_uri_data(0, URI))
    with pytest.raises(NotFound, match="registered no agent"):
        world.identity.registered_id(other)


def test_feedback_is_given_and_read(world):
    reputation = world.reputation
    assert reputation.all_feedback(0) == []
    data = reputation.give_feedback_data(
        0, -9977, 2, tag1="uptime", tag2="week", endpoint="a2a", uri="ipfs://f", file_hash=KEY
    )
    world.send(world.client, reputation, data)
    world.send(world.stranger, reputation, reputation.give_feedback_data(0, 5))
    first = Feedback(world.client, 1, -9977, 2, "uptime", "week", is_revoked=False)
    second = Feedback(world.stranger, 1, 5, 0, "", "", is_revoked=False)
    assert reputation.all_feedback(0) == [first, second]
    assert reputation.all_feedback(0, [world.stranger]) == [second]
    assert reputation.all_feedback(0, tag1="uptime", include_revoked=True) == [first]


def test_a_verdict_is_asked_for_and_given(world):
    validation = world.validation
    with pytest.raises(Conflict, match="unknown"):
        validation.status(KEY)
    data = validation.request_data(world.validator, 0, "ipfs://request", KEY)
    world.send(world.owner, validation, data)
    asked = validation.status(KEY)
    assert (asked.validator, asked.agent_id, asked.verdict) == (world.validator, 0, 0)
    assert (asked.response_hash, asked.tag, asked.is_answered) == (NO_HASH, "", False)
    data = validation.response_data(KEY, 93, "ipfs://receipt", ANSWER, TAG)
    receipt = world.send(world.validator, validation, data)
    time = world.web3.eth.get_block(receipt["blockNumber"])["timestamp"]
    answered = validation.status(KEY)
    assert answered == ValidationStatus(world.validator, 0, 93, ANSWER, TAG, time)
    assert answered.is_answered
