# SPDX-License-Identifier: Apache-2.0
"""What the windows and amounts of a configuration must be to each other.

The constructors check the same: here it is found before anything is paid for, and by its key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.errors import InvalidInput
from cortensor.pricing import MAX_AMOUNT_WEI

if TYPE_CHECKING:
    from scripts._deploy.config import DeployConfig, Wei

MICRO_WEI = 10**12
MOST_BUCKETS = 63
MAX_QUOTA_SUPPLY_WEI = (2**56 - 1) * MICRO_WEI
MAX_CAP_WEI = (2**36 - 1) * MICRO_WEI
MAX_RATE_WEI = (2**32 - 1) * MICRO_WEI


def check_windows(config: DeployConfig) -> None:
    """Check every window against censorship, and cool-downs against what can still be claimed.

    Raises:
        InvalidInput: naming the key.
    """
    network, payment, dispute, pool = (
        config.network,
        config.payment,
        config.dispute,
        config.pool,
    )
    if network.forced_inclusion_seconds == 0:
        raise InvalidInput(
            "must be the real delay, or 1 where nobody else orders transactions",
            field="network.forced_inclusion_seconds",
        )
    floor = 2 * network.forced_inclusion_seconds
    windows = {
        "payment.settle_window_seconds": payment.settle_window_seconds,
        "payment.challenge_window_seconds": payment.challenge_window_seconds,
        "dispute.answer_seconds": dispute.answer_seconds,
        "dispute.grace_seconds": dispute.grace_seconds,
    }
    for key, seconds in windows.items():
        if seconds < floor:
            raise InvalidInput(
                f"must be at least {floor}, twice the forced inclusion delay", field=key
            )
    if payment.challenge_window_seconds > MOST_BUCKETS * payment.bucket_seconds:
        least = -(-payment.challenge_window_seconds // MOST_BUCKETS)
        raise InvalidInput(
            f"must be at least {least}: {MOST_BUCKETS} buckets must span the challenge window, "
            "since a session has a claim on pending money in each, and 64 in all",
            field="payment.bucket_seconds",
        )
    # A demand, and those that follow from its answer.
    demands = 2 * (dispute.answer_seconds + dispute.grace_seconds)
    claimable = payment.bucket_seconds + payment.challenge_window_seconds + demands
    if pool.cooldown_seconds <= claimable:
        raise InvalidInput(
            f"must be more than {claimable}, bucket + challenge + twice answer + grace: else a "
            "bond is gone before what it covers is decided",
            field="pool.cooldown_seconds",
        )
    if pool.appeal_seconds + pool.resolve_seconds > pool.cooldown_seconds:
        raise InvalidInput(
            f"must be at most {pool.cooldown_seconds - pool.appeal_seconds}, what the appeal "
            "leaves of the cool-down",
            field="pool.resolve_seconds",
        )


def check_amounts(config: DeployConfig) -> None:
    """Check every amount of money.

    Raises:
        InvalidInput: naming the key.
    """
    pool, quota, dispute = config.pool, config.quota, config.dispute
    wei(pool.node_stake_wei, "pool.node_stake_wei")
    min_bond = wei(pool.min_bond_wei, "pool.min_bond_wei")
    wei(dispute.penalty_wei, "dispute.penalty_wei")
    wei(dispute.deposit_wei, "dispute.deposit_wei")
    wei(quota.cap_wei, "quota.cap_wei", limit=MAX_CAP_WEI, step=MICRO_WEI)
    key = "quota.rate_wei_per_tick"
    rate = wei(quota.rate_wei_per_tick, key, least=0, limit=MAX_RATE_WEI, step=MICRO_WEI)
    if rate != 0 and quota.burst_ticks == 0:
        raise InvalidInput(
            "must not be 0 with a rate limit: nothing could ever be drawn",
            field="quota.burst_ticks",
        )
    key = "quota.spending_limit_wei"
    wei(quota.spending_limit_wei, key, least=0, limit=MAX_QUOTA_SUPPLY_WEI, step=MICRO_WEI)
    for index, router in enumerate(config.routers):
        key = f"routers[{index}].bond_wei"
        if (router.bond_wei is None) != (router.bond_owner is None):
            raise InvalidInput("goes with bond_owner", field=key)
        if router.bond_wei is not None and wei(router.bond_wei, key) < min_bond:
            raise InvalidInput(
                f"must be at least {min_bond}, pool.min_bond_wei: less covers nothing", field=key
            )


def check_supply(supply: Wei | None) -> None:
    """Check the mock token's supply against the contracts' words. Raises InvalidInput."""
    key = "token.mock_supply_wei"
    if supply is None:
        raise InvalidInput("must be from 1 to 2**96 - 1 wei", field=key)
    if wei(supply, key) > MAX_QUOTA_SUPPLY_WEI:
        raise InvalidInput("must be below 2**56 micro-COR (7.2e28 wei)", field=key)


def wei(value: Wei, key: str, *, least: int = 1, limit: int = MAX_AMOUNT_WEI, step: int = 1) -> int:
    """Return an amount of the file in wei.

    Args:
        value: decimal text, or an integer.
        key: its key, for the error.
        least: the least it may be, in wei.
        limit: the most it may be, in wei.
        step: what it must be a multiple of, in wei.

    Raises:
        InvalidInput: if it is none of these.
    """
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdecimal()):
        raise InvalidInput("must be wei as decimal digits", field=key)
    amount = int(text)
    if not least <= amount <= limit:
        most = "2**96 - 1" if limit == MAX_AMOUNT_WEI else str(limit)
        raise InvalidInput(f"must be from {least} to {most} wei", field=key)
    if amount % step:
        raise InvalidInput(f"must be a multiple of {step} wei (micro-COR)", field=key)
    return amount
