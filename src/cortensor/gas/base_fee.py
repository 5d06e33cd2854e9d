# SPDX-License-Identifier: Apache-2.0
"""How Nitro moves a block's base fee: by the gas that was used beyond a target, and not worked off.

Two models. The older has one backlog. From ArbOS 50 a chain may have several *constraints*, each a
target, a window and a backlog; the fee grows with the sum of their excesses. Both are drained by
time at the start of a block, which also sets the fee of the next, and filled by what its
transactions use. Formulas: OffchainLabs/nitro, arbos/l2pricing/model.go, as read at 6dce8d13.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

BPS = 10_000
_TERMS = (3, 2, 1)


def exp_bps(exponent_bps: int) -> int:
    """Return e to the power of x, both in basis points: four terms of the series, as ArbOS does.

    Args:
        exponent_bps: x, from 0.
    """
    result = BPS + exponent_bps // (len(_TERMS) + 1)
    for term in _TERMS:
        result = BPS + result * exponent_bps // (term * BPS)
    return result


class OneBacklog(NamedTuple):
    """The older model. Gas, gas a second, wei; `tolerance` is seconds of backlog that cost nothing.

    `inertia` is how many seconds of excess multiply the fee by e.
    """

    min_base_fee: int
    speed_limit: int
    inertia: int
    tolerance: int
    backlog: int

    def after(self, seconds: int) -> OneBacklog:
        """Return it with what so many seconds work off."""
        left = max(0, self.backlog - seconds * self.speed_limit)
        return self._replace(backlog=left)

    def with_used(self, gas: int) -> OneBacklog:
        """Return it after transactions that used so much gas, for bytes not counted."""
        return self._replace(backlog=self.backlog + gas)

    def base_fee(self) -> int:
        """Return the fee that this backlog makes, in wei."""
        excess = self.backlog - self.tolerance * self.speed_limit
        if excess <= 0:
            return self.min_base_fee
        exponent = excess * BPS // (self.inertia * self.speed_limit)
        return self.min_base_fee * exp_bps(exponent) // BPS


class Constraint(NamedTuple):
    """A target in gas a second, over a window of seconds; `backlog` is gas beyond it."""

    target: int
    window: int
    backlog: int

    def after(self, seconds: int) -> Constraint:
        """Return it with what so many seconds work off."""
        return self._replace(backlog=max(0, self.backlog - seconds * self.target))

    def exponent_bps(self) -> int:
        """Return what it adds to the exponent, in basis points."""
        return self.backlog * BPS // (self.window * self.target) if self.backlog else 0


class Constraints(NamedTuple):
    """The model of ArbOS 50 and later, where constraints are set."""

    min_base_fee: int
    items: tuple[Constraint, ...]

    @classmethod
    def of(cls, min_base_fee: int, items: Iterable[Constraint]) -> Constraints:
        """Return the model with constraints."""
        return cls(min_base_fee, tuple(items))

    def after(self, seconds: int) -> Constraints:
        """Return it with what so many seconds work off."""
        return self._replace(items=tuple(each.after(seconds) for each in self.items))

    def with_used(self, gas: int) -> Constraints:
        """Return it after transactions that used so much gas, for bytes not counted."""
        filled = tuple(each._replace(backlog=each.backlog + gas) for each in self.items)
        return self._replace(items=filled)

    def base_fee(self) -> int:
        """Return the fee that these backlogs make, in wei."""
        exponent = sum(each.exponent_bps() for each in self.items)
        return self.min_base_fee * exp_bps(exponent) // BPS


Controller = OneBacklog | Constraints


def next_block(controller: Controller, seconds: int, gas: int) -> tuple[int, Controller]:
    """Return the base fee that a block leaves to the next, and the controller after it.

    Args:
        controller: before the block.
        seconds: since the block before it.
        gas: what its transactions used, without what paid for bytes.
    """
    started = controller.after(seconds)
    return started.base_fee(), started.with_used(gas)
