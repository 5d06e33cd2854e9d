# SPDX-License-Identifier: Apache-2.0
"""StakePool's views: cover, position, slash, node_position, is_staked."""

from __future__ import annotations

import pytest
from eth_abi import encode
from eth_utils import keccak

from tests.contracts.protocol import (
    BOND,
    MIN_BOND,
    U96,
    ZERO_ADDRESS,
    deployer_of,
)

from .conftest import STAKE, covered


def test_cover_is_a_multiple_of_the_bond(pool):
    assert pool.cover(1) == covered(BOND)
    assert pool.cover(3) == 0


def test_cover_rounds_down(protocol, pool, new_router, deployed):
    own = deployed(cover_bps=15_001, min_bond_wei=1)
    own.bind(protocol.payment, protocol.dispute, sender=protocol.owner)
    protocol.cor.approve(own, U96, sender=protocol.stranger)
    own.open_bond(new_router, protocol.stranger, 3, sender=protocol.stranger)
    assert own.cover(new_router) == 3 * 15_001 // 10_000 == 4


def test_inv_s7_no_cover_below_the_minimum_bond(protocol, pool, new_router):
    pool.open_bond(new_router, protocol.stranger, MIN_BOND - 1, sender=protocol.stranger)
    assert pool.cover(new_router) == 0
    pool.stake(new_router, 1, sender=protocol.payer)
    assert pool.cover(new_router) == covered(MIN_BOND)


def test_the_largest_cover(protocol, deployed):
    token = deployer_of("mocks/MockCOR").deploy(U96, sender=protocol.settler)
    own = deployed(token=token, cover_bps=1_000_000)
    own.bind(protocol.payment, protocol.dispute, sender=protocol.owner)
    token.approve(own, U96, sender=protocol.settler)
    own.open_bond(1, protocol.settler, U96, sender=protocol.settler)
    assert own.cover(1) == 100 * U96


def test_a_nodes_stake_covers_nothing(protocol, pool, position):
    assert pool.position(position).amount == STAKE >= MIN_BOND
    assert pool.cover(position) == 0
    assert pool.cover(2**32) == 0


def test_a_position_that_nobody_opened(pool):
    for unknown in (0, 99, 2**255, 2**256 - 1):
        assert pool.position(unknown) == (ZERO_ADDRESS, 0, 0, 0)
        assert pool.slash(unknown) == (0, 0, False, 0)


def test_a_nodes_position_is_above_every_routers(protocol, pool, node):
    digest = keccak(encode(["address", "address"], [protocol.payer, node]))
    expected = int.from_bytes(digest, "big") | 2**255
    assert pool.node_position(protocol.payer, node) == expected
    assert pool.node_position(node, protocol.payer) != expected


@pytest.mark.parametrize(("amount", "is_staked"), [(STAKE - 1, False), (STAKE, True)])
def test_a_node_is_staked_from_the_minimum_on(protocol, pool, node, amount, is_staked):
    pool.open_node(node, amount, sender=protocol.payer)
    assert pool.is_staked(protocol.payer, node) == is_staked
    assert not pool.is_staked(protocol.other_payer, node)
