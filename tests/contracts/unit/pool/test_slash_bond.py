# SPDX-License-Identifier: Apache-2.0
"""StakePool.slash_bond: what the dispute contract takes from bonds."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event, events
from tests.contracts.protocol import (
    APPEAL_SECONDS,
    BOND,
    COOLDOWN_SECONDS,
    COR,
    SLASH_CAP_BPS,
    ZERO_ADDRESS,
    travel,
)


def test_takes_from_the_bond(protocol, pool, cor):
    before = cor.balanceOf(protocol.stranger)
    assert pool.slash_bond(1, COR, protocol.stranger, sender=protocol.dispute) == COR
    assert_event(pool, "BondSlashed", router_id=1, to=protocol.stranger, wanted=COR, taken=COR)
    assert cor.balanceOf(protocol.stranger) == before + COR
    assert pool.position(1) == (protocol.settler, BOND - COR, 0, 0)


def test_takes_what_does_not_leave_first(protocol, pool):
    pool.request_unstake(1, 3 * COR, sender=protocol.settler)
    at = pool.position(1).withdrawable_at
    wanted = BOND - 3 * COR + COR
    assert pool.slash_bond(1, wanted, protocol.stranger, sender=protocol.dispute) == wanted
    assert pool.position(1) == (protocol.settler, 0, 2 * COR, at)


@pytest.mark.parametrize("wanted", [BOND, BOND + 1, 2**256 - 1])
def test_inv_s2_takes_no_more_than_there_is(protocol, pool, cor, wanted):
    balance = cor.balanceOf(pool)
    pool.request_unstake(1, BOND // 3, sender=protocol.settler)
    assert pool.slash_bond(1, wanted, protocol.stranger, sender=protocol.dispute) == BOND
    assert_event(pool, "BondSlashed", router_id=1, to=protocol.stranger, wanted=wanted, taken=BOND)
    assert cor.balanceOf(pool) == balance - BOND
    assert pool.position(1) == (protocol.settler, 0, 0, 0)
    assert pool.position(2) == (protocol.other_settler, BOND, 0, 0)


def test_takes_all_that_leaves_and_nothing_is_left_to_wait_for(protocol, pool):
    pool.request_unstake(1, BOND, sender=protocol.settler)
    assert pool.slash_bond(1, BOND, protocol.stranger, sender=protocol.dispute) == BOND
    assert pool.position(1) == (protocol.settler, 0, 0, 0)
    with boa.reverts("pool: nothing to withdraw"):
        pool.withdraw(1, sender=protocol.settler)


def test_inv_s6_stake_that_could_be_withdrawn_is_still_slashable(protocol, pool):
    pool.request_unstake(1, BOND, sender=protocol.settler)
    travel(10 * COOLDOWN_SECONDS)
    assert pool.slash_bond(1, COR, protocol.stranger, sender=protocol.dispute) == COR
    assert pool.withdraw(1, sender=protocol.settler) == BOND - COR


@pytest.mark.parametrize(("router_id", "wanted"), [(1, 0), (99, COR), (0, COR), (2**32 - 1, 1)])
def test_taking_nothing_is_no_failure(protocol, pool, cor, router_id, wanted):
    balance = cor.balanceOf(pool)
    assert pool.slash_bond(router_id, wanted, protocol.stranger, sender=protocol.dispute) == 0
    assert_event(
        pool, "BondSlashed", router_id=router_id, to=protocol.stranger, wanted=wanted, taken=0
    )
    # A token may refuse to move nothing.
    assert events(pool, "Transfer") == []
    assert cor.balanceOf(pool) == balance


@pytest.mark.parametrize("sender", ["owner", "slasher", "settler", "treasury", "stranger"])
def test_only_the_dispute_contract(protocol, pool, sender):
    with boa.reverts("pool: caller is not dispute"):
        pool.slash_bond(1, COR, protocol.stranger, sender=getattr(protocol, sender))


def test_nobody_is_the_dispute_contract_before_it_is_named(deployed):
    with boa.reverts("pool: caller is not dispute"):
        deployed().slash_bond(1, 0, boa.env.eoa, sender=boa.env.eoa)


def test_inv_s8_never_from_a_nodes_stake(protocol, pool, position):
    for unbonded in (position, 2**32):
        with boa.reverts("pool: router id over uint32"):
            pool.slash_bond(unbonded, 1, protocol.stranger, sender=protocol.dispute)


def test_refuses_nobody_as_receiver(protocol, pool):
    with boa.reverts("pool: zero receiver"):
        pool.slash_bond(1, 1, ZERO_ADDRESS, sender=protocol.dispute)


@pytest.mark.parametrize("is_appealed", [False, True])
def test_works_while_a_slash_is_proposed(protocol, pool, is_appealed):
    wanted = BOND * SLASH_CAP_BPS // 10_000
    pool.propose_slash(1, wanted, "", sender=protocol.slasher)
    if is_appealed:
        pool.appeal_slash(1, sender=protocol.settler)
    taken = BOND - wanted + 1
    assert pool.slash_bond(1, taken, protocol.stranger, sender=protocol.dispute) == taken
    # The proposal then takes what is left.
    if is_appealed:
        pool.resolve_slash(1, True, sender=protocol.owner)
    else:
        travel(APPEAL_SECONDS)
        pool.execute_slash(1, sender=protocol.stranger)
    assert_event(pool, "SlashExecuted", position=1, amount=wanted - 1)
    assert pool.position(1) == (protocol.settler, 0, 0, 0)


def test_a_proposal_for_an_emptied_bond_takes_nothing(protocol, pool):
    pool.propose_slash(1, COR, "", sender=protocol.slasher)
    pool.slash_bond(1, BOND, protocol.stranger, sender=protocol.dispute)
    travel(APPEAL_SECONDS)
    assert pool.execute_slash(1, sender=protocol.stranger) == 0
    assert_event(pool, "SlashExecuted", position=1, amount=0)
    assert pool.slash(1) == (0, 0, False, 0)
