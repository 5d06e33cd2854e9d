# SPDX-License-Identifier: Apache-2.0
"""The text of a request that its receipt commits to: what caller and router must agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rfc8785

from cortensor.errors import InvalidInput
from cortensor.receipts.body import API_VERSION
from cortensor.receipts.canonical import plain_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping


def request_text(endpoint: str, body: Mapping[str, Any]) -> bytes:
    """Return the RFC 8785 form of `{"api_version", "endpoint", "request"}`.

    Args:
        endpoint: delegate or validate.
        body: v4's body, as it is sent.

    Raises:
        InvalidInput: the body holds a number or text with no canonical form.
    """
    call: dict[str, Any] = {"api_version": API_VERSION, "endpoint": endpoint, "request": dict(body)}
    plain = plain_bytes(call)
    if plain is not None:
        return plain
    try:
        canonical: bytes = rfc8785.dumps(call)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise InvalidInput(f"has no canonical JSON form: {error}", field="$") from error
    return canonical
