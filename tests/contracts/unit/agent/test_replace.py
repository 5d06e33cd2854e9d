# SPDX-License-Identifier: Apache-2.0
"""AgentValidator.replace: an answer changes when its receipt no longer stands, and only then."""

from __future__ import annotations

import itertools

import boa
import pytest

from tests.contracts.agents import URI, changed, receipt_id
from tests.contracts.protocol import word


def answered(agents, kind: str):
    """Return an answered request: its key, the leaf, who may replace the answer, its tag."""
    if kind == "attest":
        key, leaf, _ = agents.attest()
        return key, leaf, agents.agent_owner, "receipt/v4:weighted:self"
    key, leaf = agents.respond()
    return key, leaf, agents.settler, "receipt/v4:weighted:third-party"


def after(agents, leaf, **changes):
    """Return the anchored leaf of another receipt of the same subject."""
    fields = {"outcome": 3, "confidence_bps": 9_000} | changes
    return agents.anchored(leaf.receipt[8], **fields)


@pytest.mark.parametrize("kind", ["attest", "respond"])
def test_inv_v3_the_successor_answers(agents, validator, kind):
    key, old, sender, tag = answered(agents, kind)
    new = after(agents, old)
    agents.anchor.supersede(receipt_id(old), receipt_id(new), sender=agents.settler)
    assert validator.replace(key, URI, new, old, sender=sender) == 10
    assert agents.status(key)[2:5] == (10, receipt_id(new), tag)
    # The answer that stands now is replaced no more, and the old one does not come back.
    with boa.reverts("agent: not the answer's leaf"):
        validator.replace(key, URI, new, old, sender=sender)
    with boa.reverts("agent: answer still stands"):
        validator.replace(key, URI, new, new, sender=sender)


@pytest.mark.parametrize("kind", ["attest", "respond"])
def test_inv_v3_an_answer_that_stands_stays(agents, validator, kind):
    key, old, sender, _ = answered(agents, kind)
    new = after(agents, old)
    for leaf in (new, old):
        with boa.reverts("agent: answer still stands"):
            validator.replace(key, URI, leaf, old, sender=sender)


def test_inv_v3_only_the_named_successor(agents, validator):
    key, old = agents.respond()
    named, other = after(agents, old), after(agents, old)
    agents.anchor.supersede(receipt_id(old), receipt_id(named), sender=agents.settler)
    with boa.reverts("agent: not the successor"):
        validator.replace(key, URI, other, old, sender=agents.settler)
    foreign = agents.anchored(word(1))
    agents.anchor.supersede(receipt_id(named), receipt_id(foreign), sender=agents.settler)
    with boa.reverts("agent: receipt of another matter"):
        validator.replace(key, URI, foreign, old, sender=agents.settler)


def test_inv_v3_a_successor_of_successors(agents, validator):
    key, old = agents.respond()
    new = after(agents, old)
    line = [receipt_id(old), *(word(1_000 + i) for i in range(15)), receipt_id(new)]
    for earlier, later in itertools.pairwise(line):
        agents.anchor.supersede(earlier, later, sender=agents.settler)
    validator.replace(key, URI, new, old, sender=agents.settler)
    assert agents.status(key).response_hash == receipt_id(new)


def test_a_line_of_successors_has_an_end(agents, validator):
    key, old = agents.respond()
    new = after(agents, old)
    line = [receipt_id(old), *(word(1_000 + i) for i in range(16)), receipt_id(new)]
    for earlier, later in itertools.pairwise(line):
        agents.anchor.supersede(earlier, later, sender=agents.settler)
    with boa.reverts("agent: too many successors"):
        validator.replace(key, URI, new, old, sender=agents.settler)


@pytest.mark.parametrize("kind", ["attest", "respond"])
def test_inv_v3_after_a_revocation_another_receipt_answers(agents, validator, kind):
    key, old, sender, _ = answered(agents, kind)
    new = after(agents, old)
    agents.anchor.revoke(receipt_id(old), sender=agents.settler)
    validator.replace(key, URI, new, old, sender=sender)
    assert agents.status(key).response_hash == receipt_id(new)


def test_inv_v3_so_where_the_successor_was_revoked(agents, validator):
    key, old = agents.respond()
    named, new = after(agents, old), after(agents, old)
    agents.anchor.supersede(receipt_id(old), receipt_id(named), sender=agents.settler)
    agents.anchor.revoke(receipt_id(named), sender=agents.settler)
    with boa.reverts("agent: receipt does not stand"):
        validator.replace(key, URI, named, old, sender=agents.settler)
    validator.replace(key, URI, new, old, sender=agents.settler)


def test_inv_v3_another_router_does_not_take_an_answer_back(agents, validator):
    key, old = agents.respond()
    new = after(agents, old)
    # The other settler anchors a copy of the leaf, and revokes that.
    agents.anchor.anchor(old.root, 4, "", sender=agents.other_settler)
    agents.anchor.supersede(receipt_id(old), receipt_id(new), sender=agents.other_settler)
    copy = old._replace(anchorer=agents.other_settler)
    with boa.reverts("agent: anchorer not the settler"):
        validator.replace(key, URI, new, copy, sender=agents.settler)
    with boa.reverts("agent: leaf not anchored"):
        validator.replace(key, URI, new, changed(copy, session=2 << 128), sender=agents.settler)


def test_a_new_settler_speaks_for_its_router(agents, validator):
    key, old = agents.respond()
    settler = agents.stranger
    agents.payment.set_settler(1, settler, sender=agents.settler)
    validator.allow(agents.agent, settler, True, sender=agents.agent_owner)
    new = after(agents, old, anchorer=settler)
    # The old key may be lost: the leaf is anchored again, and superseded there.
    agents.anchor.anchor(old.root, 4, "", sender=settler)
    agents.anchor.supersede(receipt_id(old), receipt_id(new), sender=settler)
    again = old._replace(anchorer=settler)
    validator.replace(key, URI, new, again, sender=settler)
    assert agents.status(key).tag == "receipt/v4:weighted:third-party"


@pytest.mark.parametrize(
    ("kind", "role"),
    [
        ("attest", "settler"),
        ("attest", "stranger"),
        ("respond", "agent_owner"),
        ("respond", "operator"),
        ("respond", "stranger"),
    ],
)
def test_who_could_not_answer_does_not_replace(agents, validator, kind, role):
    key, old, _, _ = answered(agents, kind)
    new = after(agents, old)
    agents.anchor.revoke(receipt_id(old), sender=agents.settler)
    with boa.reverts("agent: caller not authorised"):
        validator.replace(key, URI, new, old, sender=getattr(agents, role))


def test_there_must_be_an_answer(agents, validator):
    key = agents.ask()
    leaf = agents.anchored(agents.at().subject(key))
    with boa.reverts("agent: not answered"):
        validator.replace(key, URI, leaf, leaf, sender=agents.settler)
