# SPDX-License-Identifier: Apache-2.0
"""NodeReputation.__init__ and its owner: whom it trusts, its windows, the one binding."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.nodes import REJOIN_SECONDS, RESOLVE_SECONDS, Register
from tests.contracts.protocol import APPEAL_SECONDS, CHAIN_ID, ZERO_ADDRESS, deployer_of

DAY = 86_400


def test_facts(protocol):
    world = Register(protocol)
    reputation = world.reputation
    assert reputation.owner() == protocol.owner
    assert reputation.POOL() == protocol.pool.address
    assert reputation.steward() == world.steward
    assert reputation.REJOIN_SECONDS() == REJOIN_SECONDS
    assert reputation.APPEAL_SECONDS() == APPEAL_SECONDS
    assert reputation.RESOLVE_SECONDS() == RESOLVE_SECONDS
    assert reputation.reward() == ZERO_ADDRESS


def test_the_first_steward_is_told(protocol):
    world = Register(protocol)
    made = deployer_of("NodeReputation").deploy(
        protocol.owner, protocol.pool, world.steward, 1, 1, 1
    )
    assert_event(made, "StewardChanged", old_steward=ZERO_ADDRESS, new_steward=world.steward)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("owner", ZERO_ADDRESS, "node: zero owner"),
        ("pool", ZERO_ADDRESS, "node: pool has no code"),
        ("rejoin_seconds", 0, "node: zero rejoin delay"),
        ("rejoin_seconds", 90 * DAY + 1, "node: rejoin delay too long"),
        ("appeal_seconds", 0, "node: zero appeal window"),
        ("appeal_seconds", 30 * DAY + 1, "node: appeal window too long"),
        ("resolve_seconds", 0, "node: zero resolve window"),
        ("resolve_seconds", 30 * DAY + 1, "node: resolve window too long"),
    ],
)
def test_refuses_what_is_out_of_range(protocol, field, value, reason):
    with boa.reverts(reason):
        Register(protocol, **{field: value})


def test_numbers_at_their_limits(protocol):
    largest = Register(
        protocol, rejoin_seconds=90 * DAY, appeal_seconds=30 * DAY, resolve_seconds=30 * DAY
    )
    assert largest.reputation.REJOIN_SECONDS() == 90 * DAY
    least = Register(protocol, rejoin_seconds=1, appeal_seconds=1, resolve_seconds=1)
    assert least.reputation.APPEAL_SECONDS() == 1
    assert Register(protocol, steward=ZERO_ADDRESS).reputation.steward() == ZERO_ADDRESS


def test_binds_once_for_ever(protocol):
    world = Register(protocol)
    world.bind()
    assert_event(world.reputation, "Bound", reward=world.reward.address)
    assert world.reputation.reward() == world.reward.address
    with boa.reverts("node: already bound"):
        world.bind()


def test_binds_only_what_reads_it(protocol):
    world, twin = Register(protocol), Register(protocol)
    with boa.reverts("node: reward has no code"):
        world.reputation.bind(protocol.stranger, sender=protocol.owner)
    with boa.reverts("node: reward reads another"):
        world.reputation.bind(twin.reward, sender=protocol.owner)


def test_the_owner_replaces_the_steward(protocol, world, reputation, node):
    reputation.set_steward(protocol.stranger, sender=protocol.owner)
    assert_event(
        reputation, "StewardChanged", old_steward=world.steward, new_steward=protocol.stranger
    )
    with boa.reverts("node: caller is not steward"):
        world.accuse(node)
    reputation.set_steward(ZERO_ADDRESS, sender=protocol.owner)
    assert reputation.steward() == ZERO_ADDRESS


def test_only_the_owner(protocol, world, reputation):
    unbound = Register(protocol)
    for account in (world.steward, world.operator, protocol.stranger, world.reward.address):
        for call in (
            lambda who=account: reputation.set_steward(who, sender=who),
            lambda who=account: unbound.reputation.bind(unbound.reward, sender=who),
        ):
            with boa.reverts("ownable: caller is not the owner"):
                call()


def test_ownership_moves_in_two_steps(protocol, reputation):
    reputation.transfer_ownership(protocol.stranger, sender=protocol.owner)
    assert (reputation.owner(), reputation.pending_owner()) == (protocol.owner, protocol.stranger)
    reputation.accept_ownership(sender=protocol.stranger)
    assert reputation.owner() == protocol.stranger
    assert not hasattr(reputation, "renounce_ownership")


def test_the_domain_of_consents(reputation):
    fields, name, version, chain, contract, salt, extensions = reputation.eip712Domain()
    assert (fields, name, version) == (b"\x0f", "Cortensor NodeReputation", "1")
    assert (chain, contract) == (CHAIN_ID, reputation.address)
    assert (salt, extensions) == (bytes(32), [])
