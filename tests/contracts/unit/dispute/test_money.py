# SPDX-License-Identifier: Apache-2.0
"""Where a refund and a penalty come from and go to, and the constructor."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.disputes import (
    ANSWER_SECONDS,
    BURN_ADDRESS,
    DEPOSIT,
    FORCED_INCLUSION_SECONDS,
    GRACE_SECONDS,
    PENALTY,
    Disputed,
    Draft,
    deploy_dispute,
)
from tests.contracts.events import events
from tests.contracts.protocol import (
    BUCKET_SECONDS,
    CHALLENGE_WINDOW_SECONDS,
    COOLDOWN_SECONDS,
    COR,
    SETTLE_WINDOW_SECONDS,
    U96,
    deploy_payment,
    deploy_pool,
    deployer_of,
    release_all,
)


def shares(own) -> list[int]:
    return own.holdings(own.challenger, BURN_ADDRESS)


def test_what_is_not_pending_any_more_comes_from_the_bond(own, dispute, payment, session):
    leaf = own.settled(Draft(own.receipt(session, charge=60 * COR), 1, 60 * COR))[0]
    release_all(own)
    own.worked(own.open(own.other_payer), 1, charge=COR)
    bond, before = own.bonded(), shares(own)
    dispute.challenge_charge(leaf, sender=own.challenger)
    event = events(dispute, "FraudProven")[0]
    excess = event["excess"]
    assert event["refunded"] == excess > 59 * COR
    # INV-D10: what another session has pending stays there.
    assert payment.router(1)[1] == COR
    assert own.bonded() == bond - excess - PENALTY
    assert shares(own) == [share + PENALTY // 2 for share in before]
    assert payment.withdraw(session, sender=own.payer) == 40 * COR + excess
    assert own.cor.balanceOf(dispute) == 0


@pytest.mark.parametrize(("bond", "refund", "penalty"), [(1_200, 1_000, 200), (1_000, 1_000, 0)])
def test_a_short_bond_refunds_first_and_pays_the_penalty_after(bond, refund, penalty):
    own = Disputed(bond=bond * COR)
    session = own.open(amount=1_500 * COR)
    charge = refund * COR + own.receipt(session).charge
    leaf = own.settled(Draft(own.receipt(session, charge=charge), 1, charge))[0]
    release_all(own)
    own.dispute.challenge_charge(leaf, sender=own.challenger)
    event = events(own.dispute, "FraudProven")[0]
    assert (event["refunded"], event["penalty"]) == (refund * COR, penalty * COR)
    assert own.bonded() == 0


def test_a_bond_that_was_empty_pays_the_rest_later():
    own = Disputed(bond=1_000 * COR)
    session = own.open(amount=1_500 * COR)
    charge = 1_400 * COR + own.receipt(session).charge
    leaf = own.settled(Draft(own.receipt(session, charge=charge), 1, charge))[0]
    release_all(own)
    own.dispute.challenge_charge(leaf, sender=own.challenger)
    assert own.dispute.refunded(session) == 1_000 * COR
    own.fund(own.stranger)
    own.pool.stake(1, 5_000 * COR, sender=own.stranger)
    own.dispute.challenge_charge(leaf, sender=own.stranger)
    event = events(own.dispute, "FraudProven")[0]
    assert (event["refunded"], event["penalty"]) == (400 * COR, 0)
    with boa.reverts("dispute: already proven"):
        own.dispute.challenge_charge(leaf, sender=own.stranger)


def test_an_odd_penalty_is_burnt_in_the_larger_half():
    own = Disputed(bond=1_000 * COR + 3)
    session = own.open(amount=1_500 * COR)
    charge = 1_000 * COR + own.receipt(session).charge
    leaf = own.settled(Draft(own.receipt(session, charge=charge), 1, charge))[0]
    release_all(own)
    before = shares(own)
    own.dispute.challenge_charge(leaf, sender=own.challenger)
    assert [after - was for after, was in zip(shares(own), before, strict=True)] == [1, 2]


def test_stake_that_leaves_pays_too(own, dispute, payment, session):
    leaf = own.worked(session, 1, over=5)[0]
    own.pool.request_unstake(1, own.bonded(), sender=own.first_settler)
    before = own.pool.position(1).leaving
    dispute.challenge_charge(leaf, sender=own.challenger)
    assert own.pool.position(1).leaving == before - PENALTY


def test_what_the_constructor_fixed(own, dispute, payment):
    assert dispute.PAYMENT() == payment.address
    assert dispute.TOKEN() == own.cor.address
    assert (dispute.PENALTY_WEI(), dispute.DEPOSIT_WEI()) == (PENALTY, DEPOSIT)
    assert dispute.ANSWER_SECONDS() == ANSWER_SECONDS
    assert dispute.GRACE_SECONDS() == GRACE_SECONDS
    assert dispute.FORCED_INCLUSION_SECONDS() == FORCED_INCLUSION_SECONDS


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"penalty": 0}, "refund: zero penalty"),
        ({"penalty": U96 + 1}, "refund: penalty exceeds uint96"),
        ({"deposit": 0}, "dispute: zero deposit"),
        ({"forced_inclusion": 0}, "dispute: zero inclusion delay"),
        ({"answer": 2 * FORCED_INCLUSION_SECONDS - 1}, "dispute: window too short"),
        ({"grace": 2 * FORCED_INCLUSION_SECONDS - 1}, "dispute: window too short"),
        ({"forced_inclusion": SETTLE_WINDOW_SECONDS // 2 + 1}, "dispute: window too short"),
    ],
)
def test_deployments_that_are_refused(payment, arguments, reason):
    with boa.reverts(reason):
        deploy_dispute(payment, **arguments)


def test_the_windows_that_just_suffice(payment):
    least = 2 * FORCED_INCLUSION_SECONDS
    deploy_dispute(payment, answer=least, grace=least)
    rest = (COOLDOWN_SECONDS - BUCKET_SECONDS - CHALLENGE_WINDOW_SECONDS) // 2 - GRACE_SECONDS
    deploy_dispute(payment, answer=rest - 1)
    with boa.reverts("dispute: cooldown too short"):
        deploy_dispute(payment, answer=rest)


def test_the_escrows_own_windows_count(own):
    parts = (own.cor, own.table, own.anchor, own.pool, own.quota)
    quick = deploy_payment(own.owner, own.guardian, *parts, challenge_window=1_799)
    with boa.reverts("dispute: window too short"):
        deploy_dispute(quick)


@pytest.mark.parametrize(("bucket", "is_refused"), [(1_372, False), (1_371, True)])
def test_a_claim_for_each_bucket_of_the_challenge_window(own, bucket, is_refused):
    """A day of 63 buckets, and the one that is filled; the 65th would push out another."""
    parts = (own.cor, own.table, own.anchor, own.pool, own.quota)
    escrow = deploy_payment(own.owner, own.guardian, *parts, bucket=bucket)
    if is_refused:
        with boa.reverts("own: bucket too short"):
            deploy_dispute(escrow)
    else:
        deploy_dispute(escrow)


def test_an_escrow_that_is_none(own):
    with boa.reverts("dispute: payment has no code"):
        deploy_dispute(own.stranger)


def test_a_pool_of_another_token(own):
    with boa.env.prank(boa.env.generate_address()):
        other = deployer_of("mocks/MockCOR").deploy(10**27)
        pool = deploy_pool(own.owner, other, own.treasury, own.slasher)
    parts = (own.cor, own.table, own.anchor, pool, own.quota)
    with boa.reverts("dispute: bonds of other token"):
        deploy_dispute(deploy_payment(own.owner, own.guardian, *parts))
