# SPDX-License-Identifier: Apache-2.0
"""NodeReputation.was_active: who was registered all through a time that is over, for ever."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.nodes import REJOIN_SECONDS
from tests.contracts.protocol import APPEAL_SECONDS, ZERO_ADDRESS, travel
from tests.contracts.slots import mapped, slot_of, write


def test_to_the_second(world, reputation, node):
    began = boa.env.timestamp
    travel(1_000)
    ended = boa.env.timestamp
    reputation.retire(node, sender=world.operator)
    travel(50)

    def was(start: int, end: int, operator: str = world.operator) -> bool:
        return reputation.was_active(operator, node, start, end)

    assert was(began, ended)
    assert was(began + 1, ended - 1)
    assert not was(began - 1, ended)
    assert not was(began, ended + 1)
    assert not was(ended, ended + 1)
    assert not was(began - 2, began - 1)
    for other in (world.other, node, ZERO_ADDRESS):
        assert not was(began, ended, other)


def test_while_a_stay_lasts(world, reputation, node):
    began = boa.env.timestamp
    travel(10)
    now = boa.env.timestamp
    assert reputation.was_active(world.operator, node, began, now)
    with boa.reverts("node: time is not over"):
        reputation.was_active(world.operator, node, began, now + 1)
    for start in (now, now + 1):
        with boa.reverts("node: time has no length"):
            reputation.was_active(world.operator, node, start, now)


def test_never_of_a_node_that_nobody_registered(world, reputation):
    travel(10)
    now = boa.env.timestamp
    assert not reputation.was_active(world.operator, world.other, now - 5, now)
    assert not reputation.was_active(ZERO_ADDRESS, world.other, now - 5, now)


def test_inv_n2_coming_back_does_not_rewrite_the_past(world, reputation, node, key):
    """Ten stays, now under one operator, now under the other: each is found again."""
    world.stake(node, world.other)
    stays = []
    for number in range(10):
        operator = (world.operator, world.other)[number % 2]
        if number:
            world.register(key, operator)
        start = boa.env.timestamp
        travel(500 + number)
        stays.append((operator, start, boa.env.timestamp))
        reputation.retire(node, sender=node)
        travel(REJOIN_SECONDS)
    for operator, start, end in stays:
        other = world.other if operator == world.operator else world.operator
        assert reputation.was_active(operator, node, start, end)
        assert not reputation.was_active(other, node, start, end)
        assert not reputation.was_active(operator, node, start - 1, end)
        assert not reputation.was_active(operator, node, start, end + 1)
        assert not reputation.was_active(operator, node, end + 1, end + 2)
    assert not reputation.was_active(world.operator, node, stays[0][1], stays[2][2])


@pytest.mark.parametrize("target", [1, 2, 32_767, 32_768, 65_534, 65_535])
def test_any_of_the_most_stays_is_found(world, reputation, node, target):
    """Sixteen halvings reach each of 65,535 stays; a stay a second, read where they look."""
    travel(200_000)
    base = boa.env.timestamp - 150_000

    def stay(number: int) -> int:
        return int(world.operator, 16) | (base + 2 * number) << 160 | (base + 2 * number + 1) << 200

    write(reputation, mapped(slot_of(reputation, "_nodes"), node), 2**16 - 1)
    low, high, looked = 0, 65_535, {65_535}
    while high - low > 1:
        middle = (low + high) // 2
        looked.add(middle)
        low, high = (middle, high) if middle <= target else (low, middle)
    for number in looked | {target}:
        write(reputation, mapped(slot_of(reputation, "_stays"), node, number), stay(number))
    start = base + 2 * target
    assert reputation.was_active(world.operator, node, start, start + 1)
    assert not reputation.was_active(world.operator, node, start, start + 2)


def test_a_disqualification_counts_from_its_second(world, reputation, accused):
    began = boa.env.timestamp
    travel(APPEAL_SECONDS)
    reputation.disqualify(accused, sender=world.steward)
    at = boa.env.timestamp
    travel(100)
    assert reputation.was_active(world.operator, accused, began, at)
    assert not reputation.was_active(world.operator, accused, began, at + 1)
    assert not reputation.was_active(world.operator, accused, at + 1, at + 2)


def test_inv_n2_retiring_in_the_last_second_changes_nothing(world, reputation, node):
    """A time that ends now is over: what happens in this second comes after it."""
    began = boa.env.timestamp
    travel(10)
    now = boa.env.timestamp
    assert reputation.was_active(world.operator, node, began, now)
    reputation.retire(node, sender=node)
    assert reputation.was_active(world.operator, node, began, now)
