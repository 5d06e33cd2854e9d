# SPDX-License-Identifier: Apache-2.0
"""What a call's bytes are: zero and other bytes, and what each argument adds to the units.

An argument's units are what the transaction would be charged for less without it: the call is
encoded anew, signed bytes and all, and compressed again. They do not add up to the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from msgspec import Struct

from cortensor.gas.arbitrum import poster_units
from cortensor.gas.envelope import parse_envelope, with_data
from cortensor.receipts.keccak import keccak256

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cortensor.gas.known import Abi
    from cortensor.gas.transaction import Transaction

SELECTOR_BYTES = 4


class Argument(NamedTuple):
    """An argument, or a field of one: its bytes in the calldata, and the units that it adds."""

    name: str
    type: str
    bytes: int
    units: int | None


class Calldata(Struct, frozen=True):
    """A transaction's calldata. `units` is None where the node does not give its signed bytes."""

    function: str | None
    selector: str | None
    zero_bytes: int
    nonzero_bytes: int
    units: int | None
    arguments: list[Argument]


class _Without(NamedTuple):
    """A call with one argument left out."""

    name: str
    type: str
    inputs: list[dict[str, Any]]
    values: list[Any]


def read_calldata(transaction: Transaction, abi: Abi | None, brotli_level: int) -> Calldata:
    """Return what a transaction's calldata is made of.

    Args:
        transaction: it.
        abi: of the contract that it calls; None if nobody has it.
        brotli_level: the chain's.
    """
    units = None if transaction.raw is None else poster_units(transaction.raw, brotli_level)
    plain = Calldata(
        None, None, transaction.zero_bytes, transaction.nonzero_bytes, units, arguments=[]
    )
    if transaction.to is None or len(transaction.data) < SELECTOR_BYTES:
        return plain
    selector = transaction.data[:SELECTOR_BYTES]
    plain = Calldata(None, f"0x{selector.hex()}", plain.zero_bytes, plain.nonzero_bytes, units, [])
    function = _function(abi or [], selector)
    if function is None:
        return plain
    return Calldata(
        signature(function),
        plain.selector,
        plain.zero_bytes,
        plain.nonzero_bytes,
        units,
        _arguments(transaction, function, brotli_level, units),
    )


def signature(entry: dict[str, Any]) -> str:
    """Return the signature of a function or event, such as `top_up(uint256,uint256)`."""
    return f"{entry['name']}({','.join(_type(each) for each in entry['inputs'])})"


def _type(entry: dict[str, Any]) -> str:
    kind = str(entry["type"])
    if not kind.startswith("tuple"):
        return kind
    inside = ",".join(_type(each) for each in entry["components"])
    return f"({inside}){kind.removeprefix('tuple')}"


def _function(abi: Abi, selector: bytes) -> dict[str, Any] | None:
    for entry in abi:
        if entry.get("type") != "function":
            continue
        if keccak256(signature(entry).encode())[:SELECTOR_BYTES] == selector:
            return entry
    return None


def _arguments(
    transaction: Transaction, function: dict[str, Any], level: int, units: int | None
) -> list[Argument]:
    inputs, body = function["inputs"], transaction.data[SELECTOR_BYTES:]
    try:
        values = list(decode([_type(each) for each in inputs], body))
        whole = _encode(inputs, values)
    except (DecodingError, EncodingError):
        return []
    if whole != body:
        return []  # encoded in a way of its own: what is left out would not be comparable
    envelope = None if transaction.raw is None else parse_envelope(transaction.raw)
    found = []
    for each in _without(inputs, values):
        shorter = _encode(each.inputs, each.values)
        added = None
        if envelope is not None and units is not None:
            less = with_data(envelope, transaction.data[:SELECTOR_BYTES] + shorter)
            added = units - poster_units(less, level)
        found.append(Argument(each.name, each.type, len(body) - len(shorter), added))
    return found


def _encode(inputs: Sequence[dict[str, Any]], values: Sequence[Any]) -> bytes:
    return encode([_type(each) for each in inputs], values)


def _without(inputs: Sequence[dict[str, Any]], values: Sequence[Any]) -> Iterator[_Without]:
    """Yield a call for each argument, and for each field of a struct, that lacks it alone."""
    for place, entry in enumerate(inputs):
        before, after = list(inputs[:place]), list(inputs[place + 1 :])
        first, rest = list(values[:place]), list(values[place + 1 :])
        fields = entry.get("components") or []
        if entry["type"] == "tuple" and len(fields) > 1:
            for each in _without(fields, values[place]):
                changed = {**entry, "components": each.inputs}
                yield _Without(
                    f"{entry['name']}.{each.name}",
                    each.type,
                    [*before, changed, *after],
                    [*first, tuple(each.values), *rest],
                )
        else:
            yield _Without(entry["name"], _type(entry), [*before, *after], [*first, *rest])
