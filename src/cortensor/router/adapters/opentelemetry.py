# SPDX-License-Identifier: Apache-2.0
"""Traces by OpenTelemetry: the adapter of `router.tracing.Tracer`, of the extra `telemetry`.

Exceptions are recorded by their type or stable code, never by their message: that may quote what a
caller or a model said. The only propagation is the W3C's `traceparent`; baggage is not read.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from cortensor.errors import Error
from cortensor.router.tracing import ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.context import Context
    from opentelemetry.trace import Span as OtelSpan

    from cortensor.router.operations_config import TelemetryConfig
    from cortensor.router.tracing import Value

SERVER_ERRORS = 500


class _Span:
    def __init__(self, span: OtelSpan) -> None:
        self._span = span

    def note(self, **attributes: Value) -> None:
        for name, value in attributes.items():
            key = name.replace("__", ".")
            if key not in ATTRIBUTES:
                raise ValueError(f"{key} is no attribute of a trace")
            self._span.set_attribute(key, value)

    def rename(self, name: str) -> None:
        self._span.update_name(name)


class OpenTelemetryTracer:
    """Makes spans and sends them.

    Args:
        config: where to, and how many.
        processor: instead of batches to the configured URL.
    """

    def __init__(self, config: TelemetryConfig, processor: SpanProcessor | None = None) -> None:
        self._provider = TracerProvider(
            resource=Resource({"service.name": config.service_name}),
            sampler=ParentBased(TraceIdRatioBased(config.sample_bps / 10_000)),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(processor or BatchSpanProcessor(_exporter(config)))
        self._tracer = self._provider.get_tracer("cortensor.router")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(self, name: str, **attributes: Value) -> Iterator[_Span]:
        """Time a piece of work."""
        with self._opened(name, SpanKind.INTERNAL, None) as span:
            span.note(**attributes)
            yield span

    @contextmanager
    def arrival(self, name: str, headers: Mapping[str, str]) -> Iterator[_Span]:
        """Time a request, as part of the trace that its `traceparent` names."""
        carrier = {key: headers[key] for key in ("traceparent", "tracestate") if key in headers}
        context = self._propagator.extract(carrier)
        with self._opened(name, SpanKind.SERVER, context) as span:
            yield span

    def headers(self) -> dict[str, str]:
        """Return `traceparent` of the current span, and `tracestate` where there is one."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier

    def close(self) -> None:
        """Send what waits. Blocks for as long as the exporter does."""
        self._provider.shutdown()

    @contextmanager
    def _opened(self, name: str, kind: SpanKind, context: Context | None) -> Iterator[_Span]:
        with self._tracer.start_as_current_span(
            name,
            context,
            kind,
            record_exception=False,
            set_status_on_exception=False,
        ) as raw:
            span = _Span(raw)
            try:
                yield span
            except BaseException as error:
                what = error.code if isinstance(error, Error) else type(error).__name__
                span.note(code=what)
                if not isinstance(error, Error) or error.status >= SERVER_ERRORS:
                    raw.set_status(Status(StatusCode.ERROR, what))
                raise


def _exporter(config: TelemetryConfig) -> SpanExporter:
    return OTLPSpanExporter(endpoint=config.traces_url)
