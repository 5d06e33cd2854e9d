# SPDX-License-Identifier: Apache-2.0
"""validationRequest, validationResponse, and what they leave to read."""

from __future__ import annotations

import boa
import pytest
from eth_utils import keccak

from tests.contracts.custom_errors import refuses
from tests.contracts.fresh import deploy_fresh
from tests.contracts.protocol import START, ZERO_ADDRESS
from tests.contracts.raw_events import assert_event
from tests.contracts.slots import mapped, slot_of, write

KEY = keccak(text="request with a salt")
OTHER = keccak(text="another request")
ANSWER = keccak(text="answer")
TAG = "receipt/v4:majority:hard"


@pytest.fixture
def ask(validation, agent, owner, validator):
    def asked(key, whom=validator, which=agent):
        validation.validationRequest(whom, which, "ipfs://request", key, sender=owner.address)

    return asked


@pytest.mark.parametrize("who", ["owner", "operator", "approved"])
def test_who_may_act_asks(validation, agent, acting, validator, who):
    validation.validationRequest(validator, agent, "ipfs://request", KEY, sender=acting[who])
    assert_event(
        validation,
        "ValidationRequest",
        validatorAddress=validator,
        agentId=agent,
        requestURI="ipfs://request",
        requestHash=KEY,
    )
    # A verdict of 0 without a hash or a tag: asked, not answered.
    assert validation.getValidationStatus(KEY) == (validator, agent, 0, bytes(32), "", START)
    assert validation.getAgentValidations(agent) == [KEY]
    assert validation.getValidatorRequests(validator) == [KEY]


def test_nobody_else_asks(validation, agent, validator, stranger):
    for somebody in (stranger, validator):
        with boa.reverts("Not authorized"):
            validation.validationRequest(validator, agent, "", KEY, sender=somebody)


def test_an_agent_that_does_not_exist_asks_nothing(validation, validator, owner):
    with refuses(validation, "ERC721NonexistentToken(uint256)", 9):
        validation.validationRequest(validator, 9, "", KEY, sender=owner.address)


def test_nobody_is_no_validator(validation, agent, owner):
    with boa.reverts("bad validator"):
        validation.validationRequest(ZERO_ADDRESS, agent, "", KEY, sender=owner.address)


def test_inv_e7_a_hash_is_asked_once_over_all_agents(
    validation, identity, ask, stranger, validator
):
    ask(KEY)
    with boa.reverts("exists"):
        ask(KEY)
    other = identity.register(sender=stranger)
    with boa.reverts("exists"):
        validation.validationRequest(stranger, other, "", KEY, sender=stranger)
    validation.validationResponse(KEY, 100, "", ANSWER, "", sender=validator)
    with boa.reverts("exists"):
        ask(KEY)


def test_an_id_beyond_32_bits_is_refused(validator):
    yes = boa.loads(
        "@external\n@view\ndef isAuthorizedOrOwner(spender: address, agent: uint256) -> bool:\n"
        "    return True\n"
    )
    validation = deploy_fresh("erc8004/ValidationRegistry", yes)
    validation.validationRequest(validator, 2**32 - 1, "", KEY)
    assert validation.getValidationStatus(KEY)[:2] == (validator, 2**32 - 1)
    with boa.reverts("validation: agent id too large"):
        validation.validationRequest(validator, 2**32, "", OTHER)


# --- answers --------------------------------------------------------------------


def test_the_validator_answers(validation, agent, ask, validator):
    ask(KEY)
    boa.env.timestamp = START + 60
    validation.validationResponse(KEY, 93, "ipfs://receipt", ANSWER, TAG, sender=validator)
    assert_event(
        validation,
        "ValidationResponse",
        validatorAddress=validator,
        agentId=agent,
        requestHash=KEY,
        response=93,
        responseURI="ipfs://receipt",
        responseHash=ANSWER,
        tag=TAG,
    )
    assert validation.getValidationStatus(KEY) == (validator, agent, 93, ANSWER, TAG, START + 60)


def test_inv_e8_nobody_else_answers(validation, ask, owner, stranger):
    ask(KEY)
    for somebody in (owner.address, stranger):
        with boa.reverts("not validator"):
            validation.validationResponse(KEY, 100, "", ANSWER, "", sender=somebody)


def test_inv_e8_the_last_answer_stands(validation, agent, ask, validator):
    ask(KEY)
    for verdict, answer, tag in (
        (100, ANSWER, "soft"),
        (0, OTHER, "hard"),
        (50, bytes(32), ""),
        (100, ANSWER, "soft"),
    ):
        validation.validationResponse(KEY, verdict, "", answer, tag, sender=validator)
        assert validation.getValidationStatus(KEY) == (
            validator,
            agent,
            verdict,
            answer,
            tag,
            boa.env.timestamp,
        )
    assert validation.getAgentValidations(agent) == [KEY]
    assert validation.getSummary(agent, [], "") == (1, 100)


def test_inv_e8_a_verdict_is_100_at_most(validation, ask, validator):
    ask(KEY)
    for verdict in (101, 127, 128, 255):
        with boa.reverts("resp>100"):
            validation.validationResponse(KEY, verdict, "", ANSWER, "", sender=validator)


