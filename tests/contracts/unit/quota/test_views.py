# SPDX-License-Identifier: Apache-2.0
"""What others read; who owns the contract; what a hostile token reaches from a transfer."""

from __future__ import annotations

import boa

from tests.contracts.unit.quota.conftest import MICRO, Quota, hot_of


def test_views_of_an_unknown_session(case, quota):
    assert quota.account(5) == (0, 0, 0, 0, 0, 0, 0, False, 0, 0, 0)
    assert quota.permission(5) == (0, 0, 0, 0, 0)
    assert quota.drawn(5) == 0


def test_an_account_is_shown_as_it_stands_now_and_not_written(case, quota):
    session = case.ready()
    stored = hot_of(quota, session)
    account = quota.account(session)
    assert account.left_now == 240_000
    assert hot_of(quota, session) == stored
    # A skipped draw writes nothing either.
    case.draw((session, 240_001))
    assert hot_of(quota, session) == stored
    case.draw((session, 1))
    assert hot_of(quota, session) != stored
    assert quota.account(session)[5] == account[5]


def test_the_escrow_reads_what_was_drawn(case, quota):
    session = case.ready()
    case.draw_wei((session, 5 * MICRO - 1))
    assert case.sessions.session(session).settled == 5 * MICRO == quota.drawn(session)


def test_ownership_moves_in_two_steps_and_cannot_be_renounced(case, quota):
    quota.transfer_ownership(case.payer, sender=case.owner)
    assert quota.pending_owner() == case.payer
    quota.accept_ownership(sender=case.payer)
    assert quota.owner() == case.payer
    assert not hasattr(quota, "renounce_ownership")


def test_a_hostile_token_finds_every_door_locked():
    case = Quota(token="mocks/MockHostileToken")
    quota, session = case.quota, case.ready(stake=1_000)
    case.unstake(session, 10)
    boa.env.time_travel(seconds=quota.COOLDOWN_SECONDS())
    for payload in (
        quota.withdraw.prepare_calldata(session),
        quota.stake.prepare_calldata(session, MICRO),
        quota.fund_pool.prepare_calldata(MICRO),
        quota.account.prepare_calldata(session),
    ):
        case.cor.call_back(quota, payload)
        with boa.env.anchor():
            quota.withdraw(session, sender=case.stranger)
            assert (case.cor.attempts(), case.cor.successes()) == (1, 0)
    # What the escrow reads is open, and already written.
    case.cor.call_back(quota, quota.drawn.prepare_calldata(session))
    case.draw((session, 7))
    assert quota.sweep() == 7 * MICRO
    assert case.cor.successes() == 1
    # Sent once, whatever the token does meanwhile.
    case.draw((session, 9))
    case.cor.call_back(quota, quota.sweep.prepare_calldata())
    assert quota.sweep() == 2 * MICRO
    assert case.cor.successes() == 1
