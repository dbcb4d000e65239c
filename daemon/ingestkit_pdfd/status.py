"""`/healthz`, `/readyz` and `/metrics` on one small port, served from threads beside the event loop.

Nothing here is on the path of a job: the threads ask the event loop for a snapshot, and who asks an
event loop that hangs is told so after two seconds.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from prometheus_client import CollectorRegistry, disable_created_metrics, make_wsgi_app

from ingestkit_pdf.execution.pool import PoolStats

from .gauges import LiveCollector
from .health import Probe, Snapshot
from .metrics import Metrics
from .settings import DaemonSettings

__all__ = ["StatusServer", "status_served"]

_log = structlog.stdlib.get_logger(__name__)

_ROUTES = ("/healthz", "/readyz", "/metrics")
_REQUEST_TIMEOUT = 5.0
_CONCURRENT_REQUESTS = 8
_POLL = 0.1
"""Seconds within which the serving thread sees that it is to stop."""

StartResponse = Callable[[str, list[tuple[str, str]]], object]


@asynccontextmanager
async def status_served(
    settings: DaemonSettings,
    metrics: Metrics,
    pool_stats: Callable[[], PoolStats],
    look: Callable[[], Snapshot],
) -> AsyncIterator[None]:
    """Serve the status of this daemon while the block runs, where `http_port` is set.

    Raises:
        OSError: It cannot listen on that port.
    """
    if settings.http_port is None:
        yield
        return
    probe = Probe(look)
    metrics.registry.register(LiveCollector(probe, pool_stats, settings.lanes))
    server = StatusServer(settings.http_host, settings.http_port, probe, metrics.registry)
    _log.info("status_served", host=settings.http_host, port=server.port)
    try:
        yield
    finally:
        await asyncio.to_thread(server.close)


class StatusServer:
    """The three routes; serves from the moment it is made until `close`.

    Args:
        host: The address to listen on.
        port: The port; 0 for any that is free.
        probe: Asks the event loop.
        registry: What `/metrics` shows.

    Raises:
        OSError: It cannot listen there.
    """

    def __init__(self, host: str, port: int, probe: Probe, registry: CollectorRegistry) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each
        self._probe = probe
        self._metrics = make_wsgi_app(registry)
        server_class = _ServerV6 if ":" in host else _Server
        try:
            self._server = make_server(host, port, self._serve, server_class, _Handler)
        except OSError as error:
            reason = error.strerror or str(error)
            text = f"cannot listen on http_host {host}, http_port {port}: {reason}"
            raise OSError(error.errno, text) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL,), name="status", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.server_port

    def close(self) -> None:
        """Stop; requests that are being answered are not waited for."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path not in _ROUTES:
            return _respond(start_response, "404 Not Found", {"routes": _ROUTES})
        if environ["REQUEST_METHOD"] != "GET":
            return _respond(start_response, "405 Method Not Allowed", {"allowed": ["GET"]})
        try:
            if path == "/metrics":
                return cast("Iterable[bytes]", self._metrics(environ, start_response))
            return self._health(path, start_response)
        except Exception as error:  # noqa: BLE001 - a defect of ours; whoever asks is told there is one
            _log.error("task_broke", task=f"status {path}", exc_info=error)
            return _respond(start_response, "500 Internal Server Error", {"status": "see the daemon's log"})

    def _health(self, path: str, start_response: StartResponse) -> Iterable[bytes]:
        snapshot, _ = self._probe.ask()
        if snapshot is None:
            body = {"status": "the event loop does not answer"}
            return _respond(start_response, "503 Service Unavailable", body)
        good = snapshot.problem is None if path == "/healthz" else snapshot.ready
        return _respond(
            start_response,
            "200 OK" if good else "503 Service Unavailable",
            {"status": snapshot.status},
        )


def _respond(start_response: StartResponse, status: str, body: dict[str, Any]) -> Iterable[bytes]:
    content = json.dumps(body).encode() + b"\n"
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
    start_response(status, [*headers, ("Cache-Control", "no-store")])
    return [content]


class _Handler(WSGIRequestHandler):
    timeout = _REQUEST_TIMEOUT

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        """A request is no event of the daemon."""


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each request, and a bound on them: who comes when all are busy is hung up on."""

    daemon_threads = True
    server_name: str
    server_port: int

    def __init__(self, *args: Any, **keywords: Any) -> None:
        self._free = threading.BoundedSemaphore(_CONCURRENT_REQUESTS)
        super().__init__(*args, **keywords)

    def server_bind(self) -> None:
        """Bind without looking up the host's name, for which the base class would wait."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin a request, if there is room for it."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The whole of a request, in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who went away, or said nothing in time, is no event of the daemon."""


class _ServerV6(_Server):
    address_family = socket.AF_INET6
