# SPDX-License-Identifier: Apache-2.0
"""What the sessions of a mix will do: drawn from a seed, the same for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eth_utils import keccak

from scripts._gas.mix.weights import (
    ESCROW,
    NONE,
    OVERAGE,
    PERMILLE,
    QUOTA,
    REPLICAS,
    VOUCHER,
    Weights,
)

ADAPTIVE = "adaptive"
FIXED_REPLICAS = {"fast": 1, "safe": 3, "oracle": 5}


class Dice:
    """Numbers from a seed: hashes of a counter, which no version of Python changes."""

    def __init__(self, seed: int) -> None:
        self._seed, self._thrown = seed, 0

    def below(self, count: int) -> int:
        """Return a number from 0 to below `count`."""
        self._thrown += 1
        word = keccak(text=f"cortensor mix {self._seed} {self._thrown}")
        return int.from_bytes(word, "big") % count

    def between(self, least: int, most: int) -> int:
        """Return a number from least to most."""
        return least + self.below(most - least + 1)

    def happens(self, permille: int) -> bool:
        """Return whether something does that happens so often in a thousand."""
        return self.below(PERMILLE) < permille

    def pick(self, permille: Mapping[str, int]) -> str:
        """Return a name, each as often as its share of a thousand."""
        left = self.below(PERMILLE)
        for name, share in permille.items():
            if left < share:
                return name
            left -= share
        raise AssertionError("the shares do not sum to 1,000")


@dataclass(frozen=True)
class Request:
    """A request: replicas that ran, and tokens of each."""

    replicas: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Planned:
    """What a session does.

    Attributes:
        number: from 0.
        route: who pays.
        tier: how many replicas it asks for.
        path: how it is checked.
        is_keyed: whether it has a session key.
        is_returning: whether its payer has opened sessions before.
        is_closed: whether its payer ends it, and takes back what is left.
        hours: hour of a settlement -> the requests that it is of.
    """

    number: int
    route: str
    tier: str
    path: str
    is_keyed: bool
    is_returning: bool
    is_closed: bool
    hours: Mapping[int, tuple[Request, ...]]

    @property
    def is_stake(self) -> bool:
        """Whether stake pays, wholly or at first."""
        return self.route in (QUOTA, OVERAGE)

    @property
    def replicas(self) -> int:
        """The most that it asks for."""
        return FIXED_REPLICAS.get(self.tier, max(REPLICAS.values()))

    @property
    def requests(self) -> int:
        """How many it sends."""
        return sum(map(len, self.hours.values()))


def draw(weights: Weights, seed: int, sessions: int) -> list[Planned]:
    """Return what so many sessions do."""
    dice = Dice(seed)
    return [_session(number, dice, weights) for number in range(sessions)]


def _session(number: int, dice: Dice, weights: Weights) -> Planned:
    habits = weights.habits_permille
    route = dice.pick(weights.route_permille)
    tier = dice.pick(weights.tier_permille)
    path = dice.pick(weights.path_permille)
    is_keyed = dice.happens(habits.session_key) or route == VOUCHER
    is_returning = dice.happens(habits.returning_payer) and route in (ESCROW, VOUCHER)
    is_closed = dice.happens(habits.closed_early) or path == NONE
    hours = {} if path == NONE else _hours(dice, weights, tier)
    return Planned(number, route, tier, path, is_keyed, is_returning, is_closed, hours)


def _hours(dice: Dice, weights: Weights, tier: str) -> dict[int, tuple[Request, ...]]:
    asked = weights.requests
    most = min(asked.settlements_per_session_max, weights.settling_hours)
    count = dice.between(min(asked.settlements_per_session_min, most), most)
    left = list(range(weights.settling_hours))
    hours = sorted(left.pop(dice.below(len(left))) for _ in range(count))
    return {
        hour: tuple(
            _request(dice, weights, tier)
            for _ in range(
                dice.between(asked.requests_per_settlement_min, asked.requests_per_settlement_max)
            )
        )
        for hour in hours
    }


def _request(dice: Dice, weights: Weights, tier: str) -> Request:
    asked = weights.requests
    if tier == ADAPTIVE:
        replicas = REPLICAS[dice.pick(weights.adaptive_replicas_permille)]
    else:
        replicas = FIXED_REPLICAS[tier]
    return Request(
        replicas,
        dice.between(asked.input_tokens_min, asked.input_tokens_max),
        dice.between(asked.output_tokens_min, asked.output_tokens_max),
    )
