# SPDX-License-Identifier: Apache-2.0
"""StakePool.propose_slash, appeal_slash, resolve_slash, execute_slash: cap, delay and appeal."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.protocol import APPEAL_SECONDS, BOND, COR, ZERO_ADDRESS, travel, travel_to

from .conftest import CAP, STAKE, covered

NONE = (0, 0, False, 0)
RESOLVE_SECONDS = APPEAL_SECONDS


def test_a_proposal_takes_nothing_yet(protocol, pool, position):
    pool.propose_slash(position, CAP, "double voting", sender=protocol.slasher)
    at = boa.env.timestamp + APPEAL_SECONDS
    assert_event(
        pool,
        "SlashProposed",
        position=position,
        amount=CAP,
        executable_at=at,
        reason="double voting",
    )
    assert pool.slash(position) == (CAP, at, False, 0)
    assert pool.position(position).amount == STAKE


@pytest.mark.parametrize("sender", ["owner", "dispute", "treasury", "payer", "stranger"])
def test_only_the_slasher_proposes(protocol, pool, position, sender):
    with boa.reverts("pool: caller is not slasher"):
        pool.propose_slash(position, 1, "", sender=getattr(protocol, sender))


def test_nobody_proposes_without_a_slasher(protocol, pool, position):
    pool.set_slasher(ZERO_ADDRESS, sender=protocol.owner)
    for sender in (protocol.slasher, protocol.owner):
        with boa.reverts("pool: caller is not slasher"):
            pool.propose_slash(position, 1, "", sender=sender)


def test_inv_s4_no_more_than_the_cap(protocol, pool, position):
    for amount in (CAP + 1, STAKE, 2**256 - 1):
        with boa.reverts("pool: slash over the cap"):
            pool.propose_slash(position, amount, "", sender=protocol.slasher)
    pool.propose_slash(position, CAP, "", sender=protocol.slasher)


def test_the_cap_rounds_down(protocol, pool, position):
    pool.stake(position, 4, sender=protocol.payer)
    with boa.reverts("pool: slash over the cap"):
        pool.propose_slash(position, CAP + 1, "", sender=protocol.slasher)
    pool.stake(position, 1, sender=protocol.payer)
    pool.propose_slash(position, CAP + 1, "", sender=protocol.slasher)


def test_the_cap_counts_what_leaves(protocol, pool, position):
    pool.request_unstake(position, STAKE, sender=protocol.payer)
    pool.propose_slash(position, CAP, "", sender=protocol.slasher)
    assert pool.slash(position).amount == CAP


def test_nothing_to_slash_where_nothing_is(protocol, pool):
    with boa.reverts("pool: slash over the cap"):
        pool.propose_slash(99, 1, "", sender=protocol.slasher)
    with boa.reverts("pool: zero amount"):
        pool.propose_slash(1, 0, "", sender=protocol.slasher)


def test_one_proposal_at_a_time(protocol, pool, proposed):
    with boa.reverts("pool: slash is proposed"):
        pool.propose_slash(proposed, 1, "", sender=protocol.slasher)
    travel(APPEAL_SECONDS)
    with boa.reverts("pool: slash is proposed"):
        pool.propose_slash(proposed, 1, "", sender=protocol.slasher)


def test_inv_s5_nothing_is_taken_before_the_appeal_window_is_over(protocol, pool, cor, proposed):
    travel_to(pool.slash(proposed).executable_at - 1)
    with boa.reverts("pool: appeal window open"):
        pool.execute_slash(proposed, sender=protocol.slasher)
    travel(1)
    before = cor.balanceOf(protocol.treasury)
    assert pool.execute_slash(proposed, sender=protocol.stranger) == CAP
    assert_event(pool, "SlashExecuted", position=proposed, amount=CAP)
    assert cor.balanceOf(protocol.treasury) == before + CAP
    assert pool.position(proposed).amount == STAKE - CAP
    assert pool.slash(proposed) == NONE


def test_executes_once(protocol, pool, proposed):
    travel(APPEAL_SECONDS)
    pool.execute_slash(proposed, sender=protocol.stranger)
    with boa.reverts("pool: no slash proposed"):
        pool.execute_slash(proposed, sender=protocol.stranger)


def test_takes_what_does_not_leave_first_then_the_rest(protocol, pool, proposed):
    pool.request_unstake(proposed, STAKE - 1, sender=protocol.payer)
    at = pool.position(proposed).withdrawable_at
    travel(APPEAL_SECONDS)
    assert pool.execute_slash(proposed, sender=protocol.stranger) == CAP
    assert pool.position(proposed) == (protocol.payer, 0, STAKE - CAP, at)


@pytest.mark.parametrize("how", ["executed", "upheld", "turned down", "lapsed", "cleared"])
def test_inv_s4_not_again_at_once(protocol, pool, proposed, how):
    """Whichever way a proposal ended, its position's owner has time to leave before the next."""
    if how == "executed":
        travel(APPEAL_SECONDS)
        pool.execute_slash(proposed, sender=protocol.slasher)
    else:
        pool.appeal_slash(proposed, sender=protocol.payer)
    if how in ("upheld", "turned down"):
        pool.resolve_slash(proposed, how == "upheld", sender=protocol.owner)
    ended_at = boa.env.timestamp
    if how in ("lapsed", "cleared"):
        ended_at += RESOLVE_SECONDS
        travel(RESOLVE_SECONDS + 5)
    if how == "cleared":
        # Late: what counts is when the appeal lapsed.
        pool.execute_slash(proposed, sender=protocol.stranger)
    travel_to(ended_at + APPEAL_SECONDS - 1)
    with boa.reverts("pool: too soon to slash again"):
        pool.propose_slash(proposed, 1, "", sender=protocol.slasher)
    travel(1)
    pool.propose_slash(proposed, 1, "", sender=protocol.slasher)
    assert pool.slash(proposed) == (1, boa.env.timestamp + APPEAL_SECONDS, False, 0)


