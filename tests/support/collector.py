"""A collector of traces: takes OTLP over HTTP, as a real exporter sends it, and keeps the spans."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.waiting import until

__all__ = ["Collector", "Exported", "collector"]


@dataclass(frozen=True, slots=True)
class Exported:
    """A span as it arrived; times in nanoseconds."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    start: int
    end: int
    attributes: dict[str, object]
    failed: bool


class Collector:
    """Where to send spans, and those that came."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.spans: list[Exported] = []
        self._lock = threading.Lock()

    def take(self, body: bytes) -> None:
        """Keep what one request has."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {item.key: item.value.string_value for item in resource.resource.attributes}
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                values = {item.key: _value(item.value) for item in span.attributes}
                found = Exported(
                    names.get("service.name", ""),
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    values,
                    span.status.code == span.status.STATUS_CODE_ERROR,
                )
                with self._lock:
                    self.spans.append(found)

    def wait_for(self, count: int) -> list[Exported]:
        """Wait until so many spans have come."""
        until(lambda: len(self.spans) >= count, timeout=20)
        return list(self.spans)


@contextmanager
def collector() -> Iterator[Collector]:
    """A collector that listens while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            found.take(body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Collector(server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _value(value: object) -> object:
    kind = value.WhichOneof("value")  # type: ignore[attr-defined]
    found: object = getattr(value, kind)
    if kind == "array_value":
        return [_value(item) for item in found.values]  # type: ignore[attr-defined]
    return found
