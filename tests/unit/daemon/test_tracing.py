"""Spans of attempts, with an exporter in memory; and what is there where nothing traces."""

from __future__ import annotations

import dataclasses

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from ingestkit_pdf import _tracing
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.execution.failure import FailureReason, WorkerFailure
from ingestkit_pdf.execution.pool import PoolResult
from ingestkit_pdf.execution.task import Stage
from ingestkit_pdf.wire.envelope import Job, PathSource
from ingestkit_pdfd import settings
from ingestkit_pdfd._otel import OtelTracing
from ingestkit_pdfd.load_settings import SettingsError, load_settings
from ingestkit_pdfd.outcome import Completed, DeadLettered, Outcome, Requeued, Retried
from ingestkit_pdfd.tracing import NoTracing, make_tracing

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, NOT_SAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"
RESULT = PoolResult(
    body=b"{}", errors=("E_PARSE_PAGE",), pages=1, chunks=1, content_sha256="", seconds=2, peak_memory_bytes=1
)
FORGED = (Stage("open", 0.0, 1.0), Stage("read", 2.0**31, 1.0), Stage("structure", 0.0, 2.0**31))
CRASH = WorkerFailure(reason=FailureReason.CRASHED, message="killed", page_reached=7, seconds=2)


def job(traceparent: str | None) -> Job:
    source = PathSource(path="/secret/name.pdf")
    return Job(job_id="j", reply_to="r", source=source, config=PDFProcessorConfig(), traceparent=traceparent)


def spans(
    ended: PoolResult | WorkerFailure,
    outcome: Outcome,
    *,
    traceparent: str | None = SAMPLED,
    begun: bool = True,
) -> dict[str, ReadableSpan]:
    """The spans of one attempt by name."""
    exporter = InMemorySpanExporter()
    tracing = OtelTracing(SimpleSpanProcessor(exporter))
    trace = tracing.begin(job(traceparent), "bulk")
    with trace.publishing(outcome):
        pass
    trace.end(ended, outcome, wait=0.5, begun=begun)
    tracing.close()
    return {span.name: span for span in exporter.get_finished_spans()}


@pytest.mark.parametrize(
    ("ended", "outcome", "names"),
    [
        (RESULT, Completed(RESULT), {"process bulk", "wait", "run", "reply"}),
        (CRASH, Retried(CRASH, 5), {"process bulk", "wait", "run", "retry"}),
        (CRASH, DeadLettered(CRASH), {"process bulk", "wait", "run", "reply"}),
        (CRASH, Requeued(), {"process bulk", "wait", "run"}),
    ],
)
def test_an_attempt_is_a_child_of_the_producers_span_with_its_stages_below(
    ended: PoolResult | WorkerFailure, outcome: Outcome, names: set[str]
) -> None:
    """The stages would be missing, or be traces of their own."""
    found = spans(ended, outcome)
    assert set(found) == names
    process = found.pop("process bulk")
    assert process.kind is SpanKind.CONSUMER
    assert process.parent is not None
    assert (f"{process.parent.trace_id:032x}", f"{process.parent.span_id:016x}") == (TRACE, SPAN)
    for child in found.values():
        assert child.parent == process.context
    waited, run = found["wait"], found["run"]
    assert waited.end_time == run.start_time == (process.start_time or 0) + 500_000_000
    assert run.end_time == (run.start_time or 0) + 2_000_000_000
    failed = isinstance(outcome, Retried | DeadLettered)
    assert process.status.is_ok is not failed
    assert (process.attributes or {}).get("error.type") == ("crashed" if failed else None)


def test_stages_lie_within_the_run_whatever_the_worker_says() -> None:
    """A worker that was taken over could write spans anywhere into the trace."""
    result = dataclasses.replace(RESULT, stages=FORGED)
    found = spans(result, Completed(result))
    run = found["run"]
    for name in ("open", "read", "structure"):
        assert found[name].parent == run.context
        bounds = [run.start_time, found[name].start_time, found[name].end_time, run.end_time]
        assert bounds == sorted(bounds, key=lambda value: value or 0)


def test_what_no_worker_began_has_no_run() -> None:
    """A document that was refused would look as if it had been read."""
    assert "run" not in spans(CRASH, DeadLettered(CRASH), begun=False)


def test_a_job_that_is_not_sampled_is_not_exported_and_goes_on_as_not_sampled() -> None:
    """A producer that samples one in a thousand would get all of the daemon's spans."""
    assert spans(RESULT, Completed(RESULT), traceparent=NOT_SAMPLED) == {}
    trace = OtelTracing(SimpleSpanProcessor(InMemorySpanExporter())).begin(job(NOT_SAMPLED), "bulk")
    assert trace.traceparent is not None
    assert trace.traceparent.startswith(f"00-{TRACE}-")
    assert trace.traceparent.endswith("-00")


@pytest.mark.parametrize("traceparent", [None, "", "nonsense", "00-0-0-01"])
def test_a_job_without_a_trace_begins_one(traceparent: str | None) -> None:
    """A producer that does not trace, or sends nonsense, would break the attempt."""
    assert spans(RESULT, Completed(RESULT), traceparent=traceparent)["process bulk"].parent is None


def test_spans_name_no_document() -> None:
    """Names of documents would end up in the tracing system, which many can read."""
    assert "secret" not in "".join(span.to_json() for span in spans(RESULT, Completed(RESULT)).values())


def test_a_daemon_that_does_not_trace_passes_the_producers_trace_through() -> None:
    """A client could not continue its trace behind a daemon that does not take part."""
    tracing = make_tracing(None)
    assert isinstance(tracing, NoTracing)
    assert tracing.begin(job(SAMPLED), "bulk").traceparent == SAMPLED


def test_a_producer_whose_application_exports_nothing_sends_no_trace() -> None:
    """Every job would carry a trace that nobody knows."""
    with _tracing.publishing("j", "bulk") as traceparent:
        assert traceparent is None
    _tracing.received("j", "bulk", "nonsense")


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [("localhost:4318", "neither http:// nor https://"), ("ftp://collector", "neither http:// nor https://")],
)
def test_an_endpoint_that_is_no_url_is_refused(endpoint: str, message: str) -> None:
    """The daemon would start, and export nowhere."""
    with pytest.raises(SettingsError, match=message):
        load_settings(options={"trace_endpoint": endpoint})


@pytest.mark.parametrize("has_part", [True, False])
def test_an_endpoint_without_the_extra_says_what_to_install(
    has_part: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon would end with a ModuleNotFoundError in the middle of its start."""

    def missing(name: str) -> None:
        if not has_part:  # nothing of OpenTelemetry; else its API without the exporter
            raise ModuleNotFoundError(name)

    monkeypatch.setattr(settings, "find_spec", missing)
    with pytest.raises(SettingsError, match=r"pip install 'ingestkit-pdf\[otel\]'"):
        load_settings(options={"trace_endpoint": "http://localhost:4318"})
