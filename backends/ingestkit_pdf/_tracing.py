"""The producer's part of a trace, where the application uses OpenTelemetry; else nothing, at no cost.

Whether it does is seen from what it has imported: nothing of OpenTelemetry is imported here. Where the
spans go is the application's own choice, made with its tracer provider.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from typing import Any

__all__ = ["publishing", "received"]

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
"""Version 0 of https://www.w3.org/TR/trace-context/#traceparent-header"""


@contextmanager
def publishing(job_id: str, lane: str) -> Iterator[str | None]:
    """A span around the submission of a job; yields the traceparent that the job carries."""
    api = _api()
    if api is None:
        yield None
        return
    # An exception's text may name the document, so it is not recorded.
    with _tracer(api).start_as_current_span(
        f"publish {lane}",
        kind=api.SpanKind.PRODUCER,
        attributes=_attributes("send", "publish", job_id, lane),
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        context = span.get_span_context()
        try:
            yield (
                f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
                if context.is_valid
                else None
            )
        except Exception as error:
            span.set_status(api.Status(api.StatusCode.ERROR, type(error).__name__))
            raise


def received(job_id: str, lane: str, traceparent: str | None) -> None:
    """A result was handed over: the last span of its job's trace, linked to the caller's own."""
    api = _api()
    found = _TRACEPARENT.fullmatch(traceparent or "")
    if api is None or found is None:
        return
    trace_id, span_id, flags = (int(part, 16) for part in found.groups())
    sender = api.SpanContext(trace_id, span_id, is_remote=True, trace_flags=api.TraceFlags(flags))
    caller = api.get_current_span().get_span_context()
    _tracer(api).start_span(
        f"receive {lane}",
        context=api.set_span_in_context(api.NonRecordingSpan(sender)),
        kind=api.SpanKind.CONSUMER,
        attributes=_attributes("receive", "receive", job_id, lane),
        links=[api.Link(caller)] if caller.is_valid else [],
    ).end()


def _attributes(kind: str, name: str, job_id: str, lane: str) -> dict[str, str]:
    return {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": kind,
        "messaging.operation.name": name,
        "messaging.message.id": job_id,
        "ingestkit.lane": lane,
    }


def _api() -> Any:
    return sys.modules.get("opentelemetry.trace")


def _tracer(api: Any) -> Any:
    return api.get_tracer("ingestkit_pdf", _version())


@cache
def _version() -> str:
    return version("ingestkit-pdf")
