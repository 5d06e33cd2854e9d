# SPDX-License-Identifier: Apache-2.0
"""The reward card: every parameter of one version, as NodeReward holds it.

Units are in the names: `_bps` is basis points (1/10000), `_wei` wei of COR. The order of the
attributes is the order of the contract's struct, so `abi_tuple` needs no table of its own.
"""

from __future__ import annotations

from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

from cortensor.errors import InvalidInput
from cortensor.pricing.card_form import Card, Shape
from cortensor.rewards.words import BPS, MAX_LEVEL

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVELS = MAX_LEVEL + 1
_SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "level_bps": Shape(16, LEVELS),
        "min_streak": Shape(16, LEVELS),
        "min_rate_bps": Shape(16, LEVELS),
        "breadth_gain_bps": Shape(16),
        "breadth_half": Shape(16),
        "max_models": Shape(16),
        "cap_bps": Shape(16),
        "min_tasks": Shape(32),
        "min_uptime_bps": Shape(16),
        "margin_bps": Shape(16),
        "budget_cap_wei": Shape(96),
    }
)


class RewardCard(Card, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of the parameters; checked when built.

    Attributes:
        level_bps: what a level multiplies by, levels 0 to 10; not 0, never falls.
        min_streak: successes in a row that a level asks for; 0 at level 0, never falls.
        min_rate_bps: share of successes a level asks for; 0 at level 0, never falls.
        breadth_gain_bps: what ever more models approach, at most 10,000.
        breadth_half: models beyond the first that earn half of that gain.
        max_models: models beyond this many add nothing.
        cap_bps: the share of the budget that one operator gets at most.
        min_tasks: tasks of an epoch below which a node is paid nothing and does not rise.
        min_uptime_bps: uptime below which a node is paid nothing and falls.
        margin_bps: how far under its level's rate a node may be without falling.
        budget_cap_wei: the most that one epoch draws from the fund.

    Raises:
        InvalidInput: naming the field at fault (`card.<name>` or `card.<name>[i]`).
    """

    NAME = "reward card"
    SHAPES = _SHAPES

    level_bps: tuple[int, ...]
    min_streak: tuple[int, ...]
    min_rate_bps: tuple[int, ...]
    breadth_gain_bps: int
    breadth_half: int
    max_models: int
    cap_bps: int
    min_tasks: int
    min_uptime_bps: int
    margin_bps: int
    budget_cap_wei: int

    def __post_init__(self) -> None:
        """Check widths, lengths and the relations the contract checks on `publish`."""
        self.check_shapes()
        for name in ("level_bps", "min_streak", "min_rate_bps"):
            if any(low > high for low, high in pairwise(getattr(self, name))):
                raise InvalidInput("must not fall with the level", field=f"card.{name}")
        for name in ("min_streak", "min_rate_bps"):
            if getattr(self, name)[0]:
                raise InvalidInput("must be 0 at level 0", field=f"card.{name}[0]")
        if not self.level_bps[0]:
            raise InvalidInput("must be at least 1", field="card.level_bps[0]")
        for name in ("breadth_half", "max_models", "cap_bps", "min_tasks", "budget_cap_wei"):
            if not getattr(self, name):
                raise InvalidInput("must be at least 1", field=f"card.{name}")
        names = ("breadth_gain_bps", "cap_bps", "min_uptime_bps", "margin_bps")
        shares = {name: getattr(self, name) for name in names}
        shares["min_rate_bps[10]"] = self.min_rate_bps[MAX_LEVEL]
        for name, value in shares.items():
            if value > BPS:
                raise InvalidInput(f"must be at most {BPS}", field=f"card.{name}")
