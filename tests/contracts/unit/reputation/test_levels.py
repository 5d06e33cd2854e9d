# SPDX-License-Identifier: Apache-2.0
"""NodeReputation.prove and sync: a level is what a leaf of a final epoch says, and only forward."""

from __future__ import annotations

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cortensor.rewards import Facts
from tests.contracts.events import assert_event
from tests.contracts.nodes import EPOCH_SECONDS, EpochTree, Register, node_key
from tests.contracts.profile import examples
from tests.contracts.protocol import START, travel, travel_to
from tests.contracts.reward_cards import busy

#: Later than the one in which a node of these tests is registered.
EPOCH = START // EPOCH_SECONDS + 1_000


def tree_of(world, count: int = 5, **changes: object) -> EpochTree:
    """Return a tree of some nodes of both operators; node i has level i after it."""
    operators = (world.operator, world.other)
    return EpochTree(
        [
            (
                operators[i % 2],
                node_key(str(i)).address,
                busy(**{"level_after": i, "streak_after": 100 + i} | changes),
            )
            for i in range(count)
        ]
    )


@pytest.fixture
def tree(world):
    made = tree_of(world)
    world.reward.set_root(EPOCH, made.seal)
    return made


def test_proves_each_leaf(reputation, tree):
    for i in range(5):
        shown = tree.show(node_key(str(i)).address)
        assert reputation.prove(EPOCH, *shown)
        assert not reputation.prove(EPOCH + 1, *shown)


def test_proves_the_only_leaf(world, reputation):
    made = tree_of(world, 1)
    world.reward.set_root(EPOCH, made.seal)
    shown = made.show(node_key("0").address)
    assert shown.proof == []
    assert reputation.prove(EPOCH, *shown)


@pytest.mark.parametrize("field", range(5))
def test_a_changed_leaf_is_not_proven(world, reputation, tree, field):
    shown = tree.show(node_key("3").address)
    leaf = list(shown.leaf)
    leaf[field] = world.steward if field < 2 else leaf[field] + 1
    assert not reputation.prove(EPOCH, tuple(leaf), shown.index, shown.proof)


def test_a_changed_place_or_proof_is_not_proven(reputation, tree):
    shown = tree.show(node_key("3").address)
    assert not reputation.prove(EPOCH, shown.leaf, shown.index ^ 1, shown.proof)
    hashed, sums = shown.proof[0]
    changed = [(hashed, sums + 1), *shown.proof[1:]]
    assert not reputation.prove(EPOCH, shown.leaf, shown.index, changed)
    longer = [*shown.proof, (bytes(32), 0)]
    assert not reputation.prove(EPOCH, shown.leaf, shown.index, longer)
    with boa.reverts("tree: index beyond the row"):
        reputation.prove(EPOCH, shown.leaf, shown.index + 8, shown.proof)
    with boa.reverts("tree: sum overflows"):
        reputation.prove(EPOCH, shown.leaf, shown.index, [(hashed, 2**128 - 1), *shown.proof[1:]])


def test_nothing_is_proven_before_there_is_a_reward_contract(protocol, tree):
    unbound = Register(protocol)
    shown = tree.show(node_key("1").address)
    with boa.reverts("node: not bound"):
        unbound.reputation.prove(EPOCH, *shown)
    with boa.reverts("node: not bound"):
        unbound.reputation.sync(EPOCH, *shown, sender=protocol.stranger)


def test_inv_n3_syncs(world, reputation, tree):
    node = node_key("4").address
    reputation.sync(EPOCH, *tree.show(node), sender=world.protocol.stranger)
    assert_event(reputation, "LevelSynced", node=node, epoch=EPOCH, level=4, streak=104)
    found = reputation.node(node)
    assert (found.level, found.streak, found.level_epoch) == (4, 104, EPOCH)


