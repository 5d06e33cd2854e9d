# SPDX-License-Identifier: Apache-2.0
"""The JSON schemas a caller may ask an answer to follow.

A subset, on purpose: no `$ref` (it could name a remote document), no `pattern` (a regular
expression from outside can take for ever), bounded size and depth.
"""

from __future__ import annotations

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
        "anyOf",
    }
)


def check_schema(schema: dict[str, Any]) -> None:
    """Refuse a schema outside the supported subset.

    Raises:
        InvalidField: naming the path of the keyword at fault.
    """
    if len(msgspec.json.encode(schema)) > MAX_BYTES:
        raise InvalidField(f"must be at most {MAX_BYTES} bytes", field=FIELD)
    _walk(schema, FIELD, 0)
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        where = ".".join([FIELD, *map(str, error.absolute_path)])
        raise InvalidField(f"is not a valid JSON schema: {error.message}", field=where) from error


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
    fenced = _FENCE.fullmatch(text)
    try:
        parse_json(text)  # the strict reading consensus uses: no duplicate keys, no NaN
        value = decode_json(fenced[1] if fenced else text)
    except (InvalidInput, msgspec.DecodeError):
        return False, None
    return bool(jsonschema.Draft202012Validator(schema).is_valid(value)), value