def test_the_end_of_a_second_proposal_is_counted_from(protocol, pool, proposed):
    """A second proposal that ends by an appeal starts a wait of its own."""
    travel(APPEAL_SECONDS)
    pool.execute_slash(proposed, sender=protocol.slasher)
    travel(APPEAL_SECONDS)
    pool.propose_slash(proposed, 1, "", sender=protocol.slasher)
    pool.appeal_slash(proposed, sender=protocol.payer)
    pool.resolve_slash(proposed, False, sender=protocol.owner)
    with boa.reverts("pool: too soon to slash again"):
        pool.propose_slash(proposed, 1, "", sender=protocol.slasher)


def test_each_position_waits_by_itself(protocol, pool, proposed):
    travel(APPEAL_SECONDS)
    pool.execute_slash(proposed, sender=protocol.slasher)
    pool.propose_slash(1, COR, "", sender=protocol.slasher)
    assert pool.slash(1).amount == COR


def test_an_appeal_stops_it(protocol, pool, proposed):
    executable_at = pool.slash(proposed).executable_at
    pool.appeal_slash(proposed, sender=protocol.payer)
    lapses_at = boa.env.timestamp + RESOLVE_SECONDS
    assert_event(pool, "SlashAppealed", position=proposed, lapses_at=lapses_at)
    assert pool.slash(proposed) == (CAP, executable_at, True, lapses_at)
    travel(RESOLVE_SECONDS - 1)
    with boa.reverts("pool: appeal is undecided"):
        pool.execute_slash(proposed, sender=protocol.slasher)


@pytest.mark.parametrize("sender", ["owner", "slasher", "dispute", "stranger"])
def test_only_the_positions_owner_appeals(protocol, pool, proposed, sender):
    with boa.reverts("pool: caller is not the owner"):
        pool.appeal_slash(proposed, sender=getattr(protocol, sender))


def test_the_last_second_for_an_appeal(protocol, pool, proposed):
    executable_at = pool.slash(proposed).executable_at
    travel_to(executable_at - 1)
    with boa.env.anchor():
        pool.appeal_slash(proposed, sender=protocol.payer)
        assert pool.slash(proposed).is_appealed
    travel(1)
    with boa.reverts("pool: appeal window over"):
        pool.appeal_slash(proposed, sender=protocol.payer)


