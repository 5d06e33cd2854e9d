# SPDX-License-Identifier: Apache-2.0
"""JSON from outside, decoded without trusting its depth (see `cortensor.nesting`)."""

from __future__ import annotations

from typing import Any

import msgspec

from cortensor.errors import InvalidInput
from cortensor.nesting import check_nesting


def is_nested_sanely(data: str | bytes) -> bool:
    """Return whether a text nests no deeper than any parser here can take."""
    try:
        check_nesting(data)
    except InvalidInput:
        return False
    return True


def decode_json(data: str | bytes) -> Any:
    """Return the JSON value in `data`.

    Raises:
        msgspec.DecodeError: malformed, or nested too deep.
    """
    if not is_nested_sanely(data):
        raise msgspec.DecodeError("nests too deep")
    return msgspec.json.decode(data)
