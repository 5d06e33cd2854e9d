# SPDX-License-Identifier: Apache-2.0
"""JSON Schemas of the receipt body and of the bundle, made from the structs that read them.

A schema says what a field may hold, and which fields a format has. That the numbers in it follow
from each other is the verifier's to say. `python -m cortensor.receipts.schema` writes the files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from cortensor.pricing import RateCard
from cortensor.receipts.body import FORMATS, Body, later_fields
from cortensor.receipts.bundle import BUNDLE_FORMAT, SECOND_FORMAT, SIGNATURE_CHARS, Bundle
from cortensor.receipts.typed import ReceiptStruct

DIALECT = "https://json-schema.org/draft/2020-12/schema"
RECEIPT, BUNDLE = "Receipt", "Bundle"
_DECIMAL = {"type": "string", "pattern": "^(0|[1-9][0-9]*)$", "maxLength": 78}
_WORD = {"type": "string", "pattern": "^0x[0-9a-f]{64}$", "maxLength": 66}
_OF_A_KEY = {"maxLength": SIGNATURE_CHARS, "minLength": SIGNATURE_CHARS}
_WORDS = frozenset({"receipt_id", "request_commitment", "subject"})


def receipt_schemas() -> dict[str, dict[str, Any]]:
    """Return the schemas by name, each complete in itself."""
    return {RECEIPT: _document(RECEIPT, Body), BUNDLE: _document(BUNDLE, Bundle)}


def _document(name: str, shape: type[msgspec.Struct]) -> dict[str, Any]:
    (ref,), parts = msgspec.json.schema_components([shape], ref_template="#/$defs/{name}")
    parts[Body.__name__]["allOf"] = [_of_format(level) for level in range(len(FORMATS))]
    if shape is Bundle:
        bundle = parts[Bundle.__name__]
        fields = ReceiptStruct.__struct_fields__
        bundle["properties"]["charge"] = _object(
            {field: _WORD if field in _WORDS else _DECIMAL for field in fields}
        )
        bundle["properties"]["card"] = _object(dict.fromkeys(RateCard.__struct_fields__, True))
        bundle["allOf"] = _bundle_formats()
    whole = {"$schema": DIALECT, "$id": f"/schemas/{name}.json", **ref, "$defs": parts}
    # The struct's name says nothing outside of this package.
    parts[RECEIPT] = {**parts.pop(Body.__name__), "title": RECEIPT}
    named: dict[str, Any] = json.loads(
        json.dumps(whole).replace(f'"#/$defs/{Body.__name__}"', f'"#/$defs/{RECEIPT}"')
    )
    return named


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _of_format(level: int) -> dict[str, Any]:
    """Return which fields a receipt of a format has, beside those that all have."""
    held = {name: _held(fields, level) for name, fields in later_fields().items()}
    replicas = {"type": "array", "items": held["replica"]}
    return {
        "if": {"properties": {"format": {"const": FORMATS[level]}}},
        "then": {
            "properties": {"consensus": held["consensus"], "replicas": replicas},
            **held["body"],
        },
    }


def _held(fields: dict[str, int], level: int) -> dict[str, Any]:
    there = [name for name, since in fields.items() if level >= since]
    absent = [{"required": [name]} for name, since in fields.items() if level < since]
    return {"required": there, **({"not": {"anyOf": absent}} if absent else {})}


def _bundle_formats() -> list[dict[str, Any]]:
    own = ["revocation", "signed_by"]
    whole = {"not": {"$ref": "#/$defs/Detached"}}
    record = {"properties": {"replica": {"properties": {"output": whole}}}}
    plain = {
        "properties": {
            "signature": _OF_A_KEY,
            "evidence": {"items": record},
            "request": {"properties": {"canonical": whole}},
        },
        "not": {"anyOf": [{"required": [name]} for name in own]},
    }
    by_key = {"properties": {"signed_by": {"const": "key"}}, "required": ["signed_by"]}
    return [
        {"if": {"properties": {"format": {"const": BUNDLE_FORMAT}}}, "then": plain},
        {"if": {"properties": {"format": {"const": SECOND_FORMAT}}}, "then": {"required": own}},
        {"if": by_key, "then": {"properties": {"signature": _OF_A_KEY}}},
    ]


def render(schema: dict[str, Any]) -> str:
    """Return a schema as the text of its file."""
    return json.dumps(schema, indent=1) + "\n"


def main(folder: Path) -> None:
    """Write the schemas into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in receipt_schemas().items():
        folder.joinpath(f"{name}.json").write_text(render(schema), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
