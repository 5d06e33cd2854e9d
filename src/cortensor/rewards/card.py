# SPDX-License-Identifier: Apache-2.0
"""The reward card: every parameter of one version, as NodeReward holds it.

Units are in the names: `_bps` is basis points (1/10000), `_wei` wei of COR. The order of the
attributes is the order of the contract's struct, so `abi_tuple` needs no table of its own.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from cortensor.errors import InvalidInput
from cortensor.pricing.bits import require_uint
from cortensor.pricing.money import parse_wei
from cortensor.rewards.words import BPS, MAX_LEVEL

LEVELS = MAX_LEVEL + 1
_LISTS = ("level_bps", "min_streak", "min_rate_bps")
_BITS: Mapping[str, int] = MappingProxyType(
    {
        "level_bps": 16,
        "min_streak": 16,
        "min_rate_bps": 16,
        "breadth_gain_bps": 16,
        "breadth_half": 16,
        "max_models": 16,
        "cap_bps": 16,
        "min_tasks": 32,
        "min_uptime_bps": 16,
        "margin_bps": 16,
        "budget_cap_wei": 96,
    }
)


class RewardCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
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
        for name, bits in _BITS.items():
            _check_shape(name, getattr(self, name), bits)
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

    def abi_tuple(self) -> tuple[int | tuple[int, ...], ...]:
        """Return the fields in the contract's struct order."""
        return tuple(getattr(self, name) for name in _BITS)

    def to_json(self) -> dict[str, str | list[str]]:
        """Return the JSON form: every integer a decimal string, levels as lists."""
        return {
            name: str(value) if isinstance(value, int) else [str(item) for item in value]
            for name, value in zip(_BITS, self.abi_tuple(), strict=True)
        }

    @classmethod
    def from_abi(cls, values: Sequence[Any]) -> RewardCard:
        """Build a card from the tuple that a contract call returned. Raises InvalidInput."""
        if len(values) != len(_BITS):
            raise InvalidInput(f"must have {len(_BITS)} fields", field="card")
        return cls.from_json(dict(zip(_BITS, values, strict=True)))

    @classmethod
    def from_json(cls, data: object) -> RewardCard:
        """Build a card from a mapping whose integers are ints or decimal strings.

        Raises:
            InvalidInput: for a missing, unknown, misshapen or out-of-range field.
        """
        if not isinstance(data, Mapping):
            raise InvalidInput("must be an object", field="card")
        for name in data:
            if name not in _BITS:
                raise InvalidInput("is not a field of a reward card", field=f"card.{name}")
        parsed: dict[str, Any] = {}
        for name in _BITS:
            if name not in data:
                raise InvalidInput("is missing", field=f"card.{name}")
            parsed[name] = _parse(data[name], f"card.{name}", is_list=name in _LISTS)
        return cls(**parsed)


def _check_shape(name: str, value: object, bits: int) -> None:
    field = f"card.{name}"
    if name not in _LISTS:
        require_uint(value, bits, field)
        return
    if not isinstance(value, tuple) or len(value) != LEVELS:
        raise InvalidInput(f"must have exactly {LEVELS} entries", field=field)
    for level, item in enumerate(value):
        require_uint(item, bits, f"{field}[{level}]")
    if any(low > high for low, high in pairwise(value)):
        raise InvalidInput("must not fall with the level", field=field)


def _parse(value: object, field: str, *, is_list: bool) -> int | tuple[int, ...]:
    if not is_list:
        return parse_wei(value, field)
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise InvalidInput(f"must be a list of {LEVELS}", field=field)
    return tuple(parse_wei(item, f"{field}[{i}]") for i, item in enumerate(value))


def load_reward_card(path: str | Path) -> RewardCard:
    """Read the `[card]` table of a TOML file; keys are the struct's field names.

    Raises:
        InvalidInput: if the file cannot be read or parsed, or a field is wrong.
    """
    try:
        with Path(path).open("rb") as file:
            document = tomllib.load(file)
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}", field="card") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is not TOML: {error}", field="card") from error
    if "card" not in document:
        raise InvalidInput(f"{path} has no [card] table", field="card")
    return RewardCard.from_json(document["card"])
