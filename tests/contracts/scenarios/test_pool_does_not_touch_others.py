# SPDX-License-Identifier: Apache-2.0
"""One contract holds everybody's stake: nobody's slash or leaving may be paid by another."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.protocol import (
    APPEAL_SECONDS,
    BOND,
    COOLDOWN_SECONDS,
    COR,
    NODE_STAKE,
    SLASH_CAP_BPS,
    travel,
)


@pytest.fixture
def pool(protocol):
    return protocol.pool


@pytest.fixture
def nodes(protocol, pool):
    """Positions of two owners for one node, and of one of them for another."""
    return [
        pool.open_node(protocol.nodes, NODE_STAKE, sender=protocol.payer),
        pool.open_node(protocol.nodes, 2 * NODE_STAKE, sender=protocol.other_payer),
        pool.open_node(protocol.validators, 3 * NODE_STAKE, sender=protocol.payer),
    ]


def whole(pool, positions: list[int]) -> list[int]:
    """Return what each position has in all."""
    return [pool.position(p).amount + pool.position(p).leaving for p in positions]


def test_inv_s8_a_slash_of_everything_leaves_the_others_whole(protocol, pool, cor, nodes):
    before = whole(pool, [2, *nodes])
    balance = cor.balanceOf(pool)
    for _ in range(2):
        pool.slash_bond(1, 2**256 - 1, protocol.stranger, sender=protocol.dispute)
    assert cor.balanceOf(protocol.stranger) == BOND
    assert cor.balanceOf(pool) == balance - BOND
    assert whole(pool, [1, 2, *nodes]) == [0, *before]
    for node in nodes:
        with boa.reverts("pool: router id over uint32"):
            pool.slash_bond(node, 1, protocol.stranger, sender=protocol.dispute)


def test_a_slash_of_one_node_leaves_the_same_nodes_other_stake_whole(protocol, pool, nodes):
    cap = NODE_STAKE * SLASH_CAP_BPS // 10_000
    pool.propose_slash(nodes[0], cap, "", sender=protocol.slasher)
    travel(APPEAL_SECONDS)
    pool.execute_slash(nodes[0], sender=protocol.stranger)
    assert whole(pool, nodes) == [NODE_STAKE - cap, 2 * NODE_STAKE, 3 * NODE_STAKE]


def test_a_node_whose_number_is_a_routers_would_be_another_position(protocol, pool, nodes):
    """A node at the address 1 is not router 1."""
    first = "0x" + "00" * 19 + "01"
    position = pool.open_node(first, COR, sender=protocol.payer)
    assert position != 1
    assert position >= 2**255
    assert pool.position(1).owner == protocol.settler
    assert pool.cover(position) == 0


def test_everybody_leaves_with_exactly_their_own(protocol, pool, cor, nodes):
    """The last one too, after a slash, with tokens that came unasked left over."""
    cor.transfer(pool, 5, sender=protocol.deployer)
    pool.slash_bond(2, COR, protocol.stranger, sender=protocol.dispute)
    owners = {
        1: protocol.settler,
        2: protocol.other_settler,
        nodes[0]: protocol.payer,
        nodes[1]: protocol.other_payer,
        nodes[2]: protocol.payer,
    }
    for position, owner in owners.items():
        pool.request_unstake(position, pool.position(position).amount, sender=owner)
    travel(COOLDOWN_SECONDS)
    for position, owner in reversed(owners.items()):
        there, before = pool.position(position).leaving, cor.balanceOf(owner)
        assert pool.withdraw(position, sender=protocol.stranger) == there
        assert cor.balanceOf(owner) == before + there
    assert cor.balanceOf(pool) == 5


def test_the_pool_reaches_no_other_money(protocol, pool, cor):
    """Deposits lie in another contract, and the pool has no allowance of anybody but stakers."""
    session = protocol.open(amount=COR)
    pool.slash_bond(1, 2**256 - 1, protocol.stranger, sender=protocol.dispute)
    assert cor.balanceOf(protocol.payment) == COR
    assert protocol.payment.session(session).deposit == COR
    with boa.reverts():
        pool.stake(2, COR, sender=protocol.settler)
