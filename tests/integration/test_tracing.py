"""One trace from producer to daemon and back, exported by real exporters to a collector."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from ingestkit_pdf import DistributedExecutionBackend, PDFProcessorConfig
from support.collector import Collector, Exported, collector
from support.daemon import DaemonProcess
from support.documents import endless_pdf, text_pdf

pytestmark = pytest.mark.broker

QUICK = PDFProcessorConfig(per_document_timeout_seconds=1)


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")  # milliseconds between two batches of the daemon
    with collector() as made:
        yield made


@pytest.fixture
def producer(sink: Collector, monkeypatch: pytest.MonkeyPatch) -> Iterator[trace.Tracer]:
    """An application that exports its own spans to the same collector."""
    provider = TracerProvider(resource=Resource.create({"service.name": "producer"}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{sink.endpoint}/v1/traces")))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    yield provider.get_tracer("application")
    provider.shutdown()


def tree(spans: list[Exported]) -> list[str]:
    """Spans as lines, each below its parent, in the order of their beginnings."""

    def below(parent: str, indent: str) -> list[str]:
        children = sorted((span for span in spans if span.parent_id == parent), key=lambda span: span.start)
        return [
            line
            for span in children
            for line in [f"{indent}{span.service}: {span.name}", *below(span.span_id, indent + "  ")]
        ]

    return below("", "")


def test_a_job_is_one_tree_from_the_producer_through_the_daemon_to_the_reply(
    amqp_url: str, tmp_path: Path, sink: Collector, producer: trace.Tracer
) -> None:
    """Nobody could follow a document from the request that brought it to the answer."""
    path = tmp_path / "a.pdf"
    path.write_bytes(text_pdf("secret words"))
    with DaemonProcess(amqp_url, tmp_path, trace_endpoint=sink.endpoint) as daemon:
        with DistributedExecutionBackend(amqp_url) as backend, producer.start_as_current_span("request"):
            job = backend.submit(str(path), QUICK)
            backend.get_result(job, timeout=30)
        (line,) = daemon.wait_for("attempt_finished")
        spans = sink.wait_for(12)
    assert tree(spans) == [
        "producer: request",
        "  producer: publish default",
        "    ingestkit-pdfd: process default",
        "      ingestkit-pdfd: wait",
        "      ingestkit-pdfd: run",
        "        ingestkit-pdfd: open",
        "        ingestkit-pdfd: read",
        "        ingestkit-pdfd: structure",
        "        ingestkit-pdfd: assemble",
        "        ingestkit-pdfd: encode",
        "      ingestkit-pdfd: reply",
        "      producer: receive default",
    ]
    assert {span.trace_id for span in spans} == {line["trace_id"]}
    process = next(span for span in spans if span.name == "process default")
    assert process.attributes["messaging.message.id"] == job
    assert process.attributes["ingestkit.outcome"] == "completed"
    assert process.attributes["ingestkit.pages"] == 1
    assert not process.failed
    for child in (span for span in spans if span.parent_id == process.span_id and span.service != "producer"):
        assert process.start <= child.start <= child.end <= process.end
    run = next(span for span in spans if span.name == "run")
    stages = sorted((span for span in spans if span.parent_id == run.span_id), key=lambda span: span.start)
    assert [stage.name for stage in stages] == ["open", "read", "structure", "assemble", "encode"]
    assert all(stage.start < stage.end for stage in stages)
    assert all(abs(after.start - before.end) < 10 for before, after in pairwise(stages))  # ns: rounded
    assert run.start <= stages[0].start
    assert stages[-1].end <= run.end
    assert "secret" not in repr(spans)
    assert "a.pdf" not in repr(spans)


def test_a_job_that_fails_is_a_span_that_failed(
    amqp_url: str, tmp_path: Path, sink: Collector, producer: trace.Tracer
) -> None:
    """A trace would look well whose document was killed."""
    path = tmp_path / "a.pdf"
    path.write_bytes(endless_pdf())
    with DaemonProcess(amqp_url, tmp_path, trace_endpoint=sink.endpoint):
        with DistributedExecutionBackend(amqp_url) as backend:
            backend.get_result(backend.submit(str(path), QUICK), timeout=30)
        spans = sink.wait_for(6)
    process = next(span for span in spans if span.name == "process default")
    assert process.failed
    assert process.attributes["error.type"] == "timeout"
    assert process.attributes["ingestkit.outcome"] == "deadlettered"


def test_a_collector_that_is_away_costs_neither_results_nor_the_stop(amqp_url: str, tmp_path: Path) -> None:
    """A broken collector would take the daemons with it."""
    path = tmp_path / "a.pdf"
    path.write_bytes(text_pdf("words"))
    daemon = DaemonProcess(amqp_url, tmp_path, trace_endpoint="http://127.0.0.1:9")
    with daemon:
        with DistributedExecutionBackend(amqp_url) as backend:
            assert backend.get_result(backend.submit(str(path), QUICK), timeout=30).errors == []
        assert daemon.terminate(timeout=15) == 0
    assert not daemon.noise


def test_neither_side_imports_opentelemetry_unless_it_is_used(amqp_url: str, tmp_path: Path) -> None:
    """Everybody would pay for tracing: memory, and the time of every start."""
    path = tmp_path / "a.pdf"
    path.write_bytes(text_pdf("words"))
    code = """
import sys
from ingestkit_pdf import DistributedExecutionBackend, PDFProcessorConfig
with DistributedExecutionBackend(sys.argv[1]) as backend:
    backend.get_result(backend.submit(sys.argv[2], PDFProcessorConfig()), timeout=30)
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""
    with DaemonProcess(amqp_url, tmp_path) as daemon:
        done = subprocess.run(
            [sys.executable, "-c", code, amqp_url, str(path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stdout.strip() == "[]"
        (line,) = daemon.wait_for("attempt_finished")
        assert "trace_id" not in line
        maps = Path(f"/proc/{daemon.process.pid}/maps")
        assert "google/_upb" not in maps.read_text()  # protobuf comes with the exporter
