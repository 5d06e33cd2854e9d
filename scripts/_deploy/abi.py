# SPDX-License-Identifier: Apache-2.0
"""Values of an ABI as JSON and back: integers as decimal strings, structs by field name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eth_abi import encode as abi_encode
from eth_utils import to_checksum_address
from eth_utils.abi import collapse_if_tuple

from cortensor.errors import InvalidInput

Parameter = Mapping[str, Any]


def constructor_inputs(abi: Sequence[Mapping[str, Any]]) -> list[Parameter]:
    """Return the constructor's parameters; none if the ABI has no constructor."""
    for entry in abi:
        if entry["type"] == "constructor":
            return list(entry["inputs"])
    return []


def function_inputs(abi: Sequence[Mapping[str, Any]], name: str) -> list[Parameter]:
    """Return the parameters of the only function of that name."""
    return next(list(e["inputs"]) for e in abi if e["type"] == "function" and e["name"] == name)


def signature(abi: Sequence[Mapping[str, Any]], name: str) -> str:
    """Return the canonical signature of the only function of that name."""
    types = [collapse_if_tuple(dict(parameter)) for parameter in function_inputs(abi, name)]
    return f"{name}({','.join(types)})"


def to_json(parameter: Parameter, value: Any) -> Any:
    """Return a value in its JSON form."""
    kind = parameter["type"]
    if kind.endswith("]"):
        item = {**parameter, "type": kind[: kind.rindex("[")]}
        return [to_json(item, entry) for entry in value]
    if kind == "tuple":
        parts = parameter["components"]
        return {p["name"]: to_json(p, v) for p, v in zip(parts, value, strict=True)}
    if kind.startswith(("uint", "int")):
        return str(value)
    if kind.startswith("bytes"):
        return "0x" + bytes(value).hex()
    return value


def from_json(parameter: Parameter, value: Any) -> Any:
    """Return the value that `to_json` wrote.

    Raises:
        InvalidInput: if the JSON does not fit the type.
    """
    kind, name = parameter["type"], parameter.get("name", "")
    try:
        if kind.endswith("]"):
            item = {**parameter, "type": kind[: kind.rindex("[")]}
            return [from_json(item, entry) for entry in value]
        if kind == "tuple":
            return tuple(from_json(p, value[p["name"]]) for p in parameter["components"])
        if kind.startswith(("uint", "int")):
            return int(value)
        if kind.startswith("bytes"):
            return bytes.fromhex(value.removeprefix("0x"))
        if kind == "address":
            return to_checksum_address(value)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"is not a {kind}", field=name) from error
    return value


def encode_json(inputs: Sequence[Parameter], values: Mapping[str, Any]) -> bytes:
    """Return the ABI encoding of named JSON values.

    Raises:
        InvalidInput: for a missing, unknown or misshapen argument.
    """
    names = [parameter["name"] for parameter in inputs]
    if sorted(names) != sorted(values):
        raise InvalidInput(f"must be exactly {', '.join(names) or 'empty'}", field="arguments")
    types = [collapse_if_tuple(dict(parameter)) for parameter in inputs]
    return abi_encode(types, [from_json(p, values[p["name"]]) for p in inputs])
