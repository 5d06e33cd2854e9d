# SPDX-License-Identifier: Apache-2.0
"""What all streams of events have in common: their type, and how one that broke off says so."""

from __future__ import annotations

from typing import Any, Literal

EVENT_STREAM = "text/event-stream"
INCOMPLETE: Literal["incomplete"] = "incomplete"
"""The finish reason of an answer that broke off."""


def event_schema(shape: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return how the OpenAPI document describes an event whose data is JSON of `shape`.

    The last data of a stream that did not break off is `[DONE]`.
    """
    data: dict[str, Any] = {"type": "string"}
    if shape is not None:
        data |= {"contentMediaType": "application/json", "contentSchema": shape}
    event = {"type": "string"}
    return {"type": "object", "required": ["data"], "properties": {"data": data, "event": event}}
