# SPDX-License-Identifier: Apache-2.0
"""Deploying StakeQuota."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.protocol import ZERO_ADDRESS, deployer_of
from tests.contracts.unit.quota.conftest import (
    COOLDOWN,
    DAY,
    MICRO,
    RATES,
    SUPPLY,
    Limits,
    deploy_quota,
)

U56 = 2**56 - 1


def test_keeps_what_it_was_given(case):
    fresh = deploy_quota(case.owner, case.cor, limits=Limits(7, 5, 3), spending=9 * MICRO)
    assert_event(fresh, "RatesSet", old_rates=[0] * 12, new_rates=list(RATES), effective_at=0)
    assert_event(fresh, "LimitsSet", old_limits=(0, 0, 0), new_limits=(7, 5, 3))
    assert_event(fresh, "SpendingLimitSet", old_limit=0, new_limit=9 * MICRO)
    assert fresh.owner() == case.owner
    assert fresh.TOKEN() == case.cor.address
    assert fresh.COOLDOWN_SECONDS() == COOLDOWN
    assert fresh.limits() == (7, 5, 3)
    assert fresh.rates() == (list(RATES), list(RATES), 0)
    assert fresh.pool() == (0, 0, 9 * MICRO)
    assert fresh.payment() == ZERO_ADDRESS


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"owner": ZERO_ADDRESS}, "quota: zero owner"),
        ({"cooldown": 14 * DAY}, "quota: cool-down too short"),
        ({"cooldown": 60 * DAY + 1}, "quota: cool-down too long"),
        ({"token": "0x" + "77" * 20}, "token: no code"),
        ({"rates": (*RATES[:11], 2**20)}, "rules: rate exceeds words"),
        ({"limits": Limits(2**36)}, "rules: cap exceeds words"),
        ({"limits": Limits(1, 1, 0)}, "rules: rate without burst"),
        ({"spending": MICRO + 1}, "funds: limit not whole micro"),
        ({"spending": 2**56 * MICRO}, "funds: limit exceeds words"),
    ],
)
def test_refuses_what_does_not_fit(case, changes, reason):
    arguments = {"owner": case.owner, "token": case.cor} | changes
    with boa.reverts(reason):
        deploy_quota(**arguments)


def test_refuses_a_supply_that_the_words_cannot_hold(case):
    with boa.env.prank(case.deployer):
        huge = deployer_of("mocks/MockCOR").deploy(U56 * MICRO + 1)
        whole = deployer_of("mocks/MockCOR").deploy(U56 * MICRO)
    with boa.reverts("token: supply exceeds words"):
        deploy_quota(case.owner, huge)
    assert deploy_quota(case.owner, whole).TOKEN() == whole.address


def test_takes_the_edges(case):
    for cooldown in (14 * DAY + 1, 60 * DAY):
        fresh = deploy_quota(
            case.owner,
            case.cor,
            cooldown=cooldown,
            rates=(2**20 - 1,) * 12,
            limits=Limits(2**36 - 1, 2**32 - 1, 2**16 - 1),
            spending=U56 * MICRO,
        )
        assert fresh.COOLDOWN_SECONDS() == cooldown
        assert fresh.rates()[0] == [2**20 - 1] * 12
        assert fresh.limits() == (2**36 - 1, 2**32 - 1, 2**16 - 1)
        assert fresh.pool()[2] == U56 * MICRO
    assert SUPPLY < U56 * MICRO
