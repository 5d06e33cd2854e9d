# SPDX-License-Identifier: Apache-2.0
"""AgentValidator.respond and authorise: who answers another's request, and under what tag."""

from __future__ import annotations

import boa
import pytest
from eth_utils import keccak

from cortensor.pricing import Terms
from tests.contracts.agents import URI, receipt_id
from tests.contracts.events import assert_event
from tests.contracts.protocol import ZERO_ADDRESS, ZERO_WORD, word


def test_the_settler_answers(agents, validator):
    key = agents.ask()
    asked_at = boa.env.timestamp
    assert agents.status(key) == (validator.address, agents.agent, 0, ZERO_WORD, "", asked_at)
    leaf = agents.anchored(validator.subject_of(agents.agent, key))
    assert validator.respond(key, URI, leaf, sender=agents.settler) == 87
    assert_event(
        validator,
        "AnswerPosted",
        agent_id=agents.agent,
        request_hash=key,
        receipt_id=receipt_id(leaf),
        anchorer=agents.settler,
        root=leaf.root,
    )
    assert agents.status(key)[2:5] == (87, receipt_id(leaf), "receipt/v4:weighted:third-party")


def test_so_does_whom_it_authorised(agents, validator):
    responder = agents.stranger
    key = agents.ask()
    leaf = agents.anchored(agents.at().subject(key))
    validator.authorise(responder, True, sender=agents.settler)
    assert_event(
        validator,
        "ResponderAuthorised",
        anchorer=agents.settler,
        responder=responder,
        is_allowed=True,
    )
    assert validator.is_authorised(agents.settler, responder)
    assert not validator.is_authorised(responder, agents.settler)
    with boa.env.anchor():
        validator.authorise(responder, False, sender=agents.settler)
        with boa.reverts("agent: caller not authorised"):
            validator.respond(key, URI, leaf, sender=responder)
    validator.respond(key, URI, leaf, sender=responder)
    assert agents.status(key).tag == "receipt/v4:weighted:third-party"
    with boa.reverts("agent: zero responder"):
        validator.authorise(ZERO_ADDRESS, True, sender=agents.settler)


@pytest.mark.parametrize("role", ["agent_owner", "operator", "stranger", "other_settler", "owner"])
def test_nobody_else_chooses_which_receipt_answers(agents, validator, role):
    key = agents.ask()
    leaf = agents.anchored(agents.at().subject(key))
    with boa.reverts("agent: caller not authorised"):
        validator.respond(key, URI, leaf, sender=getattr(agents, role))


def test_inv_v5_a_settler_that_acts_for_the_agent_speaks_for_itself(agents, validator):
    agents.identity.setApprovalForAll(agents.settler, True, sender=agents.agent_owner)
    key, _ = agents.respond()
    assert agents.status(key).tag == "receipt/v4:weighted:self"


def test_inv_v5_so_does_a_responder_that_acts_for_the_agent(agents, validator):
    validator.authorise(agents.operator, True, sender=agents.settler)
    key = agents.ask()
    leaf = agents.anchored(agents.at().subject(key))
    validator.respond(key, URI, leaf, sender=agents.operator)
    assert agents.status(key).tag == "receipt/v4:weighted:self"


def test_inv_v5_and_a_responder_of_a_settler_that_acts_for_the_agent(agents, validator):
    agents.identity.setApprovalForAll(agents.settler, True, sender=agents.agent_owner)
    validator.authorise(agents.stranger, True, sender=agents.settler)
    key = agents.ask()
    leaf = agents.anchored(agents.at().subject(key))
    validator.respond(key, URI, leaf, sender=agents.stranger)
    assert agents.status(key).tag == "receipt/v4:weighted:self"


def test_an_answer_is_given_once(agents, validator):
    key, leaf = agents.respond()
    with boa.reverts("agent: answered already"):
        validator.respond(key, URI, leaf, sender=agents.settler)
    better = agents.anchored(agents.at().subject(key), confidence_bps=10_000)
    with boa.reverts("agent: answered already"):
        validator.respond(key, URI, better, sender=agents.settler)


def test_what_an_agent_attested_is_nobody_elses_to_answer(agents, validator):
    key, _, _ = agents.attest()
    leaf = agents.anchored(agents.at().subject(key))
    with boa.reverts("agent: answered already"):
        validator.respond(key, URI, leaf, sender=agents.settler)


def test_requests_of_other_validators_are_theirs(agents, validator):
    key = keccak(b"for somebody else")
    agents.validation.validationRequest(
        agents.stranger, agents.agent, "", key, sender=agents.agent_owner
    )
    leaf = agents.anchored(agents.at().subject(key))
    with boa.reverts("agent: not the validator"):
        validator.respond(key, URI, leaf, sender=agents.settler)
    with boa.reverts("unknown"):
        validator.respond(word(1), URI, leaf, sender=agents.settler)


@pytest.mark.parametrize(
    ("method", "name"),
    enumerate(
        [
            "majority",
            "weighted",
            "median",
            "median_of_means",
            "trimmed_mean",
            "ensemble_model",
            "other",
            "other",
        ]
    ),
)
def test_the_tag_names_the_strategy(agents, method, name):
    key, _ = agents.respond(terms=Terms(consensus_method=method).pack())
    assert agents.status(key).tag == f"receipt/v4:{name}:third-party"


@pytest.mark.parametrize(
    ("outcome", "confidence_bps", "reason"),
    [
        (12, 0, "verdict: unknown outcome"),
        (255, 0, "verdict: unknown outcome"),
        (2, 10_001, "verdict: confidence over 100%"),
    ],
)
def test_refuses_what_it_cannot_score(agents, validator, outcome, confidence_bps, reason):
    key = agents.ask()
    changes = {"outcome": outcome, "confidence_bps": confidence_bps}
    leaf = agents.anchored(agents.at().subject(key), **changes)
    with boa.reverts(reason):
        validator.respond(key, URI, leaf, sender=agents.settler)
