# SPDX-License-Identifier: Apache-2.0
"""SessionPayment.__init__: whom it trusts, its windows, the token's supply."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.protocol import (
    BUCKET_SECONDS,
    CHALLENGE_WINDOW_SECONDS,
    SETTLE_WINDOW_SECONDS,
    U96,
    ZERO_ADDRESS,
    deploy_payment,
    deployer_of,
)

LONGEST = 30 * 86_400


def deployed(protocol, **changes: object):
    """Deploy an escrow like the protocol's, with changes."""
    parts = {
        "owner": protocol.owner,
        "guardian": protocol.guardian,
        "token": protocol.cor,
        "table": protocol.table,
        "anchor": protocol.anchor,
        "pool": protocol.pool,
        "quota": protocol.quota,
    }
    return deploy_payment(**parts | changes)


def test_facts(protocol, payment):
    assert payment.owner() == protocol.owner
    assert payment.control() == (protocol.guardian, False, False)
    assert payment.TOKEN() == protocol.cor.address
    assert payment.TABLE() == protocol.table.address
    assert payment.ANCHOR() == protocol.anchor.address
    assert payment.POOL() == protocol.pool.address
    assert payment.QUOTA() == protocol.quota.address
    assert payment.SETTLE_WINDOW_SECONDS() == SETTLE_WINDOW_SECONDS
    assert payment.CHALLENGE_WINDOW_SECONDS() == CHALLENGE_WINDOW_SECONDS
    assert payment.BUCKET_SECONDS() == BUCKET_SECONDS


def test_starts_empty(protocol):
    payment = deployed(protocol)
    assert payment.router_count() == 0
    assert payment.adopted_version() == 1
    assert [payment.pot(pot) for pot in range(3)] == [(0, ZERO_ADDRESS)] * 3


def test_events(protocol):
    payment = deployed(protocol)
    assert_event(
        payment, "GuardianChanged", old_guardian=ZERO_ADDRESS, new_guardian=protocol.guardian
    )
    assert_event(payment, "CardAdopted", old_version=0, new_version=1)


def test_a_guardian_is_optional(protocol):
    assert deployed(protocol, guardian=ZERO_ADDRESS).control() == (ZERO_ADDRESS, False, False)


def test_refuses_nobody_as_owner(protocol):
    with boa.reverts("payment: zero owner"):
        deployed(protocol, owner=ZERO_ADDRESS)


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("token", "token: no code"),
        ("table", "gate: table has no code"),
        ("anchor", "payment: anchor has no code"),
        ("pool", "payment: pool has no code"),
        ("quota", "pot: quota has no code"),
    ],
)
def test_refuses_accounts_without_code(protocol, part, reason):
    with boa.reverts(reason):
        deployed(protocol, **{part: protocol.stranger})


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("settle_window", 0, "session: zero settle window"),
        ("settle_window", LONGEST + 1, "session: settle window too long"),
        ("challenge_window", LONGEST + 1, "router: challenge too long"),
        ("bucket", 0, "router: zero bucket"),
        ("bucket", LONGEST + 1, "router: bucket too long"),
    ],
)
def test_refuses_windows_out_of_range(protocol, field, value, reason):
    with boa.reverts(reason):
        deployed(protocol, **{field: value})


def test_windows_at_their_limits(protocol):
    longest = deployed(protocol, settle_window=LONGEST, challenge_window=LONGEST, bucket=LONGEST)
    assert longest.SETTLE_WINDOW_SECONDS() == LONGEST
    shortest = deployed(protocol, settle_window=1, challenge_window=0, bucket=1)
    assert shortest.CHALLENGE_WINDOW_SECONDS() == 0


def test_the_tokens_supply_must_fit_uint96(protocol):
    token = deployer_of("mocks/MockCOR")
    assert deployed(protocol, token=token.deploy(U96)).router_count() == 0
    with boa.reverts("token: supply exceeds words"):
        deployed(protocol, token=token.deploy(U96 + 1))
