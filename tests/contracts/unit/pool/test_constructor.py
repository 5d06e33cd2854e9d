# SPDX-License-Identifier: Apache-2.0
"""StakePool.__init__: whom it trusts, its windows, shares and minima, the token's supply."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.protocol import (
    APPEAL_SECONDS,
    COOLDOWN_SECONDS,
    COVER_BPS,
    MIN_BOND,
    NODE_STAKE,
    SLASH_CAP_BPS,
    U96,
    ZERO_ADDRESS,
    deployer_of,
)

DAY = 86_400


def test_facts(protocol, deployed):
    pool = deployed(resolve_seconds=APPEAL_SECONDS + 1)
    assert pool.owner() == protocol.owner
    assert pool.TOKEN() == protocol.cor.address
    assert pool.treasury() == protocol.treasury
    assert pool.slasher() == protocol.slasher
    assert pool.COOLDOWN_SECONDS() == COOLDOWN_SECONDS
    assert pool.NODE_STAKE_WEI() == NODE_STAKE
    assert pool.MIN_BOND_WEI() == MIN_BOND
    assert pool.COVER_BPS() == COVER_BPS
    assert pool.SLASH_CAP_BPS() == SLASH_CAP_BPS
    assert pool.APPEAL_SECONDS() == APPEAL_SECONDS
    assert pool.RESOLVE_SECONDS() == APPEAL_SECONDS + 1


def test_starts_bound_to_nothing(deployed):
    pool = deployed()
    assert pool.payment() == ZERO_ADDRESS
    assert pool.dispute() == ZERO_ADDRESS
    assert pool.cover(1) == 0


def test_events(protocol, deployed):
    pool = deployed()
    assert_event(pool, "SlasherChanged", old_slasher=ZERO_ADDRESS, new_slasher=protocol.slasher)
    assert_event(pool, "TreasuryChanged", old_treasury=ZERO_ADDRESS, new_treasury=protocol.treasury)


def test_a_slasher_is_optional(deployed):
    assert deployed(slasher=ZERO_ADDRESS).slasher() == ZERO_ADDRESS


@pytest.mark.parametrize(
    ("part", "reason"), [("owner", "pool: zero owner"), ("treasury", "pool: zero treasury")]
)
def test_refuses_nobody(deployed, part, reason):
    with boa.reverts(reason):
        deployed(**{part: ZERO_ADDRESS})


def test_refuses_a_token_without_code(protocol, deployed):
    with boa.reverts("token: no code"):
        deployed(token=protocol.stranger)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("cooldown_seconds", 0, "pool: zero cool-down"),
        ("cooldown_seconds", 60 * DAY + 1, "pool: cool-down too long"),
        ("node_stake_wei", 0, "pool: zero node stake"),
        ("cover_bps", 0, "pool: zero cover"),
        ("cover_bps", 1_000_001, "pool: cover too large"),
        ("slash_cap_bps", 0, "pool: zero slash cap"),
        ("slash_cap_bps", 10_001, "pool: slash cap too large"),
        ("appeal_seconds", 0, "pool: zero appeal window"),
        ("appeal_seconds", 30 * DAY + 1, "pool: appeal window too long"),
        ("resolve_seconds", 0, "pool: zero resolve window"),
        (
            "resolve_seconds",
            COOLDOWN_SECONDS - APPEAL_SECONDS + 1,
            "pool: appeal outlasts cooldown",
        ),
        ("resolve_seconds", COOLDOWN_SECONDS + 1, "pool: appeal outlasts cooldown"),
        ("resolve_seconds", 2**256 - 1, "pool: appeal outlasts cooldown"),
    ],
)
def test_refuses_numbers_out_of_range(deployed, field, value, reason):
    with boa.reverts(reason):
        deployed(**{field: value})


def test_numbers_at_their_limits(deployed):
    largest = deployed(
        cooldown_seconds=60 * DAY,
        appeal_seconds=30 * DAY,
        resolve_seconds=30 * DAY,
        cover_bps=1_000_000,
        slash_cap_bps=10_000,
    )
    assert largest.COOLDOWN_SECONDS() == 60 * DAY
    least = deployed(
        cooldown_seconds=2,
        appeal_seconds=1,
        resolve_seconds=1,
        cover_bps=1,
        slash_cap_bps=1,
        node_stake_wei=1,
        min_bond_wei=0,
    )
    assert least.APPEAL_SECONDS() == 1


def test_the_tokens_supply_must_fit_uint96(deployed):
    token = deployer_of("mocks/MockCOR")
    assert deployed(token=token.deploy(U96)).cover(1) == 0
    with boa.reverts("token: supply exceeds words"):
        deployed(token=token.deploy(U96 + 1))