def test_what_was_not_asked_is_unknown(validation, validator):
    with boa.reverts("unknown"):
        validation.validationResponse(KEY, 100, "", ANSWER, "", sender=validator)
    with boa.reverts("unknown"):
        validation.getValidationStatus(KEY)


def test_texts_have_bounds(validation, agent, owner, validator):
    validation.validationRequest(validator, agent, "u" * 8192, KEY, sender=owner.address)
    validation.validationResponse(KEY, 1, "u" * 8192, ANSWER, "t" * 64, sender=validator)
    assert validation.getValidationStatus(KEY)[4] == "t" * 64
    for call in (
        lambda: validation.validationRequest(
            validator, agent, "u" * 8193, OTHER, sender=owner.address
        ),
        lambda: validation.validationResponse(KEY, 1, "u" * 8193, ANSWER, "", sender=validator),
        lambda: validation.validationResponse(KEY, 1, "", ANSWER, "t" * 65, sender=validator),
    ):
        with boa.reverts():
            call()


def test_tags_end_at_24_bits(validation, ask, validator):
    ask(KEY)
    write(validation, slot_of(validation, "tags", "_count"), 2**24 - 2)
    validation.validationResponse(KEY, 7, "", ANSWER, "last", sender=validator)
    assert validation.getValidationStatus(KEY)[2:5] == (7, ANSWER, "last")
    with boa.reverts("tags: too many"):
        validation.validationResponse(KEY, 7, "", ANSWER, "one more", sender=validator)
    validation.validationResponse(KEY, 8, "", ANSWER, "last", sender=validator)
    validation.validationResponse(KEY, 9, "", ANSWER, "", sender=validator)


# --- lists and summary ----------------------------------------------------------


def test_inv_e9_lists_are_in_order(validation, identity, agent, ask, owner, validator, stranger):
    other = identity.register(sender=owner.address)
    keys = [keccak(bytes([n])) for n in range(6)]
    for n, key in enumerate(keys):
        ask(key, (validator, stranger)[n % 2], (agent, other)[n // 3])
    assert validation.getAgentValidations(agent) == keys[:3]
    assert validation.getAgentValidations(other) == keys[3:]
    assert validation.getValidatorRequests(validator) == keys[::2]
    assert validation.getValidatorRequests(stranger) == keys[1::2]
    assert validation.getAgentValidations(agent, 1) == keys[1:3]
    assert validation.getAgentValidations(agent, 1, 1) == keys[1:2]
    assert validation.getAgentValidations(agent, 3) == []
    assert validation.getValidatorRequests(validator, 2) == keys[4:5]
    assert validation.getValidatorRequests(validator, 0, 2) == [keys[0], keys[2]]
    assert validation.getValidatorRequests(owner.address) == []


@pytest.mark.parametrize(
    ("view", "name"),
    [("getAgentValidations", "_of_agents"), ("getValidatorRequests", "_of_validators")],
)
def test_more_than_a_page_is_refused_and_read_in_parts(validation, validator, view, name):
    subject = 3 if name == "_of_agents" else validator
    write(validation, mapped(slot_of(validation, name), subject), 1025)
    read = getattr(validation, view)
    with boa.reverts("validation: more than a page"):
        read(subject)
    assert len(read(subject, 1)) == 1024
    assert len(read(subject, 1024)) == 1
    assert len(read(subject, 0, 1024)) == 1024


def test_a_summary_counts_answers_that_pass_its_filters(
    validation, agent, ask, validator, stranger
):
    keys = [keccak(bytes([n])) for n in range(4)]
    for n, key in enumerate(keys):
        ask(key, (validator, stranger)[n % 2])
    assert validation.getSummary(agent, [], "") == (0, 0)
    for n, verdict, tag in ((0, 100, "hard"), (1, 0, "soft"), (2, 91, "soft")):
        whom = (validator, stranger)[n % 2]
        validation.validationResponse(keys[n], verdict, "", ANSWER, tag, sender=whom)
    # 191 / 3 = 63.67; the fourth is not answered.
    assert validation.getSummary(agent, [], "") == (3, 63)
    assert validation.getSummary(agent, [validator], "") == (2, 95)
    assert validation.getSummary(agent, [stranger], "") == (1, 0)
    assert validation.getSummary(agent, [stranger, validator], "soft") == (2, 45)
    assert validation.getSummary(agent, [validator], "soft") == (1, 91)
    assert validation.getSummary(agent, [], "never used") == (0, 0)
    assert validation.getSummary(agent, [ZERO_ADDRESS], "") == (0, 0)
    assert validation.getSummary(agent + 1, [], "") == (0, 0)


def test_a_registry_stands_beside_an_identity_registry(validation, identity):
    assert validation.getIdentityRegistry() == identity.address
    assert validation.getVersion() == "2.0.0"
    for nothing in (ZERO_ADDRESS, boa.env.generate_address()):
        with boa.reverts("bad identity"):
            deploy_fresh("erc8004/ValidationRegistry", nothing)
