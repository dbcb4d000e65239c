"""The status port: who asks gets the truth, and nobody who asks gets in the way."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily

from ingestkit_pdfd.health import Probe, Snapshot
from ingestkit_pdfd.status import StatusServer
from support.web import get

UP = Snapshot(consuming=True, publishing=True, draining=False, in_progress={})


class Loop:
    """An event loop in a thread, with a status port beside it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.snapshot = UP
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self.server = asyncio.run_coroutine_threadsafe(self._serve(registry), self.loop).result(5)

    async def _serve(self, registry: CollectorRegistry) -> StatusServer:
        return StatusServer("127.0.0.1", 0, Probe(lambda: self.snapshot, timeout=0.3), registry)

    def get(self, path: str, **options: str) -> tuple[int, dict[str, str]]:
        status, body = get(f"http://127.0.0.1:{self.server.port}{path}", **options)
        return status, json.loads(body)

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """The event loop is stuck in a call while the block runs."""
        stuck, freed = threading.Event(), threading.Event()

        def hang() -> None:
            stuck.set()
            freed.wait(10)

        self.loop.call_soon_threadsafe(hang)
        assert stuck.wait(5)
        yield
        freed.set()

    def close(self) -> None:
        self.server.close()
        self.stop()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop(CollectorRegistry())
    yield made
    made.close()


@pytest.mark.parametrize(
    ("snapshot", "health", "ready", "word"),
    [
        (UP, 200, 200, "consuming"),
        (replace(UP, consuming=False), 200, 503, "waiting for the broker"),
        (replace(UP, draining=True), 200, 503, "draining"),
        (replace(UP, consuming=False, draining=True), 200, 503, "draining"),
        (replace(UP, problem="1 worker is stuck"), 503, 503, "not working: 1 worker is stuck"),
    ],
)
def test_ready_is_who_takes_jobs_and_healthy_who_is_alive(
    loop: Loop, snapshot: Snapshot, health: int, ready: int, word: str
) -> None:
    """A broker that is away would restart every daemon, or one that takes nothing would count as ready."""
    loop.snapshot = snapshot
    assert loop.get("/healthz") == (health, {"status": word})
    assert loop.get("/readyz") == (ready, {"status": word})


def test_a_daemon_whose_event_loop_hangs_is_neither_healthy_nor_ready(loop: Loop) -> None:
    """A hung daemon would never be restarted, since another thread answers for it."""
    with loop.hanging():
        assert loop.get("/healthz") == (503, {"status": "the event loop does not answer"})
        assert loop.get("/readyz")[0] == 503
    assert loop.get("/healthz")[0] == 200


def test_other_paths_and_methods_are_told_what_there_is(loop: Loop) -> None:
    """Who mistypes a path would get a page of metrics, or a traceback."""
    assert loop.get("/health") == (404, {"routes": ["/healthz", "/readyz", "/metrics"]})
    assert loop.get("/healthz", method="POST") == (405, {"allowed": ["GET"]})


def test_a_port_that_is_taken_is_named(loop: Loop) -> None:
    """The second daemon on a host would end with a bare 'address already in use'."""

    async def second() -> None:
        StatusServer("127.0.0.1", loop.server.port, Probe(lambda: UP), CollectorRegistry())

    with pytest.raises(OSError, match=rf"http_host 127\.0\.0\.1, http_port {loop.server.port}: Address"):
        asyncio.run(second())


def test_clients_that_say_nothing_keep_nobody_from_asking(loop: Loop) -> None:
    """Anybody on the host could use up the daemon's threads, or hide it from its probes, by connecting."""
    before = threading.active_count()
    address = ("127.0.0.1", loop.server.port)
    silent = [socket.create_connection(address, timeout=10) for _ in range(40)]
    try:
        silent[0].sendall(b"GET /healthz HTTP/1.1\r\nX-Half: ")
        assert loop.get("/healthz")[0] == 200
        assert threading.active_count() == before
        assert [connection.recv(100) for connection in silent] == [b""] * len(silent)
    finally:
        for connection in silent:
            connection.close()


def test_closing_waits_for_nobody() -> None:
    """A probe that hangs, or one that is being answered, would hold up the end of the daemon."""
    loop = Loop(CollectorRegistry())
    address = ("127.0.0.1", loop.server.port)
    with loop.hanging(), socket.create_connection(address, timeout=10) as asking:
        asking.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
        with socket.create_connection(address, timeout=10):
            started = time.monotonic()
            loop.server.close()
            assert time.monotonic() - started < 3
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=10).close()
    loop.stop()


def test_a_collector_that_breaks_is_logged_and_answered() -> None:
    """Prometheus would see a closed connection, and the log would say nothing."""

    class Broken:
        def describe(self) -> list[GaugeMetricFamily]:
            return []

        def collect(self) -> list[GaugeMetricFamily]:
            raise ValueError("no such process")

    registry = CollectorRegistry()
    registry.register(Broken())
    loop = Loop(registry)
    try:
        with structlog.testing.capture_logs() as logs:
            assert loop.get("/metrics") == (500, {"status": "see the daemon's log"})
    finally:
        loop.close()
    assert [(line["event"], line["task"]) for line in logs] == [("task_broke", "status /metrics")]
