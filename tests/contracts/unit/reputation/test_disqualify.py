# SPDX-License-Identifier: Apache-2.0
"""Disqualification: accused with evidence, appealed, decided or lapsed; for ever."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event, events
from tests.contracts.nodes import EVIDENCE, REJOIN_SECONDS, RESOLVE_SECONDS, node_key
from tests.contracts.protocol import APPEAL_SECONDS, ZERO_ADDRESS, travel, travel_to

NONE = (bytes(32), 0, 0, False)


def test_accuses(world, reputation, node):
    world.accuse(node)
    at = boa.env.timestamp + APPEAL_SECONDS
    lapses_at = at + RESOLVE_SECONDS
    assert_event(
        reputation,
        "Accused",
        node=node,
        evidence=EVIDENCE,
        executable_at=at,
        lapses_at=lapses_at,
    )
    assert reputation.accusation(node) == (EVIDENCE, at, lapses_at, False)
    # An accusation alone takes nothing from the node.
    assert reputation.is_eligible(node)


def test_only_the_steward_accuses(world, reputation, node):
    protocol = world.protocol
    for sender in (protocol.owner, world.operator, protocol.slasher, protocol.stranger):
        with boa.reverts("node: caller is not steward"):
            reputation.accuse(node, EVIDENCE, sender=sender)


def test_accuses_known_nodes_with_evidence(world, reputation, node):
    with boa.reverts("node: unknown node"):
        world.accuse(node_key("unknown").address)
    with boa.reverts("node: zero evidence"):
        reputation.accuse(node, bytes(32), sender=world.steward)
    assert reputation.accusation(node) == NONE


def test_one_accusation_at_a_time(world, reputation, accused):
    with boa.reverts("node: already accused"):
        world.accuse(accused)
    travel(APPEAL_SECONDS + RESOLVE_SECONDS - 1)
    with boa.reverts("node: already accused"):
        world.accuse(accused)


def test_inv_n4_not_before_the_appeal_window_is_over(world, reputation, accused):
    travel(APPEAL_SECONDS - 1)
    with boa.reverts("node: appeal window open"):
        reputation.disqualify(accused, sender=world.steward)
    travel(1)
    reputation.disqualify(accused, sender=world.protocol.stranger)
    assert_event(reputation, "NodeDisqualified", node=accused, evidence=EVIDENCE)
    assert reputation.node(accused).disqualified_at == boa.env.timestamp
    assert reputation.accusation(accused) == NONE
    assert not reputation.is_eligible(accused)


def test_inv_n4_an_accusation_that_nobody_executes_lapses(world, reputation, accused):
    travel_to(reputation.accusation(accused).lapses_at - 1)
    with boa.env.anchor():
        reputation.disqualify(accused, sender=world.steward)
    travel(1)
    assert reputation.accusation(accused) == NONE
    with boa.reverts("node: not accused"):
        reputation.disqualify(accused, sender=world.steward)
    with boa.reverts("node: not accused"):
        reputation.appeal(accused, sender=world.operator)
    assert reputation.is_eligible(accused)


def test_an_appeal_stops_it(world, reputation, accused):
    executable_at = reputation.accusation(accused).executable_at
    travel(10)
    reputation.appeal(accused, sender=world.operator)
    lapses_at = boa.env.timestamp + RESOLVE_SECONDS
    assert_event(reputation, "Appealed", node=accused, lapses_at=lapses_at)
    assert reputation.accusation(accused) == (EVIDENCE, executable_at, lapses_at, True)
    with boa.reverts("node: appeal is undecided"):
        reputation.disqualify(accused, sender=world.steward)
    with boa.reverts("node: already appealed"):
        reputation.appeal(accused, sender=world.operator)


def test_only_the_operator_appeals(world, reputation, accused):
    protocol = world.protocol
    for sender in (accused, world.other, world.steward, protocol.owner, protocol.stranger):
        with boa.reverts("node: caller is not operator"):
            reputation.appeal(accused, sender=sender)


def test_the_last_second_for_an_appeal(world, reputation, accused):
    travel(APPEAL_SECONDS - 1)
    with boa.env.anchor():
        reputation.appeal(accused, sender=world.operator)
    travel(1)
    with boa.reverts("node: appeal window over"):
        reputation.appeal(accused, sender=world.operator)


def test_the_owner_upholds(world, reputation, appealed):
    reputation.resolve(appealed, True, sender=world.protocol.owner)
    assert_event(reputation, "AccusationResolved", node=appealed, is_upheld=True)
    assert_event(reputation, "NodeDisqualified", node=appealed, evidence=EVIDENCE)
    assert reputation.node(appealed).disqualified_at == boa.env.timestamp


def test_inv_n4_the_owner_turns_down(world, reputation, appealed):
    reputation.resolve(appealed, False, sender=world.protocol.owner)
    assert_event(reputation, "AccusationResolved", node=appealed, is_upheld=False)
    assert events(reputation, "NodeDisqualified") == []
    assert reputation.accusation(appealed) == NONE
    travel(APPEAL_SECONDS)
    with boa.reverts("node: not accused"):
        reputation.disqualify(appealed, sender=world.steward)
    assert reputation.is_eligible(appealed)


def test_inv_n4_an_appeal_that_nobody_decides_lapses(world, reputation, appealed):
    travel(RESOLVE_SECONDS - 1)
    with boa.env.anchor():
        reputation.resolve(appealed, True, sender=world.protocol.owner)
        assert reputation.node(appealed).disqualified_at != 0
    travel(1)
    with boa.reverts("node: not accused"):
        reputation.resolve(appealed, True, sender=world.protocol.owner)
    with boa.reverts("node: not accused"):
        reputation.disqualify(appealed, sender=world.steward)
    assert reputation.is_eligible(appealed)


def test_only_the_owner_decides_and_only_appeals(world, reputation, accused):
    protocol = world.protocol
    with boa.reverts("node: not appealed"):
        reputation.resolve(accused, True, sender=protocol.owner)
    reputation.appeal(accused, sender=world.operator)
    for sender in (world.steward, world.operator, protocol.stranger):
        with boa.reverts("ownable: caller is not the owner"):
            reputation.resolve(accused, True, sender=sender)
    with boa.reverts("node: not accused"):
        reputation.resolve(protocol.stranger, True, sender=protocol.owner)


@pytest.mark.parametrize("how", ["turned down", "lapsed", "appeal lapsed"])
def test_inv_n6_not_again_at_once(world, reputation, accused, how):
    if how != "lapsed":
        reputation.appeal(accused, sender=world.operator)
    ended_at = reputation.accusation(accused).lapses_at
    if how == "turned down":
        travel(77)
        ended_at = boa.env.timestamp
        reputation.resolve(accused, False, sender=world.protocol.owner)
    travel_to(ended_at + APPEAL_SECONDS - 1)
    with boa.reverts("node: too soon to accuse again"):
        world.accuse(accused)
    travel(1)
    world.accuse(accused)
    assert reputation.accusation(accused).executable_at == boa.env.timestamp + APPEAL_SECONDS


def test_inv_n5_for_ever(world, reputation, accused, key):
    travel(APPEAL_SECONDS)
    reputation.disqualify(accused, sender=world.steward)
    # It still has to be taken out of the register, which anybody concerned can.
    reputation.retire(accused, sender=world.operator)
    travel(REJOIN_SECONDS + 10**7)
    with boa.reverts("node: is disqualified"):
        world.register(key)
    with boa.reverts("node: is disqualified"):
        world.accuse(accused)
    now = boa.env.timestamp
    assert not reputation.was_active(world.operator, accused, now - 10, now)
    assert not reputation.is_eligible(accused)


def test_leaving_first_does_not_help(world, reputation, accused, key):
    """The accusation follows the node out of the register, and into its next stay."""
    reputation.retire(accused, sender=world.operator)
    assert reputation.accusation(accused).evidence == EVIDENCE
    travel(REJOIN_SECONDS)
    world.register(key)
    travel_to(reputation.accusation(accused).executable_at)
    reputation.disqualify(accused, sender=world.steward)
    assert not reputation.is_eligible(accused)


def test_a_node_that_left_can_be_accused_and_its_last_operator_appeals(world, reputation, node):
    reputation.retire(node, sender=world.operator)
    world.accuse(node)
    reputation.appeal(node, sender=world.operator)
    reputation.resolve(node, True, sender=world.protocol.owner)
    assert reputation.node(node).disqualified_at == boa.env.timestamp


def test_a_new_steward_does_not_end_an_accusation(world, reputation, accused):
    reputation.set_steward(ZERO_ADDRESS, sender=world.protocol.owner)
    travel(APPEAL_SECONDS)
    reputation.disqualify(accused, sender=world.protocol.stranger)
    assert reputation.node(accused).disqualified_at != 0
