# SPDX-License-Identifier: Apache-2.0
"""Reads of StakeQuota. Amounts are micro-COR (1e12 wei) unless a name says wei."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from cortensor.chain.rpc import contract, node_errors

if TYPE_CHECKING:
    from web3 import Web3

CONTRACT = "StakeQuota"


class AccountState(Struct, frozen=True):
    """A stake session's account with its current window begun; the contract's `Account`."""

    stake: int
    drawn: int
    left_now: int
    left_before: int
    overage_now: int
    window: int
    bucket: int
    is_weekly: bool
    leaving: int
    withdrawable_at: int
    rate_limited_until: int


class PermissionState(Struct, frozen=True):
    """Overage that a payer allows; the contract's `Permission`."""

    limit: int
    floor: int
    next_limit: int
    next_floor: int
    next_window: int


class QuotaLimits(Struct, frozen=True):
    """Cap of an account's quota, and the rate limit; the contract's `Limits`."""

    cap: int
    rate: int
    burst_ticks: int


class QuotaRates(Struct, frozen=True):
    """Millionths of the stake free a day by bucket, before and from `effective_at` on."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    effective_at: int


class QuotaPool(Struct, frozen=True):
    """The pool that pays for free work, in wei."""

    balance_wei: int
    spent_today_wei: int
    limit_wei: int


class Quota:
    """The stake quota at an address."""

    def __init__(self, web3: Web3, address: str) -> None:
        self._contract = contract(web3, CONTRACT, address)

    @property
    def address(self) -> str:
        """The checksummed address."""
        return str(self._contract.address)

    def account(self, session: int) -> AccountState:
        """Return a session's account; all zero if it was never enrolled."""
        with node_errors("quota account"):
            return AccountState(**_struct(self._contract.functions.account(session)))

    def permission(self, session: int) -> PermissionState:
        """Return what overage a session's payer allows."""
        with node_errors("quota permission"):
            return PermissionState(**_struct(self._contract.functions.permission(session)))

    def limits(self) -> QuotaLimits:
        """Return cap and rate limit."""
        with node_errors("quota limits"):
            return QuotaLimits(**_struct(self._contract.functions.limits()))

    def rates(self) -> QuotaRates:
        """Return what stake buys."""
        with node_errors("quota rates"):
            before, after, effective_at = self._contract.functions.rates().call()
        return QuotaRates(tuple(before), tuple(after), int(effective_at))

    def pool(self) -> QuotaPool:
        """Return the pool that pays for free work."""
        with node_errors("quota pool"):
            balance, spent, limit = self._contract.functions.pool().call()
        return QuotaPool(int(balance), int(spent), int(limit))


def _struct(call: Any) -> dict[str, Any]:
    """Call a function that returns one struct, and name its fields as the ABI does."""
    values = call.call()
    names = (part["name"] for part in call.abi["outputs"][0]["components"])
    return dict(zip(names, values, strict=True))
