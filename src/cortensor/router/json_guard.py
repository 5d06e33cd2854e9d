# SPDX-License-Identifier: Apache-2.0
"""JSON from outside, decoded without trusting its depth (see `cortensor.nesting`)."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from cortensor.errors import InvalidInput
from cortensor.nesting import check_nesting


def decode_json(data: str | bytes) -> Any:
    """Return the JSON value in `data`.

    Raises:
        msgspec.DecodeError: malformed, or nested too deep.
    """
    try:
        check_nesting(data)
    except InvalidInput as error:
        raise msgspec.DecodeError("nests too deep") from error
    return msgspec.json.decode(data)


class _RepeatedKeyError(Exception):
    """Carries the first key that an object has twice."""


def repeated_key(data: bytes) -> str | None:
    """Return the first key that some object in a valid JSON text has twice, if any.

    Args:
        data: UTF-8 text that `decode_json` takes, so its depth is known to be harmless.
    """
    try:
        # Numbers stay text: none is needed, and long ones would be costly or refused.
        json.loads(
            data.decode(),
            object_pairs_hook=_unique,
            parse_int=str,
            parse_float=str,
            parse_constant=str,
        )
    except _RepeatedKeyError as error:
        return str(error)
    return None


def _unique(pairs: list[tuple[str, object]]) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise _RepeatedKeyError(key)
        seen.add(key)
