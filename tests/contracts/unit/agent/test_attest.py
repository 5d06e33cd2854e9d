# SPDX-License-Identifier: Apache-2.0
"""AgentValidator.attest: asked and answered in one go, under a key that nobody can take away."""

from __future__ import annotations

import boa
import pytest
from eth_utils import keccak

from tests.contracts.agents import REQUEST_URI, URI, receipt_id
from tests.contracts.events import assert_event, events
from tests.contracts.protocol import ZERO_WORD, word

MAX_KEYS = 8


def keys_of(request: bytes) -> list[bytes]:
    """Return the keys that are tried, from the interface's documentation."""
    return [request, *(keccak(request + word(number)) for number in range(1, MAX_KEYS))]


def squat(agents, key: bytes) -> None:
    """Take a key for an agent of somebody else's."""
    agents.validation.validationRequest(
        agents.stranger, agents.other_agent, "", key, sender=agents.other_owner
    )


def test_asks_and_answers(agents, validator):
    what = agents.attestation()
    leaf = agents.anchored(agents.self_subject(what))
    request = validator.request_of(agents.agent, what.payload_hash, what.salt)
    assert validator.attest(what, leaf, sender=agents.agent_owner) == request
    assert_event(
        validator,
        "AnswerPosted",
        agent_id=agents.agent,
        request_hash=request,
        receipt_id=receipt_id(leaf),
        anchorer=agents.settler,
        root=leaf.root,
    )
    told = validator.get_logs()
    [asked] = [e for e in told if type(e).__name__ == "ValidationRequest"]
    assert (asked.validatorAddress, asked.agentId) == (validator.address, agents.agent)
    assert (asked.requestURI, asked.requestHash) == (REQUEST_URI, request)
    [answered] = [e for e in told if type(e).__name__ == "ValidationResponse"]
    assert (answered.responseURI, answered.response) == (URI, 87)
    assert agents.status(request) == (
        validator.address,
        agents.agent,
        87,
        receipt_id(leaf),
        "receipt/v4:weighted:self",
        boa.env.timestamp,
    )
    assert agents.validation.getAgentValidations(agents.agent)[-1] == request


@pytest.mark.parametrize("role", ["agent_owner", "operator"])
def test_whoever_acts_for_the_agent_attests(agents, validator, role):
    what = agents.attestation()
    leaf = agents.anchored(agents.self_subject(what))
    assert validator.attest(what, leaf, sender=getattr(agents, role))


@pytest.mark.parametrize("role", ["stranger", "settler", "other_owner", "owner", "deployer"])
def test_nobody_else_attests(agents, validator, role):
    what = agents.attestation()
    leaf = agents.anchored(agents.self_subject(what))
    with boa.reverts("agent: caller not authorised"):
        validator.attest(what, leaf, sender=getattr(agents, role))


def test_it_must_be_approved_for_the_agent(agents, validator):
    agents.identity.approve("0x" + "00" * 20, agents.agent, sender=agents.agent_owner)
    what = agents.attestation()
    leaf = agents.anchored(agents.self_subject(what))
    with boa.reverts("Not authorized"):
        validator.attest(what, leaf, sender=agents.agent_owner)


def test_what_is_attested_is_named_and_salted(agents, validator):
    leaf = agents.anchored(word(1))
    with boa.reverts("agent: zero payload hash"):
        what = agents.attestation(payload_hash=ZERO_WORD)
        validator.attest(what, leaf, sender=agents.agent_owner)
    with boa.reverts("agent: zero salt"):
        what = agents.attestation(salt=ZERO_WORD)
        validator.attest(what, leaf, sender=agents.agent_owner)


def test_inv_v4_no_receipt_answers_twice(agents, validator):
    _, leaf, what = agents.attest()
    with boa.reverts("agent: answered already"):
        validator.attest(what, leaf, sender=agents.agent_owner)
    # Another salt is another subject; so is another payload.
    for change in ({"salt": word(7)}, {"payload_hash": word(7)}):
        with boa.reverts("agent: receipt of another matter"):
            validator.attest(what._replace(**change), leaf, sender=agents.agent_owner)
    # Nor does a second receipt of the same matter make a second answer.
    other = agents.anchored(agents.self_subject(what), outcome=1)
    with boa.reverts("agent: answered already"):
        validator.attest(what, other, sender=agents.agent_owner)


@pytest.mark.parametrize("taken", [1, MAX_KEYS - 1])
def test_whoever_takes_keys_stops_nothing(agents, validator, taken):
    what = agents.attestation()
    leaf = agents.anchored(agents.self_subject(what))
    keys = keys_of(validator.request_of(agents.agent, what.payload_hash, what.salt))
    for key in keys[:taken]:
        squat(agents, key)
    assert validator.attest(what, leaf, sender=agents.agent_owner) == keys[taken]
    assert agents.status(keys[taken]).response == 87
    with boa.reverts("agent: answered already"):
        validator.attest(what, leaf, sender=agents.agent_owner)


def test_a_squatter_may_even_name_the_validator(agents, validator):
    what = agents.attestation()
    leaf = agents.anchored(agents.self_subject(what))
    keys = keys_of(validator.request_of(agents.agent, what.payload_hash, what.salt))
    agents.validation.validationRequest(
        validator, agents.other_agent, "", keys[0], sender=agents.other_owner
    )
    assert validator.attest(what, leaf, sender=agents.agent_owner) == keys[1]


def test_taking_all_keys_costs_a_new_salt(agents, validator):
    what = agents.attestation()
    leaf = agents.anchored(agents.self_subject(what))
    for key in keys_of(validator.request_of(agents.agent, what.payload_hash, what.salt)):
        squat(agents, key)
    with boa.reverts("agent: all keys are taken"):
        validator.attest(what, leaf, sender=agents.agent_owner)


def test_a_request_that_the_owner_made_itself_is_answered(agents, validator):
    what = agents.attestation()
    leaf = agents.anchored(agents.self_subject(what))
    key = agents.ask(validator.request_of(agents.agent, what.payload_hash, what.salt))
    assert validator.attest(what, leaf, sender=agents.agent_owner) == key
    assert events(validator, "ValidationRequest") == []
    assert agents.status(key).tag == "receipt/v4:weighted:self"
