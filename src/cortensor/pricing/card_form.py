# SPDX-License-Identifier: Apache-2.0
"""What cards of parameters have in common: named whole numbers and lists of them, and their forms.

A card's attributes stand in the order of the contract's struct, so `abi_tuple` needs no table of
its own.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import msgspec

from cortensor.errors import InvalidInput
from cortensor.pricing.bits import require_uint
from cortensor.pricing.money import parse_wei


class Shape(NamedTuple):
    """How wide an integer is, and how many of them there are; 0 for one that is no list."""

    bits: int
    length: int = 0


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of some parameters; a card's own class names its fields and their shapes."""

    NAME: ClassVar[str]
    SHAPES: ClassVar[Mapping[str, Shape]]

    def check_shapes(self) -> None:
        """Raise InvalidInput, naming the field, for one of another type, width or length."""
        for name, shape in self.SHAPES.items():
            value, field = getattr(self, name), f"card.{name}"
            if shape.length == 0:
                require_uint(value, shape.bits, field)
                continue
            if not isinstance(value, tuple) or len(value) != shape.length:
                raise InvalidInput(f"must have exactly {shape.length} entries", field=field)
            for place, item in enumerate(value):
                require_uint(item, shape.bits, f"{field}[{place}]")

    def abi_tuple(self) -> tuple[int | tuple[int, ...], ...]:
        """Return the fields in the contract's struct order."""
        return tuple(getattr(self, name) for name in self.SHAPES)

    def to_json(self) -> dict[str, str | list[str]]:
        """Return the JSON form: every integer a decimal string, arrays as lists."""
        return {
            name: str(value) if isinstance(value, int) else [str(item) for item in value]
            for name, value in zip(self.SHAPES, self.abi_tuple(), strict=True)
        }

    @classmethod
    def from_abi(cls, values: Sequence[Any] | Mapping[str, Any]) -> Self:
        """Build a card from what a contract call returned (tuple or named fields).

        Raises:
            InvalidInput: it has other fields, or one is wrong.
        """
        if isinstance(values, Mapping):
            return cls.from_json(values)
        if len(values) != len(cls.SHAPES):
            raise InvalidInput(f"must have {len(cls.SHAPES)} fields", field="card")
        return cls.from_json(dict(zip(cls.SHAPES, values, strict=True)))

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Build a card from a mapping whose integers are ints or decimal strings.

        Raises:
            InvalidInput: for a missing, unknown, misshapen or out-of-range field.
        """
        if not isinstance(data, Mapping):
            raise InvalidInput("must be an object", field="card")
        for name in data:
            if name not in cls.SHAPES:
                raise InvalidInput(f"is not a field of a {cls.NAME}", field=f"card.{name}")
        parsed: dict[str, Any] = {}
        for name, shape in cls.SHAPES.items():
            if name not in data:
                raise InvalidInput("is missing", field=f"card.{name}")
            parsed[name] = _parse(data[name], shape, f"card.{name}")
        return cls(**parsed)

    @classmethod
    def load(cls, path: str | Path) -> Self:
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
        return cls.from_json(document["card"])


def _parse(value: object, shape: Shape, field: str) -> int | tuple[int, ...]:
    if shape.length == 0:
        return parse_wei(value, field)
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise InvalidInput(f"must be a list of {shape.length}", field=field)
    return tuple(parse_wei(item, f"{field}[{place}]") for place, item in enumerate(value))
