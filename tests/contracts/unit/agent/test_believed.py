# SPDX-License-Identifier: Apache-2.0
"""Which leaves AgentValidator believes, by either way: nothing forged, borrowed or taken back."""

from __future__ import annotations

import boa
import pytest
from eth_utils import keccak

from cortensor.receipts.merkle import StandardMerkleTree, receipt_leaf
from cortensor.receipts.typed import Domain
from tests.contracts.agents import URI, changed, receipt_id
from tests.contracts.disputes import Leaf
from tests.contracts.events import assert_event
from tests.contracts.protocol import CHAIN_ID, word


class Attesting:
    """By `attest`, as the agent's owner."""

    def __init__(self, agents) -> None:
        self.agents = agents
        self.what = agents.attestation()
        self.subject = agents.self_subject(self.what)

    def post(self, leaf: Leaf) -> None:
        self.agents.validator.attest(self.what, leaf, sender=self.agents.agent_owner)


class Responding:
    """By `respond`, as the leaf's anchorer."""

    def __init__(self, agents) -> None:
        self.agents = agents
        self.key = agents.ask()
        self.subject = agents.at().subject(self.key)

    def post(self, leaf: Leaf) -> None:
        self.agents.validator.respond(self.key, URI, leaf, sender=leaf.anchorer)


@pytest.fixture(params=[Attesting, Responding])
def way(request, agents):
    return request.param(agents)


@pytest.mark.parametrize(
    "lie",
    [
        {"outcome": 1},
        {"confidence_bps": 10_000},
        {"receipt_id": word(5)},
        {"charge": 0},
        {"issued_at": 1},
        {"terms": 0},
        {"session": 1 << 128 | 1},
    ],
)
def test_inv_v1_nothing_in_a_leaf_is_the_callers(agents, way, lie):
    leaf = agents.anchored(way.subject)
    with boa.reverts("agent: leaf not anchored"):
        way.post(changed(leaf, **lie))
    for other in (leaf._replace(index=4), leaf._replace(cumulative=1)):
        with boa.reverts("agent: leaf not anchored"):
            way.post(other)
    way.post(leaf)


def test_inv_v1_a_forged_subject_is_no_leaf(agents, way):
    leaf = agents.anchored(word(1))
    with boa.reverts("agent: receipt of another matter"):
        way.post(leaf)
    with boa.reverts("agent: leaf not anchored"):
        way.post(changed(leaf, subject=way.subject))


def test_inv_v1_a_leaf_of_another_agent(agents, way):
    other = agents.at(agents.other_agent)
    subjects = [other.self_subject(word(9))]
    if isinstance(way, Responding):
        subjects += [other.subject(way.key), agents.at().self_subject(way.key)]
    else:
        request = agents.at().request(way.what.payload_hash, way.what.salt)
        # The same request's receipt for third parties is none for the agent itself.
        subjects += [other.self_subject(request), agents.at().subject(request)]
    for subject in subjects:
        with boa.reverts("agent: receipt of another matter"):
            way.post(agents.anchored(subject))


def test_inv_v1_a_leaf_that_nobody_anchored(agents, way):
    leaf = agents.leaf(agents.receipt(way.subject))
    with boa.reverts("agent: leaf not anchored"):
        way.post(leaf)
    # Told in an event is not stored: a contract cannot look it up.
    agents.anchor.anchor_event(leaf.root, 4, "", sender=agents.settler)
    with boa.reverts("agent: leaf not anchored"):
        way.post(leaf)
    agents.anchor.anchor(leaf.root, 4, "", sender=agents.settler)
    way.post(leaf)


def test_inv_v1_a_leaf_in_anothers_log(agents, way):
    leaf = agents.leaf(agents.receipt(way.subject), agents.settler)
    agents.anchor.anchor(leaf.root, 4, "", sender=agents.other_settler)
    with boa.reverts("agent: leaf not anchored"):
        way.post(leaf)


def test_inv_v1_a_copy_by_the_settler_of_another_router(agents, way):
    agents.validator.allow(agents.agent, agents.other_settler, True, sender=agents.agent_owner)
    leaf = agents.anchored(way.subject, agents.other_settler)
    with boa.reverts("agent: anchorer not the settler"):
        way.post(leaf)


