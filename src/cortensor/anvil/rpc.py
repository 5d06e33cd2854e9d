# SPDX-License-Identifier: Apache-2.0
"""JSON-RPC as bytes: one call, its answer, its refusal."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

NULL = Raw(b"null")

INVALID_PARAMS = -32602
REFUSED = -32000
INTERNAL = -32603


class Call(Struct):
    """One call. `id` is kept as it came."""

    method: str
    params: list[Any] | dict[str, Any] | None = None
    id: Raw = NULL

    @property
    def arguments(self) -> list[Any]:
        """Its parameters by position; none where it has them by name."""
        return self.params if isinstance(self.params, list) else []


class RpcError(Exception):
    """What a node answers instead of a result.

    Args:
        message: for a person.
        code: JSON-RPC's.
        data: what a contract reverted with, say.
    """

    def __init__(self, message: str, code: int = REFUSED, data: Any = None) -> None:
        super().__init__(message)
        self.message, self.code, self.data = message, code, data


def parse(body: bytes) -> Call | None:
    """Return the call that bytes are, or None if they are none."""
    try:
        return msgspec.json.decode(body, type=Call)
    except msgspec.DecodeError:
        return None


def members(body: bytes) -> list[bytes] | None:
    """Return the calls of a batch, each as it came, or None if bytes are no batch."""
    try:
        return [bytes(raw) for raw in msgspec.json.decode(body, type=list[Raw])]
    except msgspec.DecodeError:
        return None


def request(number: int, method: str, params: list[Any]) -> dict[str, Any]:
    """Return a call of our own."""
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def answer(identity: Raw, result: Any) -> bytes:
    """Return the bytes of a result."""
    return msgspec.json.encode({"jsonrpc": "2.0", "id": identity, "result": result})


def refusal(identity: Raw, error: RpcError) -> bytes:
    """Return the bytes of an error."""
    told = {"code": error.code, "message": error.message}
    if error.data is not None:
        told["data"] = error.data
    return msgspec.json.encode({"jsonrpc": "2.0", "id": identity, "error": told})
