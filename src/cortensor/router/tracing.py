# SPDX-License-Identifier: Apache-2.0
"""Traces as the service sees them: named spans with a few attributes, none of them a prompt.

Without a configured exporter nothing is traced and nothing is paid for it; with one,
`adapters.opentelemetry` implements the same protocol. What may be an attribute is `ATTRIBUTES`:
ids, counts and stable words, so that no text of a caller or a model can get into a trace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    Value = str | int | bool

ATTRIBUTES = frozenset(
    {
        "cause",
        "charge_wei",
        "code",
        "endpoint",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "index",
        "max_charge_wei",
        "outcome",
        "payment_session",
        "reason",
        "receipt_id",
        "replicas",
        "request_id",
        "session",
        "status",
        "task_id",
    }
)
"""Every attribute there is; anything else is refused, in tests as in service."""


class Span(Protocol):
    """A piece of work that is being timed."""

    def note(self, **attributes: Value) -> None:
        """Add attributes; names that are no Python names are written with `__` for the dot."""

    def rename(self, name: str) -> None:
        """Name it by what became known meanwhile."""


class Tracer(Protocol):
    """Makes spans; they nest by context."""

    def span(self, name: str, **attributes: Value) -> AbstractContextManager[Span]:
        """Time a piece of work."""

    def arrival(self, name: str, headers: Mapping[str, str]) -> AbstractContextManager[Span]:
        """Time a request, as part of the trace that its `traceparent` names."""

    def headers(self) -> dict[str, str]:
        """Return the headers that carry the current trace to a backend."""


class ClosableTracer(Tracer, Protocol):
    """A tracer with something to send at the end."""

    def close(self) -> None:
        """Send what waits."""


class _NoSpan:
    def __enter__(self) -> Span:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def note(self, **attributes: Value) -> None:
        del attributes

    def rename(self, name: str) -> None:
        del name


class NoTracer:
    """Traces nothing."""

    _span = _NoSpan()

    def span(self, name: str, **attributes: Value) -> AbstractContextManager[Span]:
        """Do nothing."""
        del name, attributes
        return self._span

    def arrival(self, name: str, headers: Mapping[str, str]) -> AbstractContextManager[Span]:
        """Do nothing."""
        del name, headers
        return self._span

    def headers(self) -> dict[str, str]:
        """Return no headers."""
        return {}

    def close(self) -> None:
        """Send nothing."""
