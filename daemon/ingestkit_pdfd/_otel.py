"""Spans of attempts, exported with OpenTelemetry's SDK; the only code of the daemon that knows it.

The provider is this daemon's own: nothing global is set. Samplers, resource attributes, headers and
certificates come from OpenTelemetry's own environment variables.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Self

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ingestkit_pdf.execution.failure import WorkerFailure
from ingestkit_pdf.execution.pool import PoolResult
from ingestkit_pdf.wire.envelope import Job
from ingestkit_pdf.wire.envelope.message import H_TRACEPARENT

from .outcome import Completed, DeadLettered, Outcome, Requeued, Retried

__all__ = ["OtelTracing"]

_SERVICE = "ingestkit-pdfd"
_EXPORT_TIMEOUT = 3.0
_NANO = 1_000_000_000


class OtelTracing:
    """Makes spans and hands them to a processor.

    Args:
        processor: Where ended spans go.
    """

    def __init__(self, processor: SpanProcessor) -> None:
        attributes = {"service.version": version("ingestkit-pdf"), "service.instance.id": _instance()}
        if "OTEL_SERVICE_NAME" not in os.environ:
            attributes["service.name"] = _SERVICE
        self._provider = TracerProvider(resource=Resource.create(attributes), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("ingestkit_pdfd", version("ingestkit-pdf"))

    @classmethod
    def exporting_to(cls, endpoint: str) -> Self:
        """Export in batches, from a thread, to the OTLP/HTTP collector at this URL."""
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_TIMEOUT)
        return cls(BatchSpanProcessor(exporter))

    def begin(self, job: Job, lane: str) -> OtelTrace:
        """A span that is a child of the producer's."""
        return OtelTrace(self._tracer, job, lane)

    def close(self) -> None:
        """Export what is left."""
        self._provider.shutdown()


class OtelTrace:
    """One attempt: `process`, with `wait`, `run` (and its stages) and what was published below it.

    All its times are of one clock: the monotonic one, from the wall clock's time at the beginning.
    """

    def __init__(self, tracer: Tracer, job: Job, lane: str) -> None:
        self._tracer = tracer
        self._offset = time.time_ns() - time.monotonic_ns()
        self._started = self._now()
        parent = TraceContextTextMapPropagator().extract({H_TRACEPARENT: job.traceparent or ""}, Context())
        self._span = tracer.start_span(
            f"process {lane}",
            parent,
            SpanKind.CONSUMER,
            {
                "messaging.system": "rabbitmq",
                "messaging.operation.name": "process",
                "messaging.operation.type": "process",
                "messaging.message.id": job.job_id,
                "ingestkit.lane": lane,
                "ingestkit.attempt": job.attempt,
                "ingestkit.source": job.source.kind,
            },
            start_time=self._started,
        )
        self._context = set_span_in_context(self._span, Context())

    @property
    def traceparent(self) -> str | None:
        """The attempt's span as its children's parent."""
        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier, self._context)
        return carrier.get(H_TRACEPARENT)

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits."""
        return f"{self._span.get_span_context().trace_id:032x}"

    @contextmanager
    def publishing(self, outcome: Outcome) -> Iterator[None]:
        """A span around the publishing, except where nothing is published."""
        if isinstance(outcome, Requeued):
            yield
            return
        name = "retry" if isinstance(outcome, Retried) else "reply"
        span = self._child(name, self._now(), SpanKind.PRODUCER)
        try:
            yield
        finally:
            span.end(self._now())

    def end(self, ended: PoolResult | WorkerFailure, outcome: Outcome, *, wait: float, begun: bool) -> None:
        """Add the stages that are over and how it ended, and end the attempt's span."""
        waited = self._started + round(wait * _NANO)
        self._child("wait", self._started).end(waited)
        if begun:
            run = self._child("run", waited)
            _describe(run, ended)
            over = waited + round(ended.seconds * _NANO)
            self._add_stages(run, ended, waited, over)
            run.end(over)
        self._span.set_attribute("ingestkit.outcome", type(outcome).__name__.lower())
        _describe(self._span, ended)
        if isinstance(outcome, Retried | DeadLettered):
            self._span.set_attribute("error.type", outcome.failure.reason.value)
            self._span.set_status(Status(StatusCode.ERROR, outcome.failure.code.value))
        elif isinstance(outcome, Completed):
            self._span.set_attribute("ingestkit.errors", list(outcome.result.errors))
        self._span.end(self._now())

    def _add_stages(self, run: Span, ended: PoolResult | WorkerFailure, begin: int, end: int) -> None:
        """What the worker said of its stages, by the clock of the kernel that it shares with us.

        It is a worker that says so: nothing lies outside of the run.
        """
        context = set_span_in_context(run, Context())
        for stage in ended.stages if isinstance(ended, PoolResult) else ():
            began = self._offset + round(stage.began * _NANO)
            over = began + round(stage.seconds * _NANO)
            span = self._tracer.start_span(stage.name, context, start_time=min(max(began, begin), end))
            span.end(min(max(over, begin), end))

    def _child(self, name: str, start: int, kind: SpanKind = SpanKind.INTERNAL) -> Span:
        return self._tracer.start_span(name, self._context, kind, start_time=start)

    def _now(self) -> int:
        return self._offset + time.monotonic_ns()


def _describe(span: Span, ended: PoolResult | WorkerFailure) -> None:
    if ended.peak_memory_bytes is not None:
        span.set_attribute("ingestkit.peak_memory_bytes", ended.peak_memory_bytes)
    if isinstance(ended, PoolResult):
        span.set_attribute("ingestkit.pages", ended.pages)
        span.set_attribute("ingestkit.document_bytes", ended.document_bytes)
        span.set_attribute("ingestkit.result_bytes", len(ended.body))
    elif ended.page_reached is not None:
        span.set_attribute("ingestkit.page_reached", ended.page_reached)


def _instance() -> str:
    return f"{os.uname().nodename}:{os.getpid()}"
