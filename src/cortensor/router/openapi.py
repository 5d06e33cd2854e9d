# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document, generated from the request and response structs."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from cortensor.router import key_schemas, schemas
from cortensor.router.body_routes import body_paths
from cortensor.router.chat import document as chat_document
from cortensor.router.headers import (
    IDEMPOTENCY_HEADER,
    MAX_CHARGE_HEADER,
    SALT_HEADER,
    SIGNATURE_HEADER,
    VOUCHER_HEADER,
)
from cortensor.router.log_routes import log_paths
from cortensor.router.receipt_page import page_paths
from cortensor.router.versions.event_format import EVENT_STREAM, event_schema
from cortensor.router.versions.faces import FACES, Face

VERSION = "0.1.0"
SCHEMAS: tuple[type[Struct], ...] = (
    *dict.fromkeys(shape for face in FACES for shape in (face.request, face.answer)),
    schemas.QuoteResponse,
    schemas.ReceiptResponse,
    schemas.BatchResponse,
    schemas.SessionsResponse,
    schemas.TasksResponse,
    schemas.VoucherRequest,
    schemas.VoucherResponse,
    key_schemas.KeyGiven,
    key_schemas.KeyAdded,
    key_schemas.KeyState,
    key_schemas.KeysResponse,
    schemas.Problem,
    *chat_document.SHAPES,
)
PAID_HEADERS = (
    IDEMPOTENCY_HEADER,
    SALT_HEADER,
    MAX_CHARGE_HEADER,
    SIGNATURE_HEADER,
    VOUCHER_HEADER,
)
_QUOTE_QUERY = (
    ("session_id", "string", True),
    ("endpoint", "string", False),
    ("replicas", "integer", False),
    ("min_replicas", "integer", False),
    ("max_tokens", "integer", False),
    ("input_bytes", "integer", False),
    ("session_pool", "string", False),
    ("strategy", "string", False),
    ("weight_by", "string", False),
    ("disagreement_policy", "string", False),
    ("agreement_threshold_bps", "integer", False),
    ("tier", "string", False),
)
_PAID_PROBLEMS = (400, 401, 402, 403, 404, 408, 409, 413, 415, 422, 429, 500, 502, 503)


