# SPDX-License-Identifier: Apache-2.0
"""StakePool.request_unstake and withdraw: the cool-down, and to whom stake goes back."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.protocol import (
    APPEAL_SECONDS,
    BOND,
    COOLDOWN_SECONDS,
    COR,
    MIN_BOND,
    travel,
    travel_to,
)

from .conftest import CAP, STAKE, covered


def test_a_request_stops_the_stake_from_counting(protocol, pool, node, position):
    assert pool.is_staked(protocol.payer, node)
    pool.request_unstake(position, 1, sender=protocol.payer)
    at = boa.env.timestamp + COOLDOWN_SECONDS
    assert_event(pool, "UnstakeRequested", position=position, amount=1, withdrawable_at=at)
    assert pool.position(position) == (protocol.payer, STAKE - 1, 1, at)
    assert not pool.is_staked(protocol.payer, node)


def test_inv_s7_cover_counts_only_what_does_not_leave(protocol, pool):
    pool.request_unstake(1, BOND - MIN_BOND, sender=protocol.settler)
    assert pool.cover(1) == covered(MIN_BOND)
    pool.request_unstake(1, 1, sender=protocol.settler)
    assert pool.cover(1) == 0


def test_asking_again_restarts_the_cool_down_of_all(protocol, pool, position):
    pool.request_unstake(position, COR, sender=protocol.payer)
    travel(COOLDOWN_SECONDS - 1)
    pool.request_unstake(position, 2 * COR, sender=protocol.payer)
    at = boa.env.timestamp + COOLDOWN_SECONDS
    assert pool.position(position) == (protocol.payer, STAKE - 3 * COR, 3 * COR, at)
    travel(1)
    with boa.reverts("pool: cooling down"):
        pool.withdraw(position, sender=protocol.payer)
    travel_to(at)
    assert pool.withdraw(position, sender=protocol.payer) == 3 * COR


@pytest.mark.parametrize("sender", ["stranger", "owner", "slasher", "dispute", "settler"])
def test_only_the_owner_asks(protocol, pool, position, sender):
    with boa.reverts("pool: caller is not the owner"):
        pool.request_unstake(position, 1, sender=getattr(protocol, sender))


def test_refuses_to_leave_with_nothing_or_too_much(protocol, pool, position):
    with boa.reverts("pool: zero amount"):
        pool.request_unstake(position, 0, sender=protocol.payer)
    for amount in (STAKE + 1, 2**96 + 1, 2**256 - 1):
        with boa.reverts("pool: more than is staked"):
            pool.request_unstake(position, amount, sender=protocol.payer)
    pool.request_unstake(position, STAKE, sender=protocol.payer)
    with boa.reverts("pool: more than is staked"):
        pool.request_unstake(position, 1, sender=protocol.payer)


def test_refuses_a_position_that_nobody_opened(protocol, pool):
    with boa.reverts("pool: unknown position"):
        pool.request_unstake(99, 1, sender=protocol.payer)


def test_inv_s3_stake_goes_back_to_the_owner_whoever_calls(protocol, pool, cor, position):
    pool.request_unstake(position, STAKE, sender=protocol.payer)
    travel(COOLDOWN_SECONDS)
    before = cor.balanceOf(protocol.payer)
    assert pool.withdraw(position, sender=protocol.stranger) == STAKE
    assert_event(pool, "Unstaked", position=position, owner=protocol.payer, amount=STAKE)
    assert cor.balanceOf(protocol.payer) == before + STAKE
    assert cor.balanceOf(protocol.stranger) == 0
    assert pool.position(position) == (protocol.payer, 0, 0, 0)


def test_a_bond_goes_back_to_its_owner_and_not_to_the_settler(protocol, pool, cor, new_router):
    pool.open_bond(new_router, protocol.payer, COR, sender=protocol.stranger)
    with boa.reverts("pool: caller is not the owner"):
        pool.request_unstake(new_router, COR, sender=protocol.stranger)
    pool.request_unstake(new_router, COR, sender=protocol.payer)
    travel(COOLDOWN_SECONDS)
    before = cor.balanceOf(protocol.payer)
    pool.withdraw(new_router, sender=protocol.stranger)
    assert cor.balanceOf(protocol.payer) == before + COR


def test_not_a_second_before_the_cool_down_is_over(protocol, pool, position):
    pool.request_unstake(position, COR, sender=protocol.payer)
    travel(COOLDOWN_SECONDS - 1)
    with boa.reverts("pool: cooling down"):
        pool.withdraw(position, sender=protocol.payer)
    travel(1)
    assert pool.withdraw(position, sender=protocol.payer) == COR


def test_nothing_is_withdrawn_twice(protocol, pool, position):
    with boa.reverts("pool: nothing to withdraw"):
        pool.withdraw(position, sender=protocol.payer)
    pool.request_unstake(position, COR, sender=protocol.payer)
    travel(COOLDOWN_SECONDS)
    pool.withdraw(position, sender=protocol.payer)
    with boa.reverts("pool: nothing to withdraw"):
        pool.withdraw(position, sender=protocol.payer)
    with boa.reverts("pool: nothing to withdraw"):
        pool.withdraw(99, sender=protocol.payer)


def test_inv_s6_nothing_is_withdrawn_while_a_slash_is_proposed(protocol, pool, position):
    pool.request_unstake(position, STAKE, sender=protocol.payer)
    travel(COOLDOWN_SECONDS)
    pool.propose_slash(position, CAP, "", sender=protocol.slasher)
    with boa.reverts("pool: slash is proposed"):
        pool.withdraw(position, sender=protocol.payer)
    travel(APPEAL_SECONDS)
    # Still not: it is executable. But anyone executes it, the owner too.
    with boa.reverts("pool: slash is proposed"):
        pool.withdraw(position, sender=protocol.payer)
    assert pool.execute_slash(position, sender=protocol.payer) == CAP
    assert pool.withdraw(position, sender=protocol.payer) == STAKE - CAP


def test_a_decided_appeal_lets_stake_go(protocol, pool, appealed):
    pool.request_unstake(appealed, STAKE, sender=protocol.payer)
    pool.resolve_slash(appealed, False, sender=protocol.owner)
    travel(COOLDOWN_SECONDS)
    assert pool.withdraw(appealed, sender=protocol.payer) == STAKE


def test_inv_s3_a_lapsed_appeal_lets_stake_go_without_anybody(protocol, pool, position):
    pool.request_unstake(position, STAKE, sender=protocol.payer)
    travel(COOLDOWN_SECONDS - 1)
    pool.propose_slash(position, CAP, "", sender=protocol.slasher)
    pool.appeal_slash(position, sender=protocol.payer)
    lapses_at = pool.slash(position).lapses_at
    travel_to(lapses_at - 1)
    with boa.reverts("pool: slash is proposed"):
        pool.withdraw(position, sender=protocol.payer)
    travel_to(lapses_at)
    assert pool.withdraw(position, sender=protocol.payer) == STAKE


def test_a_slash_proposed_for_one_position_does_not_hold_another(protocol, pool, proposed):
    pool.request_unstake(1, COR, sender=protocol.settler)
    travel(COOLDOWN_SECONDS)
    assert pool.withdraw(1, sender=protocol.settler) == COR


def test_unasked_tokens_change_nothing(protocol, pool, cor, position):
    cor.transfer(pool, COR, sender=protocol.payer)
    assert pool.position(position).amount == STAKE
    pool.request_unstake(position, STAKE, sender=protocol.payer)
    travel(COOLDOWN_SECONDS)
    assert pool.withdraw(position, sender=protocol.payer) == STAKE
