# SPDX-License-Identifier: Apache-2.0
"""AgentValidator.retract: anyone makes an answer undecided whose receipt no longer stands."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.agents import URI, receipt_id
from tests.contracts.events import assert_event
from tests.contracts.unit.agent.test_replace import after, answered


@pytest.mark.parametrize("kind", ["attest", "respond"])
def test_a_revoked_answer(agents, validator, kind):
    key, old, sender, _ = answered(agents, kind)
    agents.anchor.revoke(receipt_id(old), sender=agents.settler)
    validator.retract(key, old, sender=agents.stranger)
    assert_event(
        validator,
        "AnswerRetracted",
        agent_id=agents.agent,
        request_hash=key,
        receipt_id=receipt_id(old),
        is_superseded=False,
    )
    assert agents.status(key)[2:5] == (50, receipt_id(old), "receipt/v4:revoked")
    with boa.reverts("agent: already retracted"):
        validator.retract(key, old, sender=agents.stranger)
    new = after(agents, old)
    validator.replace(key, URI, new, old, sender=sender)
    assert agents.status(key).response == 10


def test_a_superseded_answer_until_the_successor_answers(agents, validator):
    key, old = agents.respond()
    new = after(agents, old)
    agents.anchor.supersede(receipt_id(old), receipt_id(new), sender=agents.settler)
    validator.retract(key, old, sender=agents.stranger)
    assert_event(
        validator,
        "AnswerRetracted",
        agent_id=agents.agent,
        request_hash=key,
        receipt_id=receipt_id(old),
        is_superseded=True,
    )
    assert agents.status(key)[2:5] == (50, receipt_id(old), "receipt/v4:superseded")
    with boa.reverts("agent: already retracted"):
        validator.retract(key, old, sender=agents.stranger)
    validator.replace(key, URI, new, old, sender=agents.settler)
    assert agents.status(key)[2:5] == (10, receipt_id(new), "receipt/v4:weighted:third-party")


def test_inv_v3_an_answer_that_stands_stays(agents, validator):
    key, old = agents.respond()
    with boa.reverts("agent: answer still stands"):
        validator.retract(key, old, sender=agents.agent_owner)
    # Nor by another's word on the same id, or by a leaf of another receipt.
    agents.anchor.revoke(receipt_id(old), sender=agents.other_settler)
    with boa.reverts("agent: answer still stands"):
        validator.retract(key, old, sender=agents.other_settler)
    other = after(agents, old)
    agents.anchor.revoke(receipt_id(other), sender=agents.settler)
    with boa.reverts("agent: not the answer's leaf"):
        validator.retract(key, other, sender=agents.stranger)


def test_there_must_be_an_answer(agents, validator):
    key = agents.ask()
    leaf = agents.anchored(agents.at().subject(key))
    with boa.reverts("agent: not answered"):
        validator.retract(key, leaf, sender=agents.stranger)
