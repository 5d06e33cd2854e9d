# SPDX-License-Identifier: Apache-2.0
"""The rate card: every price parameter of one version, as the contract holds it.

Units are in the names: `_wei` is wei of COR, `_bps` is basis points (1/10000). The order of the
attributes is the order of the Solidity ABI struct, so `abi_tuple` needs no table of its own.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from cortensor.errors import InvalidInput
from cortensor.pricing.bits import require_uint
from cortensor.pricing.money import parse_wei

BPS = 10_000


class _Shape(NamedTuple):
    bits: int
    length: int  # 0 for a scalar


_SHAPES: Mapping[str, _Shape] = MappingProxyType(
    {
        "task_wei": _Shape(96, 0),
        "input_unit_wei": _Shape(64, 4),
        "output_unit_wei": _Shape(64, 4),
        "validator_unit_wei": _Shape(64, 0),
        "sla_bps": _Shape(16, 4),
        "execution_depth_bps": _Shape(16, 0),
        "tool_depth_bps": _Shape(16, 0),
        "validator_depth_bps": _Shape(16, 0),
        "redundancy_bps": _Shape(16, 3),
        "consensus_bps": _Shape(16, 8),
        "threshold_bps": _Shape(16, 0),
        "disagreement_bps": _Shape(16, 3),
        "failed_rebate_bps": _Shape(16, 0),
        "late_rebate_bps": _Shape(16, 0),
        "missing_rebate_bps": _Shape(16, 0),
        "volume_rebate_bps": _Shape(16, 4),
        "node_share_bps": _Shape(16, 0),
        "validator_share_bps": _Shape(16, 0),
    }
)


class RateCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of the prices; checked when built.

    Raises:
        InvalidInput: naming the field at fault (`card.<name>` or `card.<name>[i]`).
    """

    task_wei: int
    input_unit_wei: tuple[int, ...]
    output_unit_wei: tuple[int, ...]
    validator_unit_wei: int
    sla_bps: tuple[int, ...]
    execution_depth_bps: int
    tool_depth_bps: int
    validator_depth_bps: int
    redundancy_bps: tuple[int, ...]
    consensus_bps: tuple[int, ...]
    threshold_bps: int
    disagreement_bps: tuple[int, ...]
    failed_rebate_bps: int
    late_rebate_bps: int
    missing_rebate_bps: int
    volume_rebate_bps: tuple[int, ...]
    node_share_bps: int
    validator_share_bps: int

    def __post_init__(self) -> None:
        """Check widths, lengths and the relations the contract checks on `publish`."""
        for name, shape in _SHAPES.items():
            _check_shape(name, getattr(self, name), shape)
        low, middle, high = self.redundancy_bps
        if not low <= middle <= high:
            raise InvalidInput("must not fall with more replicas", field="card.redundancy_bps")
        if self.missing_rebate_bps > BPS:
            raise InvalidInput("must be at most 10000", field="card.missing_rebate_bps")
        if self.failed_rebate_bps > self.missing_rebate_bps:
            raise InvalidInput("must be at most missing_rebate_bps", field="card.failed_rebate_bps")
        if self.late_rebate_bps > self.failed_rebate_bps:
            raise InvalidInput("must be at most failed_rebate_bps", field="card.late_rebate_bps")
        for tier, rebate in enumerate(self.volume_rebate_bps):
            if rebate > BPS:
                raise InvalidInput("must be at most 10000", field=f"card.volume_rebate_bps[{tier}]")
        if self.node_share_bps > BPS:
            raise InvalidInput("must be at most 10000", field="card.node_share_bps")
        if self.node_share_bps + self.validator_share_bps > BPS:
            raise InvalidInput(
                "must leave at most 10000 with node_share_bps", field="card.validator_share_bps"
            )

    def abi_tuple(self) -> tuple[int | tuple[int, ...], ...]:
        """Return the fields in the contract's struct order."""
        return tuple(getattr(self, name) for name in _SHAPES)

    def to_json(self) -> dict[str, str | list[str]]:
        """Return the JSON form: every integer a decimal string, arrays as lists."""
        return {
            name: str(value) if isinstance(value, int) else [str(item) for item in value]
            for name, value in zip(_SHAPES, self.abi_tuple(), strict=True)
        }

    @classmethod
    def from_abi(cls, values: Sequence[Any] | Mapping[str, Any]) -> RateCard:
        """Build a card from what a contract call returned (tuple or named fields)."""
        if isinstance(values, Mapping):
            return cls.from_json(values)
        if len(values) != len(_SHAPES):
            raise InvalidInput(f"must have {len(_SHAPES)} fields", field="card")
        return cls.from_json(dict(zip(_SHAPES, values, strict=True)))

    @classmethod
    def from_json(cls, data: object) -> RateCard:
        """Build a card from a mapping whose integers are ints or decimal strings.

        Raises:
            InvalidInput: for a missing, unknown, misshapen or out-of-range field.
        """
        if not isinstance(data, Mapping):
            raise InvalidInput("must be an object", field="card")
        for name in data:
            if name not in _SHAPES:
                raise InvalidInput("is not a field of a rate card", field=f"card.{name}")
        parsed: dict[str, Any] = {}
        for name, shape in _SHAPES.items():
            if name not in data:
                raise InvalidInput("is missing", field=f"card.{name}")
            parsed[name] = _parse(data[name], shape, f"card.{name}")
        return cls(**parsed)


def _parse(value: object, shape: _Shape, field: str) -> int | tuple[int, ...]:
    if shape.length == 0:
        return parse_wei(value, field)
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise InvalidInput(f"must be a list of {shape.length}", field=field)
    return tuple(parse_wei(item, f"{field}[{i}]") for i, item in enumerate(value))


def _check_shape(name: str, value: object, shape: _Shape) -> None:
    field = f"card.{name}"
    if shape.length == 0:
        require_uint(value, shape.bits, field)
        return
    if not isinstance(value, tuple) or len(value) != shape.length:
        raise InvalidInput(f"must have exactly {shape.length} entries", field=field)
    for i, item in enumerate(value):
        require_uint(item, shape.bits, f"{field}[{i}]")


def load_card(path: str | Path) -> RateCard:
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
    return RateCard.from_json(document["card"])