def test_appeals_once_and_only_what_is_proposed(protocol, pool, position):
    with boa.reverts("pool: unknown position"):
        pool.appeal_slash(99, sender=protocol.payer)
    with boa.reverts("pool: no slash proposed"):
        pool.appeal_slash(position, sender=protocol.payer)
    pool.propose_slash(position, 1, "", sender=protocol.slasher)
    pool.appeal_slash(position, sender=protocol.payer)
    with boa.reverts("pool: already appealed"):
        pool.appeal_slash(position, sender=protocol.payer)


def test_an_upheld_slash_is_executed_at_once(protocol, pool, cor, appealed):
    before = cor.balanceOf(protocol.treasury)
    pool.resolve_slash(appealed, True, sender=protocol.owner)
    assert_event(pool, "SlashResolved", position=appealed, is_upheld=True)
    assert_event(pool, "SlashExecuted", position=appealed, amount=CAP)
    assert cor.balanceOf(protocol.treasury) == before + CAP
    assert pool.position(appealed).amount == STAKE - CAP
    assert pool.slash(appealed) == NONE


def test_inv_s5_a_slash_that_is_turned_down_takes_nothing(protocol, pool, appealed):
    pool.resolve_slash(appealed, False, sender=protocol.owner)
    assert_event(pool, "SlashResolved", position=appealed, is_upheld=False)
    assert pool.slash(appealed) == NONE
    assert pool.position(appealed).amount == STAKE
    with boa.reverts("pool: no slash proposed"):
        pool.execute_slash(appealed, sender=protocol.slasher)


@pytest.mark.parametrize("sender", ["slasher", "payer", "dispute", "stranger"])
def test_only_the_owner_decides(protocol, pool, appealed, sender):
    with boa.reverts("ownable: caller is not the owner"):
        pool.resolve_slash(appealed, True, sender=getattr(protocol, sender))


def test_only_appeals_are_decided(protocol, pool, position):
    with boa.reverts("pool: no slash proposed"):
        pool.resolve_slash(position, True, sender=protocol.owner)
    pool.propose_slash(position, 1, "", sender=protocol.slasher)
    with boa.reverts("pool: not appealed"):
        pool.resolve_slash(position, True, sender=protocol.owner)


def test_inv_s5_an_appeal_that_nobody_decides_lapses(protocol, pool, appealed):
    travel_to(pool.slash(appealed).lapses_at - 1)
    with boa.env.anchor():
        pool.resolve_slash(appealed, True, sender=protocol.owner)
        assert pool.position(appealed).amount == STAKE - CAP
    travel(1)
    with boa.reverts("pool: appeal has lapsed"):
        pool.resolve_slash(appealed, True, sender=protocol.owner)
    assert pool.execute_slash(appealed, sender=protocol.stranger) == 0
    assert_event(pool, "SlashResolved", position=appealed, is_upheld=False)
    assert pool.position(appealed).amount == STAKE
    assert pool.slash(appealed) == NONE


def test_a_new_slasher_does_not_end_a_proposal(protocol, pool, proposed):
    pool.set_slasher(protocol.stranger, sender=protocol.owner)
    travel(APPEAL_SECONDS)
    assert pool.execute_slash(proposed, sender=protocol.stranger) == CAP


def test_the_treasury_of_the_moment_is_paid(protocol, pool, cor, proposed):
    pool.set_treasury(protocol.stranger, sender=protocol.owner)
    travel(APPEAL_SECONDS)
    pool.execute_slash(proposed, sender=protocol.slasher)
    assert cor.balanceOf(protocol.stranger) == CAP


def test_a_bond_can_be_slashed_by_the_role_too(protocol, pool):
    pool.propose_slash(1, COR, "offline", sender=protocol.slasher)
    assert pool.cover(1) == covered(BOND)
    travel(APPEAL_SECONDS)
    pool.execute_slash(1, sender=protocol.slasher)
    assert pool.cover(1) == covered(BOND - COR)