@pytest.mark.parametrize("away", [1, EPOCH_SECONDS - 1, EPOCH_SECONDS, EPOCH_SECONDS + 1])
def test_inv_n3_a_new_stay_begins_at_no_level(protocol, key, away):
    """Who buys a node buys no level with it, nor one that nobody had shown: alone or in a run.

    The node leaves in the first second of an epoch, and the first leaf of the new stay is taken.
    """
    world = Register(protocol, rejoin_seconds=1)
    world.bind()
    reputation, node, beside = world.reputation, key.address, node_key("beside").address
    for operator in (world.operator, world.other):
        world.stake(node, operator)
    world.register(key)
    shown = boa.env.timestamp // EPOCH_SECONDS + 1
    late, left = shown + 1, shown + 2

    def final(epoch: int, operator: str, level: int) -> EpochTree:
        facts = busy(level_after=level, streak_after=9)
        made = EpochTree([(operator, node, facts), (world.operator, beside, busy())])
        world.reward.set_root(epoch, made.seal)
        return made

    old = {epoch: final(epoch, world.operator, epoch - shown + 7) for epoch in (shown, late)}
    travel_to(left * EPOCH_SECONDS)
    reputation.sync(shown, *old[shown].show(node), sender=world.operator)
    assert reputation.node(node).level == 7
    reputation.retire(node, sender=world.operator)
    travel(away)
    world.register(key, world.other)
    first = -(-boa.env.timestamp // EPOCH_SECONDS)
    for epoch, made in old.items():
        with boa.reverts("node: newer epoch is known"):
            reputation.sync(epoch, *made.show(node), sender=world.operator)
    assert reputation.sync_run(late, *old[late].run(0, 2), sender=world.operator) == 1
    assert reputation.node(beside).level_epoch == late
    found = reputation.node(node)
    assert (found.level, found.streak, found.level_epoch) == (0, 0, first - 1)

    travel_to((first + 1) * EPOCH_SECONDS)
    for operator, epoch in ((world.operator, late), (world.other, first)):
        times = (epoch * EPOCH_SECONDS, (epoch + 1) * EPOCH_SECONDS)
        assert reputation.was_active(operator, node, *times)
    made = final(first, world.other, 1)
    reputation.sync(first, *made.show(node), sender=world.operator)
    assert reputation.node(node).level == 1


def test_a_stay_before_there_is_a_reward_contract_has_no_epoch(protocol, key):
    world = Register(protocol)
    world.stake(key.address)
    world.register(key)
    found = world.reputation.node(key.address)
    assert (found.registered_at, found.level_epoch) == (boa.env.timestamp, 0)


def test_inv_n3_only_forward(world, reputation, tree):
    node = node_key("4").address
    later = tree_of(world, level_after=9)
    world.reward.set_root(EPOCH + 3, later.seal)
    reputation.sync(EPOCH + 3, *later.show(node), sender=world.operator)
    for epoch, shown in ((EPOCH, tree.show(node)), (EPOCH + 3, later.show(node))):
        with boa.reverts("node: newer epoch is known"):
            reputation.sync(epoch, *shown, sender=world.operator)
    assert reputation.node(node).level == 9
    assert reputation.node(node).level_epoch == EPOCH + 3


def test_inv_n3_only_what_is_final(world, reputation, tree):
    shown = tree.show(node_key("4").address)
    with boa.reverts("node: leaf is not final"):
        reputation.sync(EPOCH + 1, *shown, sender=world.operator)
    forged = (*shown.leaf[:2], busy(level_after=10).pack(), *shown.leaf[3:])
    with boa.reverts("node: leaf is not final"):
        reputation.sync(EPOCH, forged, shown.index, shown.proof, sender=world.operator)


def test_inv_n3_a_level_that_cannot_be_is_refused_even_if_nobody_challenged_it(world, reputation):
    class Impossible(Facts, frozen=True, kw_only=True):
        def check(self) -> None:
            """Let a level of 11 through."""

    node = node_key("0").address
    made = EpochTree([(world.operator, node, Impossible(level_after=11))])
    world.reward.set_root(EPOCH, made.seal)
    shown = made.show(node)
    assert reputation.prove(EPOCH, *shown)
    with boa.reverts("node: facts are not valid"):
        reputation.sync(EPOCH, *shown, sender=world.operator)


def test_a_level_spills_into_nothing(world, reputation, node):
    """The largest of everything, and what the word held before is still there."""
    reputation.declare_models(node, bytes(32), 2**16 - 1, sender=world.operator)
    for epoch, level, streak in ((EPOCH, 10, 2**32 - 1), (2**31, 0, 0), (2**40 - 1, 5, 7)):
        made = EpochTree([(world.operator, node, busy(level_after=level, streak_after=streak))])
        world.reward.set_root(epoch, made.seal)
        reputation.sync(epoch, *made.show(node), sender=world.operator)
        found = reputation.node(node)
        assert (found.level, found.streak, found.level_epoch) == (level, streak, epoch)
        assert (found.stays, found.model_count, found.disqualified_at) == (1, 2**16 - 1, 0)


@pytest.mark.fuzz
@settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(count=st.integers(1, 40), pick=st.integers(0, 39), bit=st.integers(0, 255))
def test_trees_of_any_size(world, reputation, count, pick, bit):
    made = tree_of(world, count, level_after=5)
    world.reward.set_root(EPOCH, made.seal)
    shown = made.show(node_key(str(pick % count)).address)
    assert reputation.prove(EPOCH, *shown)
    leaf = (*shown.leaf[:2], shown.leaf[2] ^ 1 << bit, *shown.leaf[3:])
    assert not reputation.prove(EPOCH, leaf, shown.index, shown.proof)