def document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document as JSON data."""
    refs, components = msgspec.json.schema_components(
        SCHEMAS, ref_template="#/components/schemas/{name}"
    )
    ref = {shape.__name__: found for shape, found in zip(SCHEMAS, refs, strict=True)}
    paths: dict[str, Any] = {face.path: {"post": _paid(face, ref)} for face in FACES}
    either = {"oneOf": [ref["DelegateRequest"], ref["ValidateRequest"]]}
    quoted = _responses(ref["QuoteResponse"], ref["Problem"], (400, 401, 403, 404, 409, 422, 503))
    query = [_parameter(name, "query", kind, needed) for name, kind, needed in _QUOTE_QUERY]
    paths["/api/v4/quote"] = {
        "get": {
            "summary": "The most a call of a size can cost",
            "security": [{}, {"grant": []}, {"key": []}],
            "parameters": query,
            "responses": quoted,
        },
        "post": {
            "summary": "The most this call can cost",
            "security": [{}, {"grant": []}, {"key": []}],
            "requestBody": _body(either),
            "responses": _responses(
                ref["QuoteResponse"],
                ref["Problem"],
                (400, 401, 403, 404, 408, 409, 413, 415, 422, 503),
            ),
        },
    }
    paths["/api/v4/voucher"] = {
        "post": {
            "summary": "Hand in a signed total of a voucher session",
            "security": [{"grant": []}, {"key": []}],
            "requestBody": _body(ref["VoucherRequest"]),
            "responses": _responses(
                ref["VoucherResponse"],
                ref["Problem"],
                (400, 401, 404, 408, 409, 413, 415, 422, 503),
            ),
        }
    }
    paths["/api/v4/receipt/{receipt_id}"] = {
        "get": {
            "summary": "A receipt, or with bundle=1 the verifier's file; body and file by grant",
            "security": [{}, {"grant": []}, {"key": []}],
            "parameters": [
                _parameter("receipt_id", "path", "string", True),
                _parameter("bundle", "query", "string", False),
            ],
            "responses": _responses(ref["ReceiptResponse"], ref["Problem"], (401, 404)),
        }
    }
    text = _responses({"type": "string"}, ref["Problem"], (401, 404))
    text["200"]["content"] = {"text/plain": {"schema": {"type": "string"}}}
    paths["/api/v4/receipt/{receipt_id}/text/{keccak256}"] = {
        "get": {
            "summary": "A long text that is beside the bundle, by the hash of its UTF-8",
            "security": [{"grant": []}, {"key": []}],
            "parameters": [
                _parameter("receipt_id", "path", "string", True),
                _parameter("keccak256", "path", "string", True),
            ],
            "responses": text,
        }
    }
    paths["/api/v4/batch/{root}"] = {
        "get": {
            "summary": "A settlement batch with its leaves",
            "parameters": [_parameter("root", "path", "string", True)],
            "responses": _responses(ref["BatchResponse"], ref["Problem"], (404,)),
        }
    }
    paths |= body_paths(
        [
            _parameter("root", "path", "string", True),
            _parameter("first", "query", "integer", False),
        ],
        _responses({"type": "object"}, ref["Problem"], (400, 404)),
    )
    paths["/api/v4/sessions"] = {
        "get": {
            "summary": "States of the compute sessions",
            "responses": _responses(ref["SessionsResponse"], ref["Problem"], ()),
        }
    }
    paths["/api/v4/tasks"] = {
        "get": {
            "summary": "The running tasks of the caller's payment session",
            "security": [{"grant": []}, {"key": []}],
            "responses": _responses(ref["TasksResponse"], ref["Problem"], (401, 404)),
        }
    }
    paths |= _key_paths(ref)
    paths["/metrics"] = {
        "get": {
            "summary": "Counters and states in Prometheus' text format",
            "security": [{"key": []}],
            "responses": {
                "200": {
                    "description": "Done",
                    "content": {"text/plain": {"schema": {"type": "string"}}},
                },
                **_problems(ref["Problem"], (401, 403, 404, 429)),
            },
        }
    }
    for path, title in (("/healthz", "The process answers"), ("/readyz", "All parts answer")):
        anything = {"type": "object"}
        paths[path] = {
            "get": {"summary": title, "responses": _responses(anything, ref["Problem"], ())}
        }
    paths |= chat_document.chat_paths(ref, PAID_HEADERS)
    paths |= _published_paths(ref)
    paths |= page_paths(_problems(ref["Problem"], (404,)))
    paths |= log_paths(_problems(ref["Problem"], (404,)))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Cortensor router", "version": VERSION},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "grant": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "ctx1.<session>.<expires>.<signature of the payer>",
                },
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "ctk1_<43 characters>, an API key; its scopes say what for",
                },
            },
        },
    }


def _paid(face: Face, ref: dict[str, dict[str, Any]]) -> dict[str, Any]:
    named = [_parameter(name, "header", "string", False) for name in PAID_HEADERS]
    if "{session_id}" in face.path:
        named.append(_parameter("session_id", "path", "string", True))
    responses = _responses(ref[face.answer.__name__], ref["Problem"], _PAID_PROBLEMS)
    if "stream" in face.request.__struct_fields__:
        responses["200"]["content"][EVENT_STREAM] = {"schema": event_schema()}
    return {
        "summary": face.title,
        "security": [{"grant": []}, {"key": []}],
        "parameters": named,
        "requestBody": _body(ref[face.request.__name__]),
        "responses": responses,
    }


def _key_paths(ref: dict[str, dict[str, Any]]) -> dict[str, Any]:
    bad = ref["Problem"]
    return {
        "/api/v4/keys": {
            "get": {
                "summary": "The API keys of the caller's payment session",
                "security": [{"grant": []}],
                "responses": _responses(ref["KeysResponse"], bad, (401, 404, 503)),
            },
            "post": {
                "summary": "Hand in an API key that the payer signed for",
                "requestBody": _body(ref["KeyGiven"]),
                "responses": _responses(
                    ref["KeyAdded"], bad, (400, 401, 404, 408, 409, 413, 415, 422, 503)
                ),
            },
        },
        "/api/v4/keys/{key_hash}": {
            "delete": {
                "summary": "Revoke an API key of the caller's payment session",
                "security": [{"grant": []}],
                "parameters": [_parameter("key_hash", "path", "string", True)],
                "responses": _responses(ref["KeyState"], bad, (401, 404, 503)),
            }
        },
    }


def _published_paths(ref: dict[str, dict[str, Any]]) -> dict[str, Any]:
    anything = {"type": "object"}
    one = _responses(anything, ref["Problem"], (404,))
    one["200"]["content"] = {"application/schema+json": {"schema": anything}}
    return {
        "/openapi.json": {
            "get": {"summary": "This document", "responses": _responses(anything, {}, ())}
        },
        "/schemas": {
            "get": {
                "summary": "Where the JSON Schemas are",
                "responses": _responses(anything, {}, ()),
            }
        },
        "/schemas/{name}.json": {
            "get": {
                "summary": "The JSON Schema of a request or an answer",
                "parameters": [_parameter("name", "path", "string", True)],
                "responses": one,
            }
        },
    }


def _body(shape: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": shape}}}


def _parameter(name: str, place: str, kind: str, required: bool) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": {"type": kind}}


def _responses(
    good: dict[str, Any], bad: dict[str, Any], problems: tuple[int, ...]
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "200": {"description": "Done", "content": {"application/json": {"schema": good}}}
    }
    return found | _problems(bad, problems)


def _problems(bad: dict[str, Any], statuses: tuple[int, ...]) -> dict[str, Any]:
    shown = {
        "description": "Refused",
        "content": {"application/problem+json": {"schema": bad}},
    }
    return {str(status): shown for status in statuses}