def test_inv_v1_an_anchorer_without_a_router(agents, way):
    puppet = agents.stranger
    agents.validator.allow(agents.agent, puppet, True, sender=agents.agent_owner)
    for session in (1 << 128 | 1, 99 << 128 | 1, 2**256 - 1, 0):
        leaf = agents.anchored(way.subject, puppet, session=session)
        with boa.reverts("agent: anchorer not the settler"):
            way.post(leaf)


def test_inv_v1_a_settler_that_was(agents, way):
    leaf = agents.anchored(way.subject)
    agents.payment.set_settler(1, agents.stranger, sender=agents.settler)
    with boa.reverts("agent: anchorer not the settler"):
        way.post(leaf)
    agents.validator.allow(agents.agent, agents.stranger, True, sender=agents.agent_owner)
    agents.anchor.anchor(leaf.root, 4, "", sender=agents.stranger)
    way.post(leaf._replace(anchorer=agents.stranger))


def test_inv_v1_a_receipt_of_another_escrow_or_chain(agents, way):
    receipt = agents.receipt(way.subject)
    for domain in (Domain(CHAIN_ID, agents.twin().address), Domain(1, agents.payment.address)):
        tree = StandardMerkleTree([receipt_leaf(receipt.digest(domain), 3, 10**18)])
        agents.anchor.anchor(tree.root, 1, "", sender=agents.settler)
        leaf = Leaf(receipt.abi_tuple(), 3, 10**18, agents.settler, tree.root, [])
        with boa.reverts("agent: leaf not anchored"):
            way.post(leaf)


def test_inv_v1_a_revoked_receipt(agents, way):
    leaf = agents.anchored(way.subject)
    agents.anchor.revoke(receipt_id(leaf), sender=agents.settler)
    with boa.reverts("agent: receipt does not stand"):
        way.post(leaf)


def test_inv_v1_a_superseded_receipt(agents, way):
    leaf, successor = agents.anchored(way.subject), agents.anchored(way.subject)
    agents.anchor.supersede(receipt_id(leaf), receipt_id(successor), sender=agents.settler)
    with boa.reverts("agent: receipt does not stand"):
        way.post(leaf)
    way.post(successor)


def test_inv_v2_an_anchorer_that_is_not_allowed(agents, way):
    allow = agents.validator.allow
    leaf = agents.anchored(way.subject)
    allow(agents.agent, agents.settler, False, sender=agents.agent_owner)
    with boa.reverts("agent: anchorer not allowed"):
        way.post(leaf)
    other = agents.anchored(way.subject, agents.other_settler, session=2 << 128 | 1)
    with boa.reverts("agent: anchorer not allowed"):
        way.post(other)
    allow(agents.agent, agents.other_settler, True, sender=agents.operator)
    way.post(other)


def test_inv_v2_a_new_owner_allows_anew(agents, validator):
    buyer = boa.env.generate_address()
    assert validator.is_allowed(agents.agent, agents.settler)
    agents.identity.transferFrom(agents.agent_owner, buyer, agents.agent, sender=agents.agent_owner)
    assert not validator.is_allowed(agents.agent, agents.settler)
    key = keccak(b"asked by the buyer")
    agents.validation.validationRequest(validator, agents.agent, "", key, sender=buyer)
    leaf = agents.anchored(agents.at().subject(key))
    with boa.reverts("agent: anchorer not allowed"):
        validator.respond(key, URI, leaf, sender=agents.settler)
    validator.allow(agents.agent, agents.settler, True, sender=buyer)
    validator.respond(key, URI, leaf, sender=agents.settler)


def test_inv_v2_only_who_acts_for_an_agent_allows(agents, validator):
    for sender in (agents.stranger, agents.settler, agents.other_owner, agents.owner):
        with boa.reverts("agent: caller not authorised"):
            validator.allow(agents.agent, agents.settler, True, sender=sender)
    validator.allow(agents.agent, agents.stranger, True, sender=agents.operator)
    assert_event(
        validator,
        "AnchorerAllowed",
        agent_id=agents.agent,
        anchorer=agents.stranger,
        owner=agents.agent_owner,
        is_allowed=True,
    )
    assert validator.is_allowed(agents.agent, agents.stranger)
    assert not validator.is_allowed(agents.other_agent, agents.stranger)
