# SPDX-License-Identifier: Apache-2.0
"""Options that clients send as headers, because they can set nothing else but headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cortensor.router.problems import InvalidField

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTION_HEADERS: dict[str, tuple[str, ...]] = {
    "X-Cortensor-Compute-Session": ("session_id",),
    "X-Cortensor-Replicas": ("consensus", "replicas"),
    "X-Cortensor-Min-Replicas": ("consensus", "min_replicas"),
    "X-Cortensor-Session-Pool": ("consensus", "session_pool"),
    "X-Cortensor-Strategy": ("consensus", "strategy"),
    "X-Cortensor-Weight-By": ("consensus", "weight_by"),
    "X-Cortensor-Disagreement-Policy": ("consensus", "disagreement_policy"),
    "X-Cortensor-Tier": ("policy", "tier"),
    "X-Cortensor-Timeout-Ms": ("timeout_ms",),
}
"""Header -> the member of the body's `cortensor` that it stands for."""
_NUMBERS = frozenset({"replicas", "min_replicas", "timeout_ms"})


def with_headers(data: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    """Return a body with the options that stand in its headers.

    Raises:
        InvalidField: a header that is no number, or says something else than the body.
    """
    asked = {name: headers[name] for name in OPTION_HEADERS if headers.get(name) is not None}
    given = data.get("cortensor")
    if not asked or not isinstance(given, dict | None):
        return dict(data)
    options: dict[str, Any] = dict(given or {})
    for header, text in asked.items():
        *above, name = OPTION_HEADERS[header]
        place = options
        for each in above:
            inner = place.get(each)
            if not isinstance(inner, dict | None):
                return dict(data)  # the schema refuses it
            place[each] = place = dict(inner or {})
        value = _value(header, name, text)
        if place.get(name, value) not in (None, value):
            raise InvalidField(f"differs from cortensor.{'.'.join([*above, name])}", field=header)
        place[name] = value
    return {**data, "cortensor": options}


def _value(header: str, name: str, text: str) -> Any:
    if name == "session_pool":
        return [each.strip() for each in text.split(",") if each.strip()]
    if name not in _NUMBERS:
        return text.strip()
    if not text.strip().isdecimal() or len(text) > len("2147483647"):
        raise InvalidField("must be a whole number", field=header)
    return int(text)
