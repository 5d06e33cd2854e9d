# SPDX-License-Identifier: Apache-2.0
"""StakePool.open_node and open_bond: whose a position is, and who may open it."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event, events
from tests.contracts.protocol import COR, MIN_BOND, U96, ZERO_ADDRESS

from .conftest import STAKE, covered


def test_a_node_is_its_openers(protocol, pool, cor, node):
    before = cor.balanceOf(pool)
    position = pool.open_node(node, STAKE, sender=protocol.payer)
    assert position == pool.node_position(protocol.payer, node)
    assert pool.position(position) == (protocol.payer, STAKE, 0, 0)
    assert cor.balanceOf(pool) == before + STAKE


def test_events_of_a_node(protocol, pool, node):
    position = pool.open_node(node, STAKE, sender=protocol.payer)
    assert_event(
        pool, "PositionOpened", position=position, owner=protocol.payer, node=node, router_id=0
    )
    assert_event(pool, "Staked", position=position, sender=protocol.payer, amount=STAKE)


def test_two_owners_of_one_node_have_two_positions(protocol, pool, node):
    first = pool.open_node(node, 1, sender=protocol.payer)
    second = pool.open_node(node, 2, sender=protocol.other_payer)
    assert first != second
    assert (pool.position(first).amount, pool.position(second).amount) == (1, 2)


def test_a_bond_is_whose_the_settler_says(protocol, pool, cor, new_router):
    assert pool.open_bond(new_router, protocol.payer, MIN_BOND, sender=protocol.stranger) == (
        new_router
    )
    assert_event(
        pool,
        "PositionOpened",
        position=new_router,
        owner=protocol.payer,
        node=ZERO_ADDRESS,
        router_id=new_router,
    )
    assert_event(pool, "Staked", position=new_router, sender=protocol.stranger, amount=MIN_BOND)
    assert pool.position(new_router) == (protocol.payer, MIN_BOND, 0, 0)
    assert pool.cover(new_router) == covered(MIN_BOND)


@pytest.mark.parametrize("sender", ["settler", "owner", "payer", "dispute"])
def test_only_the_settler_opens_a_bond(protocol, pool, new_router, sender):
    with boa.reverts("pool: caller is not settler"):
        pool.open_bond(new_router, protocol.payer, COR, sender=getattr(protocol, sender))


def test_a_settler_that_was_replaced_opens_no_bond(protocol, pool, new_router):
    protocol.payment.set_settler(new_router, protocol.payer, sender=protocol.stranger)
    with boa.reverts("pool: caller is not settler"):
        pool.open_bond(new_router, protocol.stranger, COR, sender=protocol.stranger)
    pool.open_bond(new_router, protocol.stranger, COR, sender=protocol.payer)


def test_no_bond_of_a_router_that_is_not(protocol, pool, new_router):
    with boa.reverts("pool: caller is not settler"):
        pool.open_bond(new_router + 1, protocol.payer, COR, sender=protocol.stranger)


@pytest.mark.parametrize("router_id", [2**32, 2**255 + 1, 2**256 - 1])
def test_a_router_id_is_a_uint32(protocol, pool, router_id):
    with boa.reverts("pool: router id over uint32"):
        pool.open_bond(router_id, protocol.payer, COR, sender=protocol.settler)


def test_no_bond_before_the_escrow_is_known(protocol, deployed):
    with boa.reverts("pool: not bound"):
        deployed().open_bond(1, protocol.payer, COR, sender=protocol.settler)


def test_refuses_nobody(protocol, pool, new_router):
    with boa.reverts("pool: zero node"):
        pool.open_node(ZERO_ADDRESS, COR, sender=protocol.payer)
    with boa.reverts("pool: zero bond owner"):
        pool.open_bond(new_router, ZERO_ADDRESS, COR, sender=protocol.stranger)


def test_refuses_nothing(protocol, pool, node, new_router):
    with boa.reverts("pool: zero amount"):
        pool.open_node(node, 0, sender=protocol.payer)
    with boa.reverts("pool: zero amount"):
        pool.open_bond(new_router, protocol.payer, 0, sender=protocol.stranger)


def test_refuses_more_than_a_word_holds(protocol, pool, node):
    for amount in (U96 + 1, 2**96 + COR, 2**256 - 1):
        with boa.reverts("pool: stake exceeds words"):
            pool.open_node(node, amount, sender=protocol.payer)


def test_opens_once(protocol, pool, node, position):
    with boa.reverts("pool: position exists"):
        pool.open_node(node, COR, sender=protocol.payer)
    with boa.reverts("pool: position exists"):
        pool.open_bond(1, protocol.stranger, COR, sender=protocol.settler)


def test_an_emptied_position_stays_its_owners(protocol, pool, node, position):
    pool.request_unstake(position, STAKE, sender=protocol.payer)
    with boa.reverts("pool: position exists"):
        pool.open_node(node, COR, sender=protocol.payer)
    pool.stake(position, COR, sender=protocol.payer)
    assert pool.position(position).amount == COR


def test_without_an_allowance_nothing_opens(protocol, pool, cor, node):
    cor.approve(pool, 0, sender=protocol.payer)
    with boa.reverts():
        pool.open_node(node, STAKE, sender=protocol.payer)
    assert pool.position(pool.node_position(protocol.payer, node)).owner == ZERO_ADDRESS
    assert events(pool, "Staked") == []
