# SPDX-License-Identifier: Apache-2.0
"""StakeQuota.bind and enrol: whose escrow, and which sessions have an account."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.protocol import ZERO_ADDRESS, word
from tests.contracts.unit.quota.conftest import DAY, START, WEEK, deploy_quota


@pytest.mark.parametrize(("bucket", "weekly"), [(0, False), (11, False), (0, True), (11, True)])
def test_anyone_enrols_a_stake_session(case, quota, bucket, weekly):
    session = case.open(bucket=bucket, weekly=weekly)
    assert quota.account(session) == (0, 0, 0, 0, 0, 0, 0, False, 0, 0, 0)
    assert quota.enrol(case.payer, 1, bucket, weekly, sender=case.stranger) == session
    assert_event(
        quota, "Enrolled", session=session, payer=case.payer, bucket=bucket, is_weekly=weekly
    )
    window = START // (WEEK if weekly else DAY)
    assert quota.account(session) == (0, 0, 0, 0, 0, window, bucket, weekly, 0, 0, 0)
    assert session >> 128 == 1


def test_one_account_for_each_payer_router_and_profile(case, quota):
    profiles = [(p, r, b, w) for p in (case.payer, case.other_payer) for r in (1, 2)
                for b in (0, 1) for w in (False, True)]  # fmt: skip
    assert len({case.enrol(*profile) for profile in profiles}) == len(profiles)
    for payer, router, bucket, weekly in profiles:
        with boa.reverts("quota: already enrolled"):
            quota.enrol(payer, router, bucket, weekly, sender=payer)


def test_a_session_is_enrolled_only_by_its_own_profile(case, quota):
    case.open(bucket=3)
    for bucket, weekly in ((4, False), (3, True)):
        with boa.reverts("quota: session not open"):
            quota.enrol(case.payer, 1, bucket, weekly, sender=case.payer)
    with boa.reverts("quota: session not open"):
        quota.enrol(case.payer, 2, 3, False, sender=case.payer)
    with boa.reverts("quota: session not open"):
        quota.enrol(case.other_payer, 1, 3, False, sender=case.other_payer)


@pytest.mark.parametrize("state", [0, 2, 3])
def test_refuses_a_session_that_is_not_open(case, quota, state):
    case.open(state=state)
    with boa.reverts("quota: session not open"):
        quota.enrol(case.payer, 1, 0, False, sender=case.payer)


@pytest.mark.parametrize("funding", [0, 1])
def test_refuses_other_fundings(case, quota, funding):
    case.open(funding=funding)
    with boa.reverts("quota: session not paid by stake"):
        quota.enrol(case.payer, 1, 0, False, sender=case.payer)


def test_refuses_an_unknown_bucket(case, quota):
    with boa.reverts("quota: unknown bucket"):
        quota.enrol(case.payer, 1, 12, False, sender=case.payer)


def test_refuses_a_session_that_says_another_payer(case, quota):
    session = case.open()
    case.sessions.set_payer(session, case.other_payer)
    with boa.reverts("quota: other payer"):
        quota.enrol(case.payer, 1, 0, False, sender=case.payer)


def test_the_owner_binds_once(case):
    fresh = deploy_quota(case.owner, case.cor)
    with boa.reverts("quota: not bound"):
        fresh.enrol(case.payer, 1, 0, False, sender=case.payer)
    with boa.reverts("quota: caller is not payment"):
        fresh.draw(1, START, [], sender=case.stranger)
    with boa.reverts("ownable: caller is not the owner"):
        fresh.bind(case.sessions, sender=case.stranger)
    with boa.reverts("rules: payment has no code"):
        fresh.bind(case.payer, sender=case.owner)
    fresh.bind(case.sessions, sender=case.owner)
    assert_event(fresh, "Bound", payment=case.sessions.address)
    assert fresh.payment() == case.sessions.address
    assert fresh.limits() == (10**9, 0, 0)
    with boa.reverts("rules: payment is bound"):
        fresh.bind(case.cor, sender=case.owner)


def test_the_zero_address_has_no_session(case, quota):
    with boa.reverts("quota: session not open"):
        quota.enrol(ZERO_ADDRESS, 1, 0, False, sender=case.stranger)
    assert case.sessions.session_id(ZERO_ADDRESS, 1, word(0)) >> 128 == 1
