# SPDX-License-Identifier: Apache-2.0
"""A register of nodes, one node registered in it, and short ways to an accusation."""

from __future__ import annotations

import pytest

from tests.contracts.nodes import Register, node_key


@pytest.fixture
def world(protocol):
    made = Register(protocol)
    made.bind()
    return made


@pytest.fixture
def reputation(world):
    return world.reputation


@pytest.fixture
def key():
    return node_key("one")


@pytest.fixture
def staked(world, key):
    """A node that the operator staked for."""
    world.stake(key.address)
    return key


@pytest.fixture
def node(world, staked):
    """The address of a registered node."""
    world.register(staked)
    return staked.address


@pytest.fixture
def accused(world, node):
    """The same, accused."""
    world.accuse(node)
    return node


@pytest.fixture
def appealed(world, reputation, accused):
    """The same, appealed."""
    reputation.appeal(accused, sender=world.operator)
    return accused
