# SPDX-License-Identifier: Apache-2.0
"""The three registries, agent 0 of an owner who has a key, and people around it."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.fresh import deploy_fresh
from tests.contracts.protocol import CHAIN_ID, START
from tests.contracts.signing import account

URI = "https://agents.example/0.json"


@pytest.fixture(scope="module")
def identity():
    boa.env.timestamp = START
    boa.env.evm.patch.chain_id = CHAIN_ID
    return deploy_fresh("erc8004/IdentityRegistry")


@pytest.fixture(scope="module")
def reputation(identity):
    return deploy_fresh("erc8004/ReputationRegistry", identity)


@pytest.fixture(scope="module")
def validation(identity):
    return deploy_fresh("erc8004/ValidationRegistry", identity)


@pytest.fixture(scope="module")
def owner():
    return account("owner of an agent")


@pytest.fixture(scope="module")
def operator(identity, owner):
    """May act for all agents of the owner."""
    made = boa.env.generate_address("operator")
    identity.setApprovalForAll(made, True, sender=owner.address)
    return made


@pytest.fixture(scope="module")
def agent(identity, owner):
    """The first agent: its id is 0."""
    return identity.register(URI, sender=owner.address)


@pytest.fixture(scope="module")
def approved(identity, owner, agent):
    """May act for the agent only."""
    made = boa.env.generate_address("approved")
    identity.approve(made, agent, sender=owner.address)
    return made


@pytest.fixture(scope="module")
def acting(owner, operator, approved):
    """Who may act for the agent, by role."""
    return {"owner": owner.address, "operator": operator, "approved": approved}


@pytest.fixture(scope="module")
def stranger():
    return boa.env.generate_address("stranger")


@pytest.fixture(scope="module")
def client():
    return boa.env.generate_address("client")


@pytest.fixture(scope="module")
def other_client():
    return boa.env.generate_address("other_client")


@pytest.fixture(scope="module")
def validator():
    return boa.env.generate_address("validator")


@pytest.fixture(scope="module")
def holder():
    """A contract that takes tokens."""
    return deploy_fresh("mocks/MockAgentHolder")
