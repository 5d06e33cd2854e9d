# SPDX-License-Identifier: Apache-2.0
"""NodeReputation.sync_run: what `sync` does for one leaf, for a run of them, and nothing else."""

from __future__ import annotations

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cortensor.rewards import Facts
from tests.contracts.events import events
from tests.contracts.nodes import EpochTree, Register, node_key
from tests.contracts.profile import examples
from tests.contracts.reward_cards import busy
from tests.contracts.unit.reputation.test_levels import EPOCH, tree_of

MOST = 128


class Impossible(Facts, frozen=True, kw_only=True):
    """Facts that nobody challenged."""

    def check(self) -> None:
        """Let a level of 11 through."""


@pytest.fixture
def tree(world):
    made = tree_of(world)
    world.reward.set_root(EPOCH, made.seal)
    return made


def known(reputation, made: EpochTree) -> list[tuple[int, int, int]]:
    """Return what the register has of each leaf's node: level, streak and epoch."""
    found = [reputation.node(made.run(place, 1).leaves[0][1]) for place in range(len(made.leaves))]
    return [(each.level, each.streak, each.level_epoch) for each in found]


def said(made: EpochTree) -> list[tuple[int, int, int]]:
    facts = [Facts.unpack(leaf.facts) for leaf in made.leaves]
    return [(each.level_after, each.streak_after, EPOCH) for each in facts]


@pytest.mark.parametrize(("start", "size"), [(0, 8), (0, 5), (0, 4), (2, 2), (4, 4), (3, 1)])
def test_inv_n3_a_run_is_synced(world, reputation, tree, start, size):
    run = tree.run(start, size)
    assert reputation.sync_run(EPOCH, *run, sender=world.protocol.stranger) == len(run.leaves)
    expected = said(tree)
    told = [
        (each["node"], each["level"], each["streak"]) for each in events(reputation, "LevelSynced")
    ]
    assert [(node.lower(), *rest) for node, *rest in told] == [
        (leaf[1], *expected[start + place][:2]) for place, leaf in enumerate(run.leaves)
    ]
    inside = range(start, start + len(run.leaves))
    assert known(reputation, tree) == [
        each if place in inside else (0, 0, 0) for place, each in enumerate(expected)
    ]


def test_inv_n3_what_is_newer_is_passed_over(world, reputation, tree):
    node = node_key("4").address
    later = tree_of(world, level_after=9)
    world.reward.set_root(EPOCH + 3, later.seal)
    reputation.sync(EPOCH + 3, *later.show(node), sender=world.operator)
    assert reputation.sync_run(EPOCH, *tree.run(0, 8), sender=world.operator) == 4
    assert reputation.node(node).level == 9
    for start, size in ((0, 8), (2, 2)):
        with boa.reverts("node: nothing to sync"):
            reputation.sync_run(EPOCH, *tree.run(start, size), sender=world.operator)


def test_inv_n3_what_cannot_be_is_passed_over(world, reputation):
    facts = [busy(level_after=3), Impossible(level_after=11), busy(level_after=4)]
    nodes = [node_key(str(number)).address for number in range(3)]
    made = EpochTree([(world.operator, *each) for each in zip(nodes, facts, strict=True)])
    world.reward.set_root(EPOCH, made.seal)
    assert reputation.sync_run(EPOCH, *made.run(0, 4), sender=world.operator) == 2
    assert [reputation.node(node).level for node in nodes] == [3, 0, 4]
    assert reputation.node(nodes[1]).level_epoch == 0
    (alone,) = [n for n, leaf in enumerate(made.leaves) if leaf.node == int(nodes[1], 16)]
    with boa.reverts("node: nothing to sync"):
        reputation.sync_run(EPOCH, *made.run(alone, 1), sender=world.operator)


