# SPDX-License-Identifier: Apache-2.0
"""Running away with the stake once a fault is known, and holding it back for ever by slashes."""

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
    travel_to,
)

CAP = NODE_STAKE * SLASH_CAP_BPS // 10_000


@pytest.fixture
def pool(protocol):
    return protocol.pool


@pytest.fixture
def position(protocol, pool):
    return pool.open_node(protocol.nodes, NODE_STAKE, sender=protocol.payer)


def test_inv_s6_leaving_first_does_not_help(protocol, pool, position):
    """A node asks everything back in the block before its fault is known."""
    pool.request_unstake(position, NODE_STAKE, sender=protocol.payer)
    travel(COOLDOWN_SECONDS - 1)
    # In the last second of the cool-down, and the slash is executable long after it.
    pool.propose_slash(position, CAP, "equivocation", sender=protocol.slasher)
    travel(1)
    with boa.reverts("pool: slash is proposed"):
        pool.withdraw(position, sender=protocol.payer)
    travel_to(pool.slash(position).executable_at)
    assert pool.execute_slash(position, sender=protocol.stranger) == CAP
    assert pool.withdraw(position, sender=protocol.payer) == NODE_STAKE - CAP


def test_a_bond_that_leaves_still_pays(protocol, pool):
    pool.request_unstake(1, BOND, sender=protocol.settler)
    travel(COOLDOWN_SECONDS - 1)
    assert pool.slash_bond(1, COR, protocol.stranger, sender=protocol.dispute) == COR
    travel(1)
    assert pool.withdraw(1, sender=protocol.settler) == BOND - COR


def test_asking_in_small_parts_hides_nothing(protocol, pool, position):
    for _ in range(10):
        pool.request_unstake(position, NODE_STAKE // 10, sender=protocol.payer)
        travel(3_600)
    assert pool.position(position).leaving == NODE_STAKE
    pool.propose_slash(position, CAP, "", sender=protocol.slasher)
    travel(APPEAL_SECONDS)
    assert pool.execute_slash(position, sender=protocol.stranger) == CAP


def test_staking_more_meanwhile_protects_nothing_and_frees_nothing(protocol, pool, position):
    pool.request_unstake(position, NODE_STAKE, sender=protocol.payer)
    pool.propose_slash(position, CAP, "", sender=protocol.slasher)
    pool.stake(position, 1, sender=protocol.payer)
    travel(APPEAL_SECONDS)
    assert pool.execute_slash(position, sender=protocol.stranger) == CAP
    # What does not leave goes first, the one wei, then what leaves.
    assert pool.position(position)[1:3] == (0, NODE_STAKE - CAP + 1)


def test_an_idle_appeal_delays_but_does_not_save(protocol, pool, position):
    pool.request_unstake(position, NODE_STAKE, sender=protocol.payer)
    travel(COOLDOWN_SECONDS)
    pool.propose_slash(position, CAP, "", sender=protocol.slasher)
    travel(APPEAL_SECONDS - 1)
    pool.appeal_slash(position, sender=protocol.payer)
    travel(APPEAL_SECONDS - 1)
    with boa.reverts("pool: slash is proposed"):
        pool.withdraw(position, sender=protocol.payer)
    pool.resolve_slash(position, True, sender=protocol.owner)
    assert pool.withdraw(position, sender=protocol.payer) == NODE_STAKE - CAP


def test_inv_s3_a_slasher_that_never_rests_holds_nobody_back(protocol, pool, position):
    """A slasher that proposes one wei after another: between two of them there is time to leave."""
    pool.request_unstake(position, NODE_STAKE, sender=protocol.payer)
    travel(COOLDOWN_SECONDS)
    pool.propose_slash(position, 1, "", sender=protocol.slasher)
    travel(APPEAL_SECONDS)
    # Nobody but the position's owner is there to execute it.
    pool.execute_slash(position, sender=protocol.payer)
    with boa.reverts("pool: too soon to slash again"):
        pool.propose_slash(position, 1, "", sender=protocol.slasher)
    assert pool.withdraw(position, sender=protocol.payer) == NODE_STAKE - 1


def test_inv_s3_the_owner_of_the_pool_never_answers(protocol, pool, position):
    pool.request_unstake(position, NODE_STAKE, sender=protocol.payer)
    travel(COOLDOWN_SECONDS)
    pool.propose_slash(position, CAP, "", sender=protocol.slasher)
    pool.appeal_slash(position, sender=protocol.payer)
    travel_to(pool.slash(position).lapses_at)
    with boa.reverts("pool: too soon to slash again"):
        pool.propose_slash(position, CAP, "", sender=protocol.slasher)
    assert pool.withdraw(position, sender=protocol.payer) == NODE_STAKE


def test_inv_s4_slashing_often_takes_no_more_than_the_cap_each_time(protocol, pool, position):
    """In a month: no more than what the cap takes every second appeal window."""
    left, start = NODE_STAKE, boa.env.timestamp
    for _ in range(5):
        cap = left * SLASH_CAP_BPS // 10_000
        with boa.reverts("pool: slash over the cap"):
            pool.propose_slash(position, cap + 1, "", sender=protocol.slasher)
        pool.propose_slash(position, cap, "", sender=protocol.slasher)
        travel(APPEAL_SECONDS)
        assert pool.execute_slash(position, sender=protocol.slasher) == cap
        left -= cap
        travel(APPEAL_SECONDS)
    assert boa.env.timestamp - start == 10 * APPEAL_SECONDS
    assert pool.position(position).amount == left > NODE_STAKE * 32 // 100
