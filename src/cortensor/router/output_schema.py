# SPDX-License-Identifier: Apache-2.0
"""The JSON schemas a caller may ask an answer to follow.

A subset, on purpose: no `$ref` but to the schema's own `$defs` (others could name a remote
document) and none that leads back to itself, no `pattern` (a regular expression from outside can
take for ever), bounded size and depth.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import jsonschema
import msgspec

from cortensor.consensus import parse_json
from cortensor.errors import InvalidInput
from cortensor.router.json_guard import decode_json
from cortensor.router.problems import InvalidField

if TYPE_CHECKING:
    from collections.abc import Iterator

_FENCE = re.compile(r"\s*```[A-Za-z]*\s*\n(.*)\n\s*```\s*", re.DOTALL)
MAX_BYTES = 16_384
MAX_DEPTH = 8
FIELD = "output_schema"
ALLOWED = frozenset(
    {
        "type",
        "title",
        "description",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "minItems",
        "maxItems",
        "enum",
        "const",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "anyOf",
    }
)
DEFS, REF = "$defs", "$ref"
REF_PREFIX = "#/$defs/"
SHOWN_FAULTS = 3
FAULT_CHARS = 300


def check_schema(schema: dict[str, Any]) -> None:
    """Refuse a schema outside the supported subset.

    Raises:
        InvalidField: naming the path of the keyword at fault.
    """
    if len(msgspec.json.encode(schema)) > MAX_BYTES:
        raise InvalidField(f"must be at most {MAX_BYTES} bytes", field=FIELD)
    plain = inlined(schema)
    if len(msgspec.json.encode(plain)) > MAX_BYTES:
        raise InvalidField(f"must be at most {MAX_BYTES} bytes without $ref", field=FIELD)
    _walk(plain, FIELD, 0)
    try:
        jsonschema.Draft202012Validator.check_schema(plain)
    except jsonschema.SchemaError as error:
        where = ".".join([FIELD, *map(str, error.absolute_path)])
        raise InvalidField(f"is not a valid JSON schema: {error.message}", field=where) from error


def inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with each reference to its `$defs` replaced by what it names.

    Raises:
        InvalidField: a reference to anything else, or one that leads back to itself.
    """
    named = schema.get(DEFS)
    if named is None:
        named = {}
    if not isinstance(named, dict):
        raise InvalidField("must be an object", field=f"{FIELD}.{DEFS}")
    whole = {keyword: value for keyword, value in schema.items() if keyword != DEFS}
    found = _inline(whole, named, FIELD, (), [MAX_BYTES])
    return found if isinstance(found, dict) else {}


def _inline(
    part: Any, named: dict[str, Any], where: str, inside: tuple[str, ...], left: list[int]
) -> Any:
    """Return `part` without references; `left` bounds the work over the whole schema."""
    left[0] -= 1
    if left[0] < 0:
        raise InvalidField("is too large once its references are followed", field=FIELD)
    if isinstance(part, list):
        return [
            _inline(each, named, f"{where}[{number}]", inside, left)
            for number, each in enumerate(part)
        ]
    if not isinstance(part, dict):
        return part
    given = part.get(REF)
    if not isinstance(given, str):  # a property may be called "$ref"; its value is a schema
        return {
            name: _inline(value, named, f"{where}.{name}", inside, left)
            for name, value in part.items()
        }
    name = given.removeprefix(REF_PREFIX)
    at = f"{where}.{REF}"
    if name == given or name not in named or not isinstance(named[name], dict):
        raise InvalidField("is not one of the schema's own $defs", field=at)
    if name in inside or len(inside) >= MAX_DEPTH:
        raise InvalidField("leads back to itself, or too far", field=at)
    beside = {keyword: value for keyword, value in part.items() if keyword != REF}
    return _inline({**named[name], **beside}, named, where, (*inside, name), left)


def _walk(schema: object, path: str, depth: int) -> None:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise InvalidField("must be a schema object", field=path)
    if depth > MAX_DEPTH:
        raise InvalidField(f"must be at most {MAX_DEPTH} levels deep", field=path)
    for keyword in schema:
        if keyword not in ALLOWED:
            raise InvalidField("is not a supported keyword", field=f"{path}.{keyword}")
    for inner, where in _children(schema, path):
        _walk(inner, where, depth + 1)


def _children(schema: dict[str, Any], path: str) -> Iterator[tuple[object, str]]:
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        raise InvalidField("must be an object", field=f"{path}.properties")
    for name, inner in properties.items():
        yield inner, f"{path}.properties.{name}"
    for keyword in ("items", "additionalProperties"):
        if keyword in schema:
            yield schema[keyword], f"{path}.{keyword}"
    options = schema.get("anyOf", [])
    if not isinstance(options, list):
        raise InvalidField("must be a list", field=f"{path}.anyOf")
    for number, inner in enumerate(options):
        yield inner, f"{path}.anyOf[{number}]"


def parse_output(text: str, schema: dict[str, Any]) -> tuple[bool, Any]:
    """Return (True, value) if `text` is JSON that follows the schema, else (False, None)."""
    is_json, value = _read(text)
    if not is_json:
        return False, None
    return bool(jsonschema.Draft202012Validator(inlined(schema)).is_valid(value)), value


def faults(text: str, schema: dict[str, Any]) -> str:
    """Return what is wrong with an answer, for its model to mend; "" if it follows the schema."""
    is_json, value = _read(text)
    if not is_json:
        return "it is no JSON"
    errors = jsonschema.Draft202012Validator(inlined(schema)).iter_errors(value)
    shown = [
        f"{error.json_path}: {error.message[:FAULT_CHARS]}"
        for error in itertools.islice(errors, SHOWN_FAULTS)
    ]
    return "; ".join(shown)


def _read(text: str) -> tuple[bool, Any]:
    fenced = _FENCE.fullmatch(text)
    try:
        parse_json(text)  # the strict reading consensus uses: no duplicate keys, no NaN
        return True, decode_json(fenced[1] if fenced else text)
    except (InvalidInput, msgspec.DecodeError):
        return False, None