def test_inv_n3_only_runs_of_a_final_tree(world, reputation, tree):
    run = tree.run(0, 4)
    refused = {
        "run: no leaves": (EPOCH, 0, [], run.proof),
        "run: not aligned": (EPOCH, 2, run.leaves, run.proof),
        "tree: index beyond the row": (EPOCH, 8, run.leaves, run.proof),
        "run: sum overflows": (
            EPOCH,
            0,
            [(*leaf[:4], 2**128 - 1) for leaf in run.leaves],
            run.proof,
        ),
    }
    for reason, arguments in refused.items():
        with boa.reverts(reason):
            reputation.sync_run(*arguments, sender=world.operator)
    for arguments in (
        (EPOCH + 1, *run),
        (EPOCH, 0, run.leaves[::-1], run.proof),
        (EPOCH, 0, run.leaves[:3], run.proof),
        (EPOCH, 4, run.leaves, run.proof),
        (
            EPOCH,
            0,
            [(*leaf[:2], busy(level_after=10).pack(), *leaf[3:]) for leaf in run.leaves],
            run.proof,
        ),
        (EPOCH, 0, run.leaves, [*run.proof, (bytes(32), 0)]),
    ):
        with boa.reverts("node: run is not final"):
            reputation.sync_run(*arguments, sender=world.operator)


def test_not_before_there_is_a_reward_contract(protocol, tree):
    with boa.reverts("node: not bound"):
        Register(protocol).reputation.sync_run(EPOCH, *tree.run(0, 8), sender=protocol.stranger)


def test_the_longest_run(world, reputation):
    made = tree_of(world, MOST + 1, level_after=7)
    world.reward.set_root(EPOCH, made.seal)
    assert reputation.sync_run(EPOCH, *made.run(0, MOST), sender=world.operator) == MOST
    assert reputation.sync_run(EPOCH, *made.run(MOST, MOST), sender=world.operator) == 1
    assert known(reputation, made) == said(made)


def test_inv_n3_no_leaf_rides_behind_the_longest_run(world, reputation):
    """A run's tree has room for 128: one more would be of no tree, whatever it says."""
    made = tree_of(world, MOST, level_after=7)
    world.reward.set_root(EPOCH, made.seal)
    run, node = made.run(0, MOST), node_key(str(MOST)).address
    forged = EpochTree([(world.operator, node, busy(level_after=10))]).run(0, 1).leaves
    call = reputation.sync_run
    data = call.prepare_calldata(EPOCH, run.start, [*run.leaves, *forged], run.proof)
    done = boa.env.execute_code(reputation.address, world.operator, data=data)
    # What the compiler refuses has no reason.
    assert (done.is_success, done.output) == (False, b"")
    assert call(EPOCH, *run, sender=world.operator) == MOST
    assert reputation.node(node).level == 0


@pytest.mark.fuzz
@settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), count=st.integers(1, 12))
def test_inv_n3_a_run_is_its_leaves_one_by_one(world, reputation, data, count):
    """Whatever was known before, and where the run is."""
    with boa.env.anchor():
        made, later = tree_of(world, count, level_after=5), tree_of(world, count, level_after=9)
        world.reward.set_root(EPOCH, made.seal)
        world.reward.set_root(EPOCH + 1, later.seal)
        nodes = [made.run(place, 1).leaves[0][1] for place in range(count)]
        for node in data.draw(st.lists(st.sampled_from(nodes), unique=True)):
            tree, epoch = data.draw(st.sampled_from(((made, EPOCH), (later, EPOCH + 1))))
            reputation.sync(epoch, *tree.show(node), sender=world.operator)
        size = 1 << data.draw(st.integers(0, (count - 1).bit_length()))
        start = data.draw(st.integers(0, (count - 1) // size)) * size
        with boa.env.anchor():
            done = 0
            for place in range(start, min(start + size, count)):
                if reputation.node(nodes[place]).level_epoch < EPOCH:
                    reputation.sync(EPOCH, *made.show(nodes[place]), sender=world.operator)
                    done += 1
            expected = known(reputation, made)
        if done:
            assert reputation.sync_run(EPOCH, *made.run(start, size)) == done
            assert known(reputation, made) == expected
        else:
            with boa.reverts("node: nothing to sync"):
                reputation.sync_run(EPOCH, *made.run(start, size))
