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
from typing import Any, cast

import structlog
from prometheus_client import CollectorRegistry, disable_created_metrics, make_wsgi_app
from waitress.server import create_server

from ingestkit_pdf.execution.pool import PoolStats

from .gauges import LiveCollector
from .health import Probe, Snapshot
from .metrics import Metrics
from .settings import DaemonSettings

__all__ = ["StatusServer", "status_served"]

_log = structlog.stdlib.get_logger(__name__)

_ROUTES = ("/healthz", "/readyz", "/metrics")
_SERVER = {
    "ident": None,  # says nothing of what it runs on
    "threads": 4,
    "connection_limit": 100,
    "channel_timeout": 5,  # seconds that a client may say nothing
    "cleanup_interval": 1,
    "max_request_header_size": 16 * 1024,
    "max_request_body_size": 16 * 1024,
    "asyncore_use_poll": True,  # select() knows no descriptor above 1023
}
_CLOSE_WITHIN = 2.0

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

    Attributes:
        port: The port it listens on.

    Raises:
        OSError: It cannot listen there.
    """

    def __init__(self, host: str, port: int, probe: Probe, registry: CollectorRegistry) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each
        self._probe = probe
        self._metrics = make_wsgi_app(registry)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listener = socket.create_server((host, port), family=family)
        except OSError as error:
            reason = error.strerror or str(error)
            text = f"cannot listen on http_host {host}, http_port {port}: {reason}"
            raise OSError(error.errno, text) from error
        self.port: int = listener.getsockname()[1]
        self._connections: dict[int, Any] = {}
        self._server = create_server(self._serve, map=self._connections, sockets=[listener], **_SERVER)
        self._thread = threading.Thread(target=self._server.run, name="status", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; an answer that is being made is waited for at most some seconds."""
        self._server.task_dispatcher.shutdown(timeout=_CLOSE_WITHIN)
        if not self._server.task_dispatcher.threads:  # one that is left would write to what is closed
            self._server.trigger.pull_trigger(self._hang_up)
            self._thread.join(_CLOSE_WITHIN)

    def _hang_up(self) -> None:
        """Close every socket, upon which the serving thread ends; called in it."""
        for connection in list(self._connections.values()):
            connection.close()

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
