# SPDX-License-Identifier: Apache-2.0
"""A payer and its router prove frauds on each other to take stake out without the cool-down."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.disputes import PENALTY, Disputed
from tests.contracts.protocol import COR


@pytest.fixture(scope="module")
def own():
    return Disputed()


def test_inv_q10_a_payer_is_let_out_early_once_and_for_a_penalty(own):
    session = own.staked(amount=1_000 * COR)
    leaves = own.worked(session, 2, over=10**13)
    bond = own.bonded()
    own.dispute.challenge_charge(leaves[0], sender=own.settler)
    assert own.bonded() <= bond - PENALTY
    assert own.quota.withdraw(session, sender=own.payer) >= 999 * COR
    with boa.reverts("quota: account is closed"):
        own.quota.stake(session, 1_000 * COR, sender=own.payer)
    with boa.reverts("quota: account is closed"):
        own.quota.set_permission(session, COR, 0, sender=own.payer)


def test_inv_q10_a_fraud_before_anybody_enrolled_closes_the_account_too(own):
    bucket = 7
    session = own.open(funding=2, amount=0, salt=bucket.to_bytes(32, "big"), expiry=2**40 - 1)
    leaf = own.worked(session, 1, over=COR)[0]
    own.dispute.challenge_charge(leaf, sender=own.challenger)
    assert own.dispute.refunded(session) == 0
    with boa.reverts("quota: account is closed"):
        own.quota.enrol(own.payer, 1, bucket, False, sender=own.payer)
