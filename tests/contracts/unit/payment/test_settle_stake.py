# SPDX-License-Identifier: Apache-2.0
"""SessionPayment.settle_stake: StakeQuota pays, the money becomes pending like any other."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import events
from tests.contracts.protocol import BUCKET_SECONDS, COR, StakeBatch, item, release_all, travel

DAY = 86_400
MICRO = 10**12


def bucket_now() -> int:
    return boa.env.timestamp // BUCKET_SECONDS


@pytest.fixture
def session(protocol, payment, quota):
    """A session with 1,000 COR of stake that counts: 5 COR a day are free."""
    opened = protocol.open(funding=2, amount=0, salt=bytes(32))
    quota.enrol(protocol.payer, 1, 0, False, sender=protocol.stranger)
    quota.stake(opened, 1_000 * COR, sender=protocol.payer)
    protocol.cor.approve(quota, 2**256 - 1, sender=protocol.deployer)
    quota.fund_pool(1_000 * COR, sender=protocol.deployer)
    travel(DAY)
    return opened


@pytest.fixture(scope="session")
def quota(protocol):
    return protocol.quota


def batch(protocol, *totals, **changes) -> StakeBatch:
    items = [item(*total) for total in totals]
    plain = StakeBatch(1, 1, boa.env.timestamp, protocol.unique(), 1, "", items)
    return plain._replace(**changes)


def settle(protocol, *totals, **changes) -> int:
    return protocol.payment.settle_stake(
        batch(protocol, *totals, **changes), sender=protocol.settler
    )


def test_free_work_is_paid_by_the_pool(protocol, payment, quota, cor, session):
    held = cor.balanceOf(payment)
    assert settle(protocol, (session, 2 * COR)) == 2 * COR
    [told] = events(payment, "StakeSettled")
    assert (told["router_id"], told["version"]) == (1, 1)
    assert told["bucket"] == boa.env.timestamp // BUCKET_SECONDS
    assert told["work_at"] == boa.env.timestamp
    assert (told["free_amount"], told["overage_amount"]) == (2 * COR, 0)
    assert payment.router(1)[1] == 2 * COR
    # The tokens follow when somebody sweeps.
    assert (quota.due(), cor.balanceOf(payment)) == (2 * COR, held)
    assert quota.sweep(sender=protocol.stranger) == 2 * COR
    assert (quota.due(), cor.balanceOf(payment)) == (0, held + 2 * COR)
    assert payment.session(session).settled == 2 * COR
    assert quota.account(session).stake == 1_000 * COR // MICRO
    assert release_all(protocol) == 2 * COR


def test_overage_is_paid_by_stake_within_the_permission(protocol, payment, quota, session):
    assert settle(protocol, (session, 6 * COR)) == 0
    assert payment.session(session).settled == 0
    quota.set_permission(session, 3 * COR, 0, sender=protocol.payer)
    travel(DAY)
    assert settle(protocol, (session, 6 * COR)) == 6 * COR
    assert quota.account(session).stake == 999 * COR // MICRO


def test_a_batch_again_draws_nothing(protocol, payment, quota, session):
    first = batch(protocol, (session, COR))
    assert payment.settle_stake(first, sender=protocol.settler) == COR
    before = quota.account(session)
    assert payment.settle_stake(first, sender=protocol.settler) == 0
    assert settle(protocol, (session, COR)) == 0
    assert quota.account(session) == before


def test_totals_are_rounded_up_to_micro_cor_once(protocol, payment, session):
    assert settle(protocol, (session, 1)) == MICRO
    assert settle(protocol, (session, 2)) == 0
    assert settle(protocol, (session, MICRO)) == 0
    assert settle(protocol, (session, MICRO + 1)) == MICRO
    assert payment.session(session).settled == 2 * MICRO


def test_escrow_sessions_are_not_drawn(protocol, payment, session):
    escrow = protocol.open()
    assert settle(protocol, (escrow, COR)) == 0
    assert payment.session(escrow).settled == 0
    # And a stake session is not settled from a deposit that it does not have.
    assert protocol.settle((session, COR)) == 0
    assert events(payment, "SettlementSkipped")[0]["reason"] == "other funding"


@pytest.mark.parametrize("version", [0, 2, 65_535])
def test_refuses_cards_that_never_were(protocol, session, version):
    with boa.reverts("payment: unknown card"):
        settle(protocol, (session, COR), version=version)


def test_refuses_other_senders_and_other_routers(protocol, payment, session):
    with boa.reverts("router: caller is not settler"):
        payment.settle_stake(batch(protocol, (session, 1)), sender=protocol.stranger)
    with boa.reverts():
        payment.settle_stake(
            batch(protocol, (session, 1), router_id=2), sender=protocol.other_settler
        )


def test_no_pot_is_paid_before_the_quota_sent_what_it_owes(protocol, payment, quota, cor, session):
    deposit = protocol.open()
    settle(protocol, (session, 2 * COR))
    release_all(protocol)
    held = cor.balanceOf(payment)
    assert payment.pay_pot(0, sender=protocol.stranger) == 2 * COR * 7 // 10
    assert quota.due() == 0
    assert cor.balanceOf(payment) == held + 2 * COR - 2 * COR * 7 // 10
    assert payment.session(deposit).deposit == 100 * COR


def test_a_refund_goes_back_to_the_pool(protocol, payment, quota, cor, session):
    settle(protocol, (session, 2 * COR))
    pool = quota.pool()[0]
    held = cor.balanceOf(payment)
    assert payment.refund(session, bucket_now(), COR + 5, sender=protocol.dispute) == COR
    assert quota.pool()[0] == pool + COR
    assert cor.balanceOf(payment) == held + COR
    assert payment.router(1)[1] == COR


def test_a_refund_below_a_micro_cor_is_none(protocol, payment, quota, session):
    settle(protocol, (session, 2 * COR))
    pool = quota.pool()[0]
    assert payment.refund(session, bucket_now(), MICRO - 1, sender=protocol.dispute) == 0
    assert quota.pool()[0] == pool
    # A fraud was proven all the same: the account is closed.
    assert quota.account(session).stake == 0
    # Of what a bond gives, too, only whole micro-COR are taken.
    protocol.cor.transfer(protocol.dispute, MICRO + 1, sender=protocol.deployer)
    protocol.cor.approve(payment, MICRO + 1, sender=protocol.dispute)
    assert payment.credit(session, MICRO + 1, sender=protocol.dispute) == MICRO
    assert protocol.cor.balanceOf(protocol.dispute) == 1
    assert quota.pool()[0] == pool + MICRO


def test_a_refunded_account_is_closed_and_its_stake_free(protocol, payment, quota, session):
    settle(protocol, (session, 2 * COR))
    payment.refund(session, bucket_now(), COR, sender=protocol.dispute)
    assert settle(protocol, (session, 3 * COR)) == 0
    travel(3 * DAY)
    assert settle(protocol, (session, 3 * COR)) == 0
    assert quota.withdraw(session, sender=protocol.stranger) == 1_000 * COR


def test_a_refund_of_overage_goes_back_to_the_stake(protocol, payment, quota, session):
    quota.set_permission(session, 3 * COR, 0, sender=protocol.payer)
    travel(DAY)
    settle(protocol, (session, 7 * COR))
    assert quota.account(session).stake == 998 * COR // MICRO
    pool = quota.pool()[0]
    payment.refund(session, bucket_now(), 3 * COR, sender=protocol.dispute)
    assert quota.account(session).leaving == 1_000 * COR // MICRO
    assert quota.pool()[0] == pool + COR
