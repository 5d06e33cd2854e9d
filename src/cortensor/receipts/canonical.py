# SPDX-License-Identifier: Apache-2.0
"""Canonical JSON (RFC 8785) without the parts of JSON that two programs read differently.

No floats, no integers beyond 2**53 - 1 (JavaScript would round them), no repeated keys, no lone
surrogates. Large numbers travel as decimal or hex strings.
"""

from __future__ import annotations

import json
import re
from typing import Any, cast

import msgspec
import rfc8785

from cortensor.errors import InvalidInput
from cortensor.nesting import check_nesting
from cortensor.receipts.keccak import keccak256, to_hex

MAX_SAFE_INTEGER = 2**53 - 1
MAX_DEPTH = 32
_encode = msgspec.json.Encoder(order="sorted").encode
"""Writes every string as RFC 8785 has it, and sorts keys by code point: by UTF-16, as the RFC wants
it, that is the same order where keys are ASCII."""

_LONG_INTEGER = re.compile(r"[:,\[]-?[0-9]{16}")

URN_PREFIX = "urn:cortensor:receipt:"


def check_canonical(value: object, field: str = "$", depth: int = 0) -> None:
    """Check that a value has exactly one canonical form.

    Raises:
        InvalidInput: naming the path of the first value that has none.
    """
    if depth > MAX_DEPTH:
        raise InvalidInput(f"nests deeper than {MAX_DEPTH}", field=field)
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if abs(value) > MAX_SAFE_INTEGER:
            raise InvalidInput("integers beyond 2**53 - 1 must be strings", field=field)
    elif isinstance(value, str):
        _check_text(value, field)
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            check_canonical(item, f"{field}[{i}]", depth + 1)
    elif isinstance(value, dict):
        _check_object(value, field, depth)
    else:
        kind = type(value).__name__
        raise InvalidInput(f"{kind} has no canonical form; use integers or strings", field=field)


def _check_object(value: dict[Any, Any], field: str, depth: int) -> None:
    for key, item in value.items():
        if not isinstance(key, str):
            raise InvalidInput("keys must be strings", field=field)
        _check_text(key, field)
        check_canonical(item, f"{field}.{key}", depth + 1)


def _check_text(text: str, field: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput("holds a lone surrogate", field=field) from None


def plain_bytes(value: object) -> bytes | None:
    """Return the RFC 8785 bytes of a value without floats or keys beyond ASCII, else None.

    None also for whatever has no canonical form: ask `canonical_bytes` why. Twenty times as fast.
    """
    if not _is_plain(value, MAX_DEPTH):
        return None
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return None


def _is_plain(value: object, depth: int) -> bool:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return -MAX_SAFE_INTEGER <= cast("int", value) <= MAX_SAFE_INTEGER
    if depth == 0:
        return False
    if kind is dict:
        for key, item in cast("dict[object, object]", value).items():
            if type(key) is not str or not key.isascii() or not _is_plain(item, depth - 1):
                return False
        return True
    if kind is list:
        return all(_is_plain(item, depth - 1) for item in cast("list[object]", value))
    return False


def struct_bytes(value: msgspec.Struct) -> bytes:
    """Return the RFC 8785 bytes of a struct whose type allows nothing but canonical values.

    Raises:
        InvalidInput: for a lone surrogate.
    """
    try:
        data = _encode(value)
    except UnicodeEncodeError:
        return canonical_bytes(msgspec.to_builtins(value))  # says where it is
    # Where all of it is ASCII, so is every key.
    return data if data.isascii() else canonical_bytes(msgspec.to_builtins(value))


def canonical_bytes(value: object) -> bytes:
    """Return the RFC 8785 bytes of a JSON value.

    Raises:
        InvalidInput: for floats, unsafe integers, non-string keys, lone surrogates, other types.
    """
    plain = plain_bytes(value)
    if plain is not None:
        return plain
    check_canonical(value)
    data: bytes = rfc8785.dumps(cast("Any", value))
    return data


def read_canonical(text: str) -> Any:
    """Return the value of a JSON text that is written as this module writes it, else None.

    What comes out the same byte for byte repeats no key and spells nothing in a second way, so that
    no two parsers read it differently. Several times as fast as asking the parser. None also for
    long integers, which stand for floats.
    """
    if _LONG_INTEGER.search(text):
        return None
    try:
        value = msgspec.json.decode(text)
        return value if _encode(value) == text.encode() else None
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None


def load_json(data: bytes | str) -> Any:
    """Parse JSON that `canonical_bytes` can reproduce.

    Raises:
        InvalidInput: for malformed JSON, repeated keys, floats and unsafe integers.
    """
    if isinstance(data, bytes):
        data = _decode(data)
    check_nesting(data, MAX_DEPTH)
    try:
        value = json.loads(
            data,
            parse_float=reject_number,
            parse_constant=reject_number,
            object_pairs_hook=unique_object,
        )
    except InvalidInput:
        raise
    except ValueError as error:
        raise InvalidInput(f"is not JSON: {error}", field="$") from error
    if plain_bytes(value) is None:
        check_canonical(value)
    return value


def _decode(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise InvalidInput("is not UTF-8", field="$") from None


def reject_number(text: str) -> Any:
    """Refuse a number while parsing. Raises InvalidInput."""
    raise InvalidInput(f"number {text[:40]} is not an integer", field="$")


def unique_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object while parsing. Raises InvalidInput for a repeated key."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise InvalidInput(f"repeats the key {key[:60]!r}", field="$")
        result[key] = value
    return result


def receipt_id(body: object) -> str:
    """Return the id of a receipt body: 0x-hex of the keccak256 of its canonical bytes."""
    return to_hex(keccak256(canonical_bytes(body)))


def receipt_urn(identifier: str) -> str:
    """Return `urn:cortensor:receipt:0x…` for an id."""
    return URN_PREFIX + identifier
