# SPDX-License-Identifier: Apache-2.0
"""What a router may let a stake session use, given what the contract will pay when it settles."""

from __future__ import annotations

import pytest

from cortensor.chain.quota import AccountState, PermissionState, QuotaLimits, QuotaPool
from cortensor.chain.reader import drawable
from cortensor.pricing.quota import MICRO_WEI

DAY, WEEK, WINDOW = 86_400, 604_800, 20_000
UNLIMITED = QuotaLimits(2**36 - 1, 0, 0)


def account(**changes: int | bool) -> AccountState:
    fields: dict[str, int | bool] = {
        "stake": 1_000,
        "drawn": 0,
        "left_now": 100,
        "left_before": 0,
        "overage_now": 0,
        "window": WINDOW,
        "bucket": 0,
        "is_weekly": False,
        "leaving": 0,
        "withdrawable_at": 0,
        "rate_limited_until": 0,
    }
    return AccountState(**(fields | changes))


def pool(balance: int, spent: int = 0, limit: int = 10**9) -> QuotaPool:
    return QuotaPool(balance * MICRO_WEI, spent * MICRO_WEI, limit * MICRO_WEI)


def allowed(limit: int = 500, following: tuple[int, int, int] = (0, 0, 0)) -> PermissionState:
    return PermissionState(limit, 0, *following)


def left(who: AccountState, permission: PermissionState, funds: QuotaPool) -> int:
    return drawable(who, permission, funds, UNLIMITED, WINDOW * DAY + 60)


@pytest.mark.parametrize(
    ("balance", "spent", "expected"),
    [
        (99, 0, 99),  # a draw of 100 is refused whole, and so is any beyond it
        (100, 0, 600),
        (0, 0, 0),
        (500, 10**9 - 30, 30),
        (500, 10**9 + 5, 0),
    ],
)
def test_while_the_pool_is_short_no_stake_is_reached(
    balance: int, spent: int, expected: int
) -> None:
    assert left(account(), allowed(), pool(balance, spent)) == expected


def test_an_empty_quota_needs_no_pool() -> None:
    assert left(account(left_now=0), allowed(), pool(0)) == 500


@pytest.mark.parametrize(
    ("following", "expected"),
    [
        ((0, 0, WINDOW + 1), 0),  # late work of today is settled tomorrow, when nothing is allowed
        ((200, 0, WINDOW + 1), 200),
        ((900, 0, WINDOW + 1), 500),
        ((500, 800, WINDOW + 1), 200),
        ((0, 0, WINDOW + 2), 500),
        ((0, 0, 0), 500),
    ],
)
def test_the_next_windows_permission_counts_too(
    following: tuple[int, int, int], expected: int
) -> None:
    who = account(left_now=0)
    assert left(who, allowed(following=following), pool(0)) == expected


@pytest.mark.parametrize(
    ("withdrawable_at", "expected"),
    [((WINDOW + 2) * DAY - 1, 50), ((WINDOW + 2) * DAY, 350), (WINDOW * DAY, 50)],
)
def test_stake_that_may_be_gone_when_it_settles_does_not_count(
    withdrawable_at: int, expected: int
) -> None:
    who = account(left_now=0, stake=50, leaving=300, withdrawable_at=withdrawable_at)
    assert left(who, allowed(), pool(0)) == expected


def test_a_weeks_windows_are_weeks() -> None:
    who = account(
        left_now=0, stake=50, leaving=300, is_weekly=True, window=2_900,
        withdrawable_at=2_902 * WEEK - 1,
    )  # fmt: skip
    assert left(who, allowed(), pool(0)) == 50


def test_what_was_used_of_the_permission_is_gone() -> None:
    who = account(left_now=0, overage_now=450)
    assert left(who, allowed(), pool(0)) == 50
    assert left(account(left_now=0, overage_now=600), allowed(), pool(0)) == 0
